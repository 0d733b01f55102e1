"""Where each stream stands, and the one transaction that moves it on."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from coworker_pipelines.connections.rows import (
    Connection,
    PendingDerivation,
    StreamState,
    SyncStream,
)
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.errors import DefectError, RefusedError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.page import Cursor


def stream_state(session: Session, scope: Scope, stream: str, window: Window) -> StreamState | None:
    return session.get(StreamState, (scope.connection, stream, as_date(window)))


def latest_state(session: Session, scope: Scope, stream: str) -> StreamState | None:
    """The state of the latest window: where a stream stands whose cursor is no time."""
    return session.scalar(
        select(StreamState)
        .where(StreamState.connection_id == scope.connection, StreamState.stream == stream)
        .order_by(StreamState.window.desc())
        .limit(1)
    )


def confirm_segment(
    session: Session,
    *,
    scope: Scope,
    run_sync: str,
    written_sync: str,
    stream: str,
    window: Window,
    ordinal: int,
    counts: Counts,
    cursor: Cursor | None,
    raw_bytes: int,
    selection_version: int,
    seconds: float = 0.0,
) -> bool:
    """Commit one stored segment: its cursor and its counts; ``None`` leaves the cursor.

    ``ordinal`` counts the segments of the manifest that ``written_sync`` began, from 0. A
    segment that is confirmed already (a crash came before the manifest said so) changes
    nothing, and ``False`` comes back.

    Raises:
        DefectError: the counts do not balance, or a segment before this one is not confirmed.
        RefusedError: the connection's epoch was raised.
    """
    if not counts.balanced:
        raise DefectError(
            f"The balance of {stream} does not hold: {counts.read} read, "
            f"{counts.accounted} accounted for."
        )
    fence(session, scope)
    state = _state_of(session, scope, stream, window, selection_version)
    confirmed = state.segments_confirmed if state.written_sync == written_sync else 0
    if ordinal < confirmed:
        return False
    if ordinal > confirmed:
        raise DefectError(f"Segment {ordinal} of {stream} came before segment {confirmed}.")
    state.written_sync = written_sync
    state.segments_confirmed = ordinal + 1
    if cursor is not None:
        state.cursor = dict(cursor)
    state.selection_version = selection_version
    state.add_counts(counts)
    part = sync_stream(session, scope, run_sync, stream, window)
    part.add_counts(counts)
    part.raw_bytes += raw_bytes
    part.seconds += seconds
    return True


def finish_window(
    session: Session,
    *,
    scope: Scope,
    run_sync: str,
    stream: str,
    window: Window,
    selection_version: int,
    complete: bool | None,
    removed: int = 0,
) -> None:
    """The source had no more; ``complete`` where the month is over as well, ``None`` leaves it."""
    fence(session, scope)
    state = _state_of(session, scope, stream, window, selection_version)
    if complete is not None:
        state.complete = complete
    state.selection_version = selection_version
    sync_stream(session, scope, run_sync, stream, window).removed += removed


def fence(session: Session, scope: Scope) -> None:
    """Go on only while the connection is in the scope's epoch, which then stays until commit.

    ``raise_epoch`` takes the same lock exclusively, and so waits for transactions like this.
    It is no row lock, because that would need the right to update connections.

    Raises:
        RefusedError: it is not: a deletion, or a new start, has shut this writer out.
    """
    session.execute(select(func.pg_advisory_xact_lock_shared(fence_key(scope.connection))))
    epoch = session.scalar(select(Connection.epoch).where(Connection.id == scope.connection))
    if epoch != scope.epoch:
        raise RefusedError("This connection has been deleted or started anew since this run began.")


def fence_key(connection_id: str) -> ColumnElement[int]:
    """The advisory lock between a connection's writers and whoever shuts them out."""
    return func.hashtextextended(connection_id, 0)


def sync_stream(
    session: Session, scope: Scope, sync: str, stream: str, window: Window
) -> SyncStream:
    """The part of a sync for one stream and window; made on first use."""
    key: dict[str, Any] = {"sync_id": sync, "stream": stream, "window": as_date(window)}
    session.execute(
        insert(SyncStream)
        .values(tenant_id=scope.tenant, **key)
        .on_conflict_do_nothing(index_elements=list(key))
    )
    part = session.get(SyncStream, (sync, stream, as_date(window)))
    assert part is not None
    return part


def await_activities(
    session: Session, scope: Scope, stream: str, window: Window, sync: str
) -> None:
    """Note that documents of this sync wait for their activities."""
    session.execute(
        insert(PendingDerivation)
        .values(
            tenant_id=scope.tenant,
            connection_id=scope.connection,
            stream=stream,
            window=as_date(window),
            sync_id=sync,
        )
        .on_conflict_do_nothing()
    )


def as_date(window: Window) -> date:
    return window.start_at.date()


def _state_of(
    session: Session, scope: Scope, stream: str, window: Window, selection_version: int
) -> StreamState:
    key: dict[str, Any] = {
        "connection_id": scope.connection,
        "stream": stream,
        "window": as_date(window),
    }
    session.execute(
        insert(StreamState)
        .values(
            tenant_id=scope.tenant,
            complete=False,
            selection_version=selection_version,
            segments_confirmed=0,
            **key,
        )
        .on_conflict_do_nothing(index_elements=list(key))
    )
    state = session.get(StreamState, tuple(key.values()), with_for_update=True)
    assert state is not None
    return state
