"""What needs a person: planted into a real database."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from coworker_pipelines.access.grants import Report
from coworker_pipelines.access.reviews import ReviewOrder, record_review
from coworker_pipelines.connections.rows import Connection, Sync
from coworker_pipelines.connections.syncs import SyncStatus
from coworker_pipelines.database.database import Database
from coworker_pipelines.doctor.check import Outcome
from coworker_pipelines.doctor.connections import attention_checks
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from tests.database.planted import NOW, Planted, plant
from tests.doctor.asking import FAILED, NOT_APPLICABLE, OK, WARNING, answer

ATTENTION = "no connection needs attention"
SYNCS, OVERDUE = "no connection's last sync failed", "no connection is overdue"
REVIEWED = "access was reviewed in time"
DAY = timedelta(days=1)


@pytest.fixture
def planted(database: Database) -> Planted:
    return plant(database, "acme")


def _asked(database: Database, name: str, days: float = 0) -> Outcome:
    now = NOW + days * DAY
    checks = attention_checks(lambda: database, lambda: now, review_interval=90 * DAY)
    return answer(checks, name)


def _set(database: Database, **values: object) -> None:
    with database.control() as session:
        session.execute(update(Connection).values(**values))


def test_a_connection_whose_last_sync_failed_is_found_until_one_succeeds(
    database: Database, planted: Planted
) -> None:
    assert _asked(database, SYNCS).verdict is OK
    _add_sync(database, planted, SyncStatus.FAILED, 1)
    found = _asked(database, SYNCS)
    assert (found.verdict, found.seen) == (WARNING, "acme.acme: Reconnect it.")
    _set(database, paused_at=NOW)
    assert _asked(database, SYNCS).verdict is OK
    _set(database, paused_at=None)
    _add_sync(database, planted, SyncStatus.SUCCEEDED, 2)
    assert _asked(database, SYNCS).verdict is OK


def _add_sync(database: Database, planted: Planted, status: SyncStatus, hours: int) -> None:
    with database.control() as session:
        session.add(
            Sync(
                id=new_id(IdPrefix.SYNC),
                tenant_id=planted.tenant,
                connection_id=planted.connection,
                run_id=f"run {hours} of {planted.sync}",
                windows=[],
                status=status,
                error="Reconnect it." if status is SyncStatus.FAILED else None,
                started_at=NOW + timedelta(hours=hours),
            )
        )


@pytest.mark.usefixtures("planted")
def test_a_connection_that_waits_for_its_tenant_is_found(database: Database) -> None:
    assert _asked(database, ATTENTION).verdict is OK
    _set(database, needs_attention="Reconnect it.", needs_attention_at=NOW)
    found = _asked(database, ATTENTION)
    assert (found.verdict, found.seen) == (WARNING, "acme.acme: Reconnect it.")


@pytest.mark.usefixtures("planted")
def test_an_overdue_connection_is_found_unless_it_is_paused(database: Database) -> None:
    assert _asked(database, OVERDUE).verdict is OK
    _set(database, due_at=NOW)
    assert _asked(database, OVERDUE).verdict is OK
    found = _asked(database, OVERDUE, days=1)
    assert (found.verdict, found.seen) == (WARNING, "acme.acme")
    _set(database, paused_at=NOW)
    assert _asked(database, OVERDUE, days=1).verdict is OK


@pytest.mark.usefixtures("planted")
def test_a_review_is_asked_for_in_time(database: Database) -> None:
    never = _asked(database, REVIEWED)
    assert (never.verdict, never.seen) == (WARNING, "Access was never reviewed.")
    order = ReviewOrder(reviewer="Ann", note="Looked.", accept=(), recorded_by="ann")
    with database.control() as session:
        record_review(session, Report(made_at=NOW, grants=()), order)
    assert _asked(database, REVIEWED, days=89).verdict is OK
    late = _asked(database, REVIEWED, days=91)
    assert late.verdict is WARNING
    assert "was due on 2026-04-02" in late.seen


def test_before_the_first_connection_there_is_nothing_to_review(database: Database) -> None:
    assert _asked(database, REVIEWED).verdict is NOT_APPLICABLE


def test_a_database_that_does_not_answer_is_no_good_news() -> None:
    with Database("postgresql://nobody@127.0.0.1:1/nowhere") as closed:
        for name in (ATTENTION, SYNCS, OVERDUE, REVIEWED):
            assert _asked(closed, name).verdict is FAILED
