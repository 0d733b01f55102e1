"""Truths about a connection that can be asked at any time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from elasticsearch import Elasticsearch
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.rows import Connection, Sync, SyncStream
from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import ask
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.scope import Scope

OVERDUE_GRACE: Final = timedelta(hours=1)
"""A connection waits for its turn in the queue: an hour behind its time is no fault yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Whether something holds, and in one sentence what was seen."""

    passed: bool
    summary: str
    metadata: Mapping[str, str | int | float | bool] = field(default_factory=dict)


def balance_of_last_sync(session: Session, scope: Scope, stream: str) -> CheckResult:
    """Whether every record of the stream that the last sync read is accounted for."""
    last = session.scalar(
        select(Sync.id)
        .where(Sync.connection_id == scope.connection)
        .order_by(Sync.started_at.desc())
        .limit(1)
    )
    parts = session.scalars(
        select(SyncStream).where(SyncStream.sync_id == last, SyncStream.stream == stream)
    ).all()
    counts = sum((part.counts for part in parts), Counts())
    holds = all(part.counts.balanced for part in parts)
    return CheckResult(
        passed=holds,
        summary=f"{stream}: {counts.read} read, {counts.accounted} accounted for.",
        metadata={
            "read": counts.read,
            "indexed": counts.indexed,
            "unchanged": counts.unchanged,
            "rejected": counts.rejected,
            "suppressed": counts.suppressed,
            "filtered": counts.filtered,
        },
    )


def index_owner(client: Elasticsearch, scope: Scope, stream: str) -> CheckResult:
    """Whether the stream's alias leads to the one index that bears this connection's name."""
    alias = names.documents_alias(scope, stream)
    found = sorted(ask(lambda: client.indices.get_alias(name=alias)).body)
    expected = names.documents_index(scope, stream)
    holds = found == [expected]
    return CheckResult(
        passed=holds,
        summary=f"{stream}: the alias leads to {'its own index' if holds else 'another index'}.",
        metadata={"index": ", ".join(found)},
    )


def freshness(session: Session, kind: str, *, now: datetime) -> CheckResult:
    """Whether no connection of the kind waits for its sync longer than the grace allows."""
    of_kind = select(func.count()).select_from(Connection).where(Connection.kind == kind)
    scheduled = of_kind.where(Connection.due_at.is_not(None), Connection.paused_at.is_(None))
    overdue = session.scalar(scheduled.where(Connection.due_at < now - OVERDUE_GRACE)) or 0
    total = session.scalar(scheduled) or 0
    return CheckResult(
        passed=overdue == 0,
        summary=f"{overdue} of {total} scheduled connections are overdue by more than an hour.",
        metadata={"overdue": overdue, "scheduled": total},
    )
