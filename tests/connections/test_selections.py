from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.rows import Selection, StreamState
from coworker_pipelines.connections.selections import (
    Streams,
    add_selection,
    current_selection,
    has_widened_since,
    plan_deselection,
    selected_fields,
    selected_streams,
    widened,
)
from coworker_pipelines.connections.stream_states import finish_window
from coworker_pipelines.connections.syncs import start_sync
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import DefectError, TenantActionError
from coworker_pipelines.kernel.scope import Scope
from tests.connections.shop import CATALOG, EVENTS, NOW, ORDERS, WINDOW, make_shop

ESSENTIAL = frozenset({"id", "changed_at"})
KNOWN = {stream.name: stream.field_names for stream in CATALOG}


def selections() -> st.SearchStrategy[Streams]:
    one = {
        name: st.none() | st.sets(st.sampled_from(sorted(fields))).map(frozenset)
        for name, fields in KNOWN.items()
    }
    return st.fixed_dictionaries({}, optional=one)


def _let_in(streams: Streams) -> set[tuple[str, str]]:
    return {
        (name, field)
        for name, fields in streams.items()
        for field in (KNOWN[name] if fields is None else fields)
    }


@given(old=selections(), new=selections())
def test_what_is_taken_out_is_what_was_in_and_is_not(old: Streams, new: Streams) -> None:
    out = plan_deselection(old, new, CATALOG)
    whole = {(name, field) for name, field in _let_in(old) if name in out.streams}
    parts = {(name, field) for name, fields in out.fields.items() for field in fields}
    assert whole | parts == _let_in(old) - _let_in(new)
    assert bool(out) == bool(out.streams or out.fields)


@given(old=selections(), new=selections())
def test_what_widens_lets_something_in_that_was_out(old: Streams, new: Streams) -> None:
    more = {name for name, _ in _let_in(new) - _let_in(old)}
    assert more <= widened(old, new, CATALOG) <= more | (new.keys() - old.keys())


def test_the_first_selection_and_each_later_one_are_versions(database: Database) -> None:
    scope = make_shop(database)
    later = NOW + timedelta(days=1)
    _select(database, scope, {"orders": ESSENTIAL}, by="bob", at=later)
    with database.control() as session:
        history = session.scalars(select(Selection).order_by(Selection.version)).all()
        assert [(row.version, row.made_by, row.made_at) for row in history] == [
            (1, "ann", NOW),
            (2, "bob", later),
        ]
        assert current_selection(session, scope.connection) is history[-1]
        assert selected_streams(history[0]) == dict.fromkeys(("orders", "events", "shelves"))
        assert selected_streams(history[1]) == {"orders": ESSENTIAL}


def test_fields_of_a_stream_that_is_taken_in(database: Database) -> None:
    scope = make_shop(database)
    _select(database, scope, {"orders": ESSENTIAL, "events": None})
    with database.tenant(scope.tenant) as session:
        selection = current_selection(session, scope.connection)
        assert selected_fields(selection, ORDERS) == ESSENTIAL
        assert selected_fields(selection, EVENTS) == EVENTS.field_names
        assert selected_fields(selection, CATALOG.stream("shelves")) is None


@pytest.mark.parametrize(
    ("streams", "sentence"),
    (
        ({"order": None}, r"There is no stream 'order'; this connection has: events, orders, sh"),
        ({"orders": ESSENTIAL | {"emial"}}, r"There is no field .* 'emial'. Did you mean 'email'"),
        ({"orders": frozenset({"id"})}, r"The field 'changed_at' of 'orders' cannot be left out"),
        ({"orders": frozenset()}, r"The field 'changed_at' of 'orders' cannot be left out"),
    ),
)
def test_what_cannot_be_selected_is_said_in_one_sentence(
    database: Database, streams: Streams, sentence: str
) -> None:
    scope = make_shop(database)
    with pytest.raises(TenantActionError, match=sentence):
        _select(database, scope, streams)
    with database.tenant(scope.tenant) as session:
        assert current_selection(session, scope.connection).version == 1


def test_a_connection_without_a_selection_takes_nothing_in(database: Database) -> None:
    scope = make_shop(database)
    with database.tenant(scope.tenant) as session, pytest.raises(DefectError):
        current_selection(session, "c0123456789abcde")


def test_more_is_read_again_and_less_is_not(database: Database) -> None:
    scope = make_shop(database)
    _complete(database, scope, "orders", "events")
    _select(database, scope, {"orders": ESSENTIAL, "events": None})
    assert _open(database, scope) == set()
    _select(database, scope, {"orders": ESSENTIAL | {"email"}, "events": None})
    assert _open(database, scope) == {"orders"}
    with database.tenant(scope.tenant) as session:
        now = current_selection(session, scope.connection)
        assert [has_widened_since(session, now, old, ORDERS) for old in (1, 2, 3)] == [
            True,  # version 2 took something out in between, and it was removed
            True,
            False,
        ]
        assert not has_widened_since(session, now, 1, EVENTS)
        assert has_widened_since(session, now, 99, EVENTS)


def test_nobody_asks_for_the_windows_of_a_stream_that_went(database: Database) -> None:
    scope = make_shop(database)
    _complete(database, scope, "orders", "events", complete=False)
    _select(database, scope, {"orders": None})
    assert _open(database, scope) == {"orders"}
    _select(database, scope, {"orders": None, "events": None})
    assert _open(database, scope) == {"orders", "events"}


def _select(
    database: Database, scope: Scope, streams: Streams, *, by: str = "ann", at: datetime = NOW
) -> None:
    with database.control() as session:
        connection = find_connection(session, scope.connection)
        add_selection(session, connection, streams, made_by=by, now=at)


def _complete(database: Database, scope: Scope, *streams: str, complete: bool = True) -> None:
    with database.tenant(scope.tenant) as session:
        sync = start_sync(session, scope, run_id="run", windows=[WINDOW], now=NOW)
        for stream in streams:
            finish_window(
                session,
                scope=scope,
                run_sync=sync.id,
                stream=stream,
                window=WINDOW,
                selection_version=1,
                complete=complete,
            )


def _open(database: Database, scope: Scope) -> set[str]:
    with database.tenant(scope.tenant) as session:
        return set(session.scalars(select(StreamState.stream).where(~StreamState.complete)))
