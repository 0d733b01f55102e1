"""Syncs: one run over one connection."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from coworker_pipelines.connections.naming import unknown
from coworker_pipelines.connections.rows import Connection, Sync, SyncStream
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window


class SyncStatus(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


INTERRUPTED = "The run ended without saying how."


def start_sync(
    session: Session, scope: Scope, *, run_id: str, windows: Sequence[Window], now: datetime
) -> Sync:
    """The sync of this run: made by its first phase, gone on with by the others.

    Raises:
        RefusedError: the run is another connection's.
    """
    session.execute(
        insert(Sync)
        .values(
            id=new_id(IdPrefix.SYNC),
            tenant_id=scope.tenant,
            connection_id=scope.connection,
            run_id=run_id,
            windows=[window.key for window in windows],
            status=SyncStatus.RUNNING,
            started_at=now,
        )
        .on_conflict_do_nothing(index_elements=["run_id"])
    )
    sync = session.scalar(select(Sync).where(Sync.run_id == run_id))
    if sync is None or sync.connection_id != scope.connection:
        raise RefusedError("This run works on another connection.")
    sync.status = SyncStatus.RUNNING
    sync.ended_at = sync.error = None
    return sync


def end_sync(session: Session, sync_id: str, *, now: datetime, error: str | None) -> None:
    """A phase of the sync has ended; with an error, the sync has failed."""
    session.execute(
        update(Sync)
        .where(Sync.id == sync_id)
        .values(
            status=SyncStatus.FAILED if error else SyncStatus.SUCCEEDED, error=error, ended_at=now
        )
    )


def end_interrupted(session: Session, scope: Scope, *, current: str, now: datetime) -> None:
    """Syncs that a dead process left running have failed; called under the connection's lock."""
    session.execute(
        update(Sync)
        .where(
            Sync.connection_id == scope.connection,
            Sync.status == SyncStatus.RUNNING,
            Sync.id != current,
        )
        .values(status=SyncStatus.FAILED, error=INTERRUPTED, ended_at=now)
    )


def find_sync(session: Session, sync_id: str) -> Sync:
    """The sync of that id, or of that run.

    Raises:
        TenantActionError: there is none.
    """
    sync = session.scalar(select(Sync).where((Sync.id == sync_id) | (Sync.run_id == sync_id)))
    if sync is None:
        raise unknown("sync", sync_id, ())
    return sync


def list_syncs(session: Session, *, connection_id: str | None = None, limit: int) -> Sequence[Sync]:
    """The latest syncs first."""
    statement = select(Sync).order_by(Sync.started_at.desc(), Sync.id).limit(limit)
    if connection_id is not None:
        statement = statement.where(Sync.connection_id == connection_id)
    return session.scalars(statement).all()


def sync_parts(session: Session, sync_id: str) -> Sequence[SyncStream]:
    return session.scalars(
        select(SyncStream)
        .where(SyncStream.sync_id == sync_id)
        .order_by(SyncStream.stream, SyncStream.window)
    ).all()


def describe_sync(session: Session, sync: Sync, *, with_streams: bool = False) -> dict[str, Any]:
    """A sync as a person reads it; with ``streams`` where asked for."""
    parts = sync_parts(session, sync.id)
    connection = session.get_one(Connection, sync.connection_id)
    content: dict[str, Any] = {
        "sync": sync.id,
        "connection": connection.handle,
        "status": sync.status,
        "windows": sync.windows,
        "started_at": sync.started_at,
        "ended_at": sync.ended_at,
        "error": sync.error,
        "run": sync.run_id,
        **_totals(parts),
    }
    if with_streams:
        content["streams"] = [
            {"stream": part.stream, "window": part.window.isoformat(), **_totals([part])}
            for part in parts
        ]
    return content


def _totals(parts: Sequence[SyncStream]) -> dict[str, Any]:
    total = sum((part.counts for part in parts), Counts())
    return {
        "read": total.read,
        "indexed": total.indexed,
        "unchanged": total.unchanged,
        "rejected": total.rejected,
        "suppressed": total.suppressed,
        "filtered": total.filtered,
        "balanced": total.balanced,
        "removed": sum(part.removed for part in parts),
        "activities": sum(part.activities for part in parts),
        "decisions": sum(part.decisions for part in parts),
        "actions": sum(part.actions for part in parts),
        "seconds": round(sum(part.seconds for part in parts), 2),
    }
