"""Which connections are due: the one question that a tick asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import not_, select, update
from sqlalchemy.orm import Session

from coworker_pipelines.connections.connections import schedule_of
from coworker_pipelines.connections.rows import Connection, StreamState
from coworker_pipelines.connections.schedules import next_due
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window

OPEN_WINDOWS_MAX = 12
"""How many earlier months, at most, one tick asks to close for one connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueConnection:
    """``windows``: the current month, and earlier ones that were begun and are not complete."""

    handle: str
    kind: str
    scope: Scope
    due_at: datetime
    windows: tuple[Window, ...]


def due_connections(session: Session, *, now: datetime, limit: int) -> list[DueConnection]:
    """Those whose time has come, the longest waiting first; none that needs somebody to act.

    One indexed query, and one more for the open windows of what it found: the cost follows
    what is due, not what exists.
    """
    rows = session.execute(
        select(
            Connection.id,
            Connection.tenant_id,
            Connection.epoch,
            Connection.handle,
            Connection.kind,
            Connection.due_at,
        )
        .where(
            Connection.due_at <= now,
            Connection.paused_at.is_(None),
            Connection.needs_attention.is_(None),
        )
        .order_by(Connection.due_at)
        .limit(limit)
    ).all()
    windows = _open_windows(session, [row.id for row in rows], Window.of(now))
    return [
        DueConnection(
            handle=row.handle,
            kind=row.kind,
            scope=Scope(tenant=row.tenant_id, connection=row.id, epoch=row.epoch),
            due_at=row.due_at,
            windows=windows[row.id],
        )
        for row in rows
    ]


def mark_started(session: Session, due: DueConnection, *, now: datetime) -> bool:
    """Move the connection to its next due time.

    ``False`` if that is not ours to do: another sensor did so before, the schedule was
    changed meanwhile, or the connection is gone.
    """
    connection = session.get(Connection, due.scope.connection)
    if connection is None:
        return False
    following = next_due(schedule_of(connection), after=now, connection_id=connection.id)
    moved = session.execute(
        update(Connection)
        .where(Connection.id == connection.id, Connection.due_at == due.due_at)
        .values(due_at=following)
        .returning(Connection.id)
        .execution_options(synchronize_session=False)
    ).first()
    return moved is not None


def _open_windows(
    session: Session, connection_ids: Sequence[str], current: Window
) -> dict[str, tuple[Window, ...]]:
    rows = session.execute(
        select(StreamState.connection_id, StreamState.window)
        .where(
            StreamState.connection_id.in_(connection_ids),
            not_(StreamState.complete),
            StreamState.window < current.start_at.date(),
        )
        .distinct()
        .order_by(StreamState.window.desc())
    ).all()
    found: dict[str, tuple[Window, ...]] = {}
    for connection_id in connection_ids:
        earlier = [Window(day.year, day.month) for owner, day in rows if owner == connection_id]
        found[connection_id] = (*reversed(earlier[:OPEN_WINDOWS_MAX]), current)
    return found
