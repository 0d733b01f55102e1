from datetime import timedelta

import pytest

from coworker_pipelines.connections.stream_states import confirm_segment
from coworker_pipelines.connections.syncs import (
    INTERRUPTED,
    SyncStatus,
    describe_sync,
    end_interrupted,
    end_sync,
    find_sync,
    list_syncs,
    start_sync,
)
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.scope import Scope
from tests.connections.shop import NOW, WINDOW, add_shop, make_shop

LATER = NOW + timedelta(minutes=5)


def _start(database: Database, scope: Scope, run_id: str, minutes: int = 0) -> str:
    with database.tenant(scope.tenant) as session:
        now = NOW + timedelta(minutes=minutes)
        return start_sync(session, scope, run_id=run_id, windows=[WINDOW], now=now).id


def test_the_phases_of_a_run_share_a_sync(database: Database) -> None:
    scope = make_shop(database)
    sync = _start(database, scope, "run 1")
    with database.tenant(scope.tenant) as session:
        end_sync(session, sync, now=LATER, error="It broke.")
    assert _start(database, scope, "run 1", minutes=1) == sync
    assert _start(database, scope, "run 2") != sync
    with database.tenant(scope.tenant) as session:
        again = find_sync(session, sync)
        assert (again.status, again.error, again.ended_at) == (SyncStatus.RUNNING, None, None)
        assert (again.started_at, again.windows) == (NOW, [WINDOW.key])
        assert find_sync(session, "run 1") is again


def test_a_run_works_on_one_connection(database: Database) -> None:
    scope, foreign = make_shop(database), make_shop(database, "acme-corp")
    with database.control() as session:
        sibling = add_shop(session, name="second").scope
    _start(database, scope, "run 1")
    for other in (sibling, foreign):
        with pytest.raises(RefusedError, match="This run works on another connection"):
            _start(database, other, "run 1")


@pytest.mark.parametrize(
    ("error", "status"), ((None, SyncStatus.SUCCEEDED), ("It broke.", SyncStatus.FAILED))
)
def test_a_sync_ends_well_or_with_an_error(
    database: Database, error: str | None, status: SyncStatus
) -> None:
    scope = make_shop(database)
    sync = _start(database, scope, "run 1")
    with database.tenant(scope.tenant) as session:
        end_sync(session, sync, now=LATER, error=error)
    with database.tenant(scope.tenant) as session:
        ended = find_sync(session, sync)
        assert (ended.status, ended.error, ended.ended_at) == (status, error, LATER)


def test_what_a_dead_process_left_running_has_failed(database: Database) -> None:
    scope = make_shop(database)
    dead, ended, current = (_start(database, scope, f"run {number}") for number in range(3))
    with database.tenant(scope.tenant) as session:
        end_sync(session, ended, now=NOW, error=None)
        end_interrupted(session, scope, current=current, now=LATER)
    with database.tenant(scope.tenant) as session:
        assert [find_sync(session, one).status for one in (dead, ended, current)] == [
            SyncStatus.FAILED,
            SyncStatus.SUCCEEDED,
            SyncStatus.RUNNING,
        ]
        assert find_sync(session, dead).error == INTERRUPTED


def test_syncs_are_listed_latest_first(database: Database) -> None:
    scope, other = make_shop(database), make_shop(database, "acme-corp")
    first, second = (_start(database, scope, f"run {n}", minutes=n) for n in range(2))
    third = _start(database, other, "run 3", minutes=3)
    with database.control() as session:
        assert [sync.id for sync in list_syncs(session, limit=2)] == [third, second]
        own = list_syncs(session, connection_id=scope.connection, limit=9)
        assert [sync.id for sync in own] == [second, first]
    with database.tenant(scope.tenant) as session, pytest.raises(TenantActionError):
        find_sync(session, third)


def test_a_sync_is_described_with_its_balance(database: Database) -> None:
    scope = make_shop(database)
    sync = _start(database, scope, "run 1")
    with database.tenant(scope.tenant) as session:
        for stream in ("orders", "events"):
            confirm_segment(
                session,
                scope=scope,
                run_sync=sync,
                written_sync=sync,
                stream=stream,
                window=WINDOW,
                ordinal=0,
                counts=Counts(read=3, indexed=2, unchanged=1),
                cursor={},
                raw_bytes=10,
                selection_version=1,
            )
    with database.control() as session:
        content = describe_sync(session, find_sync(session, sync), with_streams=True)
    assert content["connection"] == "acme.shop"
    assert (content["read"], content["indexed"], content["balanced"]) == (6, 4, True)
    assert [part["stream"] for part in content["streams"]] == ["events", "orders"]
