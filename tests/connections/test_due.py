import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event, insert, text, update

from coworker_pipelines.connections.connections import find_connection, pause, raise_epoch
from coworker_pipelines.connections.due import (
    OPEN_WINDOWS_MAX,
    DueConnection,
    due_connections,
    mark_started,
)
from coworker_pipelines.connections.rows import Connection, StreamState
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from tests.connections.shop import HOURLY, NOW, WINDOW, add_shop, make_shop

MANY = 10_000
DUE = 10


def _due(database: Database, *, limit: int = 100) -> list[DueConnection]:
    with database.control() as session:
        return due_connections(session, now=NOW, limit=limit)


def _state(database: Database, scope: Scope, window: Window, **changes: Any) -> None:
    with database.tenant(scope.tenant) as session:
        session.add(
            StreamState(
                **{
                    "tenant_id": scope.tenant,
                    "connection_id": scope.connection,
                    "stream": "orders",
                    "window": window.start_at.date(),
                    "complete": False,
                    "selection_version": 1,
                    "segments_confirmed": 0,
                    **changes,
                }
            )
        )


def test_a_due_connection_says_what_a_run_needs(database: Database) -> None:
    scope = make_shop(database)
    assert _due(database) == [
        DueConnection(handle="acme.shop", kind="sql", scope=scope, due_at=NOW, windows=(WINDOW,))
    ]


def test_what_waits_for_somebody_to_act_is_not_due(database: Database) -> None:
    scope = make_shop(database)
    assert len(_due(database)) == 1
    with database.control() as session:
        find_connection(session, scope.connection).needs_attention = "Connect again."
    assert _due(database) == []


def test_what_is_paused_later_or_by_hand_is_not_due(database: Database) -> None:
    scope = make_shop(database)
    with database.control() as session:
        add_shop(session, name="by-hand", schedule=None)
        add_shop(session, name="later", now=NOW + timedelta(microseconds=1))
        pause(find_connection(session, scope.connection), now=NOW)
    assert _due(database) == []


def test_the_longest_waiting_come_first(database: Database) -> None:
    make_shop(database, now=NOW - timedelta(hours=1))
    with database.control() as session:
        add_shop(session, name="older", now=NOW - timedelta(hours=3))
        add_shop(session, name="between", now=NOW - timedelta(hours=2))
    assert [due.handle for due in _due(database, limit=2)] == ["acme.older", "acme.between"]


def test_months_that_are_not_complete_are_asked_for(database: Database) -> None:
    scope = make_shop(database)
    _state(database, scope, WINDOW)
    _state(database, scope, WINDOW.plus(-1))
    _state(database, scope, WINDOW.plus(-1), stream="events")
    _state(database, scope, WINDOW.plus(-2), complete=True)
    _state(database, scope, WINDOW.plus(-3))
    assert _due(database)[0].windows == (WINDOW.plus(-3), WINDOW.plus(-1), WINDOW)


def test_only_so_many_months_at_once_and_the_latest(database: Database) -> None:
    scope = make_shop(database)
    for months in range(1, OPEN_WINDOWS_MAX + 5):
        _state(database, scope, WINDOW.plus(-months))
    windows = _due(database)[0].windows
    assert windows == tuple(WINDOW.plus(-OPEN_WINDOWS_MAX).until(WINDOW))


def test_a_started_connection_is_due_again_by_its_schedule(database: Database) -> None:
    make_shop(database)
    (due,) = _due(database)
    with database.control() as session:
        assert mark_started(session, due, now=NOW)
    with database.control() as session:
        connection = find_connection(session, due.handle)
        assert connection.due_at is not None
        assert NOW < connection.due_at <= NOW + timedelta(seconds=3600)
    assert _due(database) == []


def test_of_two_sensors_one_moves_it_on(database: Database) -> None:
    make_shop(database)
    (due,) = _due(database)
    both = Barrier(2)

    def start(_: int) -> bool:
        with database.control() as session:
            find_connection(session, due.handle)
            both.wait(timeout=10)
            return mark_started(session, due, now=NOW)

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(start, range(2))) == [False, True]


def test_what_was_rescheduled_meanwhile_is_left_alone(database: Database) -> None:
    scope = make_shop(database)
    (due,) = _due(database)
    with database.control() as session:
        session.execute(update(Connection).values(due_at=NOW + timedelta(days=1)))
    with database.control() as session:
        assert not mark_started(session, due, now=NOW)
        assert not mark_started(
            session,
            DueConnection(
                handle="gone.gone",
                kind="sql",
                scope=Scope(tenant=scope.tenant, connection="c0123456789abcde", epoch=1),
                due_at=NOW,
                windows=(WINDOW,),
            ),
            now=NOW,
        )


def test_a_raised_epoch_shows_in_what_is_due(database: Database) -> None:
    scope = make_shop(database)
    with database.control() as session:
        raised = raise_epoch(session, find_connection(session, scope.connection))
    assert _due(database)[0].scope == raised


@pytest.fixture
def crowd(database: Database) -> Database:
    """Ten thousand connections, each with a year of states, of which ten are due."""
    scope = make_shop(database, now=NOW + timedelta(days=1))
    with database.control() as session:
        mine = find_connection(session, scope.connection)
        session.execute(
            insert(Connection),
            [
                {
                    "id": new_id(IdPrefix.CONNECTION),
                    "tenant_id": scope.tenant,
                    "name": f"shop-{number}",
                    "handle": f"acme.shop-{number}",
                    "kind": "sql",
                    "settings": {},
                    "epoch": 1,
                    "schedule": HOURLY.to_json(),
                    "due_at": NOW + timedelta(seconds=number - DUE + 1),
                    "catalog": mine.catalog,
                    "limits": {},
                    "created_at": NOW,
                }
                for number in range(MANY)
            ],
        )
        session.execute(
            text(
                'INSERT INTO stream_states (tenant_id, connection_id, stream, "window", complete, '
                "selection_version, segments_confirmed, read, indexed, unchanged, rejected, "
                "suppressed, filtered) "
                "SELECT c.tenant_id, c.id, 'orders', date '2026-03-01' - make_interval(months => m)"
                ", m > 1, 1, 0, 0, 0, 0, 0, 0, 0 FROM connections c, generate_series(0, 11) m"
            )
        )
    with database._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return database


def test_a_tick_costs_what_is_due_and_not_what_exists(crowd: Database) -> None:
    asked: list[tuple[str, Any]] = []

    def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "FROM connections" in statement or "FROM stream_states" in statement:
            asked.append((statement, parameters))

    event.listen(crowd._engine, "before_cursor_execute", listen)
    due = _due(crowd)
    event.remove(crowd._engine, "before_cursor_execute", listen)
    assert [len(entry.windows) for entry in due] == [2] * DUE
    indexes = []
    for statement, parameters in asked:
        with crowd.control() as session:
            answer = session.connection().exec_driver_sql(
                f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters
            )
            plan = answer.scalar_one()
        nodes = list(_nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))
        assert "Seq Scan" not in {node["Node Type"] for node in nodes}
        assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes) <= 3 * DUE
        indexes += [node["Index Name"] for node in nodes if "Index Name" in node]
    assert sorted(indexes) == ["ix_connections_due_at", "ix_stream_states_open"]


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", ()) for node in _nodes(part))]
