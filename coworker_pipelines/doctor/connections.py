"""Whether a person is needed: failed and overdue connections, an overdue review of access."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from coworker_pipelines.access.reviews import review_state
from coworker_pipelines.connections.rows import Connection, Sync
from coworker_pipelines.connections.syncs import SyncStatus
from coworker_pipelines.database.database import Database
from coworker_pipelines.doctor.check import Check, Outcome, Verdict, not_applicable, outcome
from coworker_pipelines.syncs.checks import OVERDUE_GRACE

SUBJECT: Final = "attention"
SHOWN_MAX: Final = 5


def attention_checks(
    database: Callable[[], Database], now: Callable[[], datetime], *, review_interval: timedelta
) -> list[Check]:
    looks: Mapping[str, Callable[[], Outcome]] = {
        "no connection needs attention": lambda: _attention(database()),
        "no connection's last sync failed": lambda: _failed(database()),
        "no connection is overdue": lambda: _overdue(database(), now()),
        "access was reviewed in time": lambda: _review(database(), now(), review_interval),
    }
    return [Check(subject=SUBJECT, name=name, look=look) for name, look in looks.items()]


def _attention(database: Database) -> Outcome:
    statement = (
        select(Connection.handle, Connection.needs_attention)
        .where(Connection.needs_attention.is_not(None))
        .order_by(Connection.needs_attention_at)
    )
    with database.control() as session:
        found = [f"{row.handle}: {row.needs_attention}" for row in session.execute(statement)]
    return outcome(
        holds=not found,
        expected="none waits for its tenant",
        seen="; ".join(found[:SHOWN_MAX]) + _more(found) if found else "none does",
        advice="Do what the sentence says: it stops asking its source until then.",
        otherwise=Verdict.WARNING,
    )


def _failed(database: Database) -> Outcome:
    last = (
        select(Sync.connection_id, Sync.status, Sync.error)
        .ext(distinct_on(Sync.connection_id))
        .order_by(Sync.connection_id, Sync.started_at.desc())
        .subquery()
    )
    statement = (
        select(Connection.handle, last.c.error)
        .join(last, last.c.connection_id == Connection.id)
        .where(last.c.status == SyncStatus.FAILED, Connection.paused_at.is_(None))
        .order_by(Connection.handle)
    )
    with database.control() as session:
        failed = [f"{row.handle}: {row.error}" for row in session.execute(statement)]
    return outcome(
        holds=not failed,
        expected="the last sync of each connection that is not paused succeeded",
        seen="; ".join(failed[:SHOWN_MAX]) + _more(failed) if failed else "none failed",
        advice="Do what the sentence says, then `coworker connections sync`.",
        otherwise=Verdict.WARNING,
    )


def _overdue(database: Database, now: datetime) -> Outcome:
    statement = (
        select(Connection.handle)
        .where(Connection.due_at < now - OVERDUE_GRACE, Connection.paused_at.is_(None))
        .order_by(Connection.due_at)
    )
    with database.control() as session:
        overdue = list(session.scalars(statement))
    return outcome(
        holds=not overdue,
        expected="none waits for its sync longer than an hour",
        seen=", ".join(overdue[:SHOWN_MAX]) + _more(overdue) if overdue else "none waits",
        advice="See whether the daemon runs, and whether the queue's limits are too low.",
        otherwise=Verdict.WARNING,
    )


def _review(database: Database, now: datetime, interval: timedelta) -> Outcome:
    expected = f"within {interval.days} days"
    with database.control() as session:
        state = review_state(session, now=now, interval=interval)
        any_connection = session.scalar(select(Connection.id).limit(1))
    if any_connection is None and state.last_at is None:
        return not_applicable(expected, "there is no connection yet")
    return outcome(
        holds=not state.is_overdue,
        expected=expected,
        seen=state.sentence,
        advice="Look at `coworker access report`, then `coworker access review`.",
        otherwise=Verdict.WARNING,
    )


def _more(found: list[str]) -> str:
    more = len(found) - SHOWN_MAX
    return f" and {more:,} more" if more > 0 else ""
