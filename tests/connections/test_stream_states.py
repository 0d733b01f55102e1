"""The one transaction that moves a stream on: what it commits, and what it refuses."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from coworker_pipelines.connections.connections import find_connection, raise_epoch
from coworker_pipelines.connections.derivations import finish_derivation, pending_derivations
from coworker_pipelines.connections.rows import StreamState, SyncStream
from coworker_pipelines.connections.stream_states import (
    await_activities,
    confirm_segment,
    finish_window,
    latest_state,
    stream_state,
)
from coworker_pipelines.connections.syncs import start_sync, sync_parts
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.errors import DefectError, RefusedError
from coworker_pipelines.kernel.scope import Scope
from tests.connections.shop import NOW, WINDOW, make_shop

COUNTS = Counts(read=10, indexed=5, unchanged=2, rejected=1, suppressed=1, filtered=1)


@pytest.fixture
def scope(database: Database) -> Scope:
    return make_shop(database)


def _sync(database: Database, scope: Scope, run_id: str = "run 1") -> str:
    with database.tenant(scope.tenant) as session:
        return start_sync(session, scope, run_id=run_id, windows=[WINDOW], now=NOW).id


def _confirm(database: Database, scope: Scope, sync: str, ordinal: int, **changes: Any) -> bool:
    with database.tenant(scope.tenant) as session:
        return _confirm_in(session, scope, sync, ordinal, **changes)


def _confirm_in(session: Session, scope: Scope, sync: str, ordinal: int, **changes: Any) -> bool:
    return confirm_segment(
        session,
        **{
            "scope": scope,
            "run_sync": sync,
            "written_sync": sync,
            "stream": "orders",
            "window": WINDOW,
            "ordinal": ordinal,
            "counts": COUNTS,
            "cursor": {"at": ordinal},
            "raw_bytes": 100,
            "seconds": 0.5,
            "selection_version": 1,
            **changes,
        },
    )


def _state(database: Database, scope: Scope) -> StreamState | None:
    with database.tenant(scope.tenant) as session:
        state = stream_state(session, scope, "orders", WINDOW)
        session.expunge_all()
        return state


def _parts(database: Database, scope: Scope, sync: str) -> list[SyncStream]:
    with database.tenant(scope.tenant) as session:
        parts = list(sync_parts(session, sync))
        session.expunge_all()
        return parts


def _waiting(database: Database, scope: Scope) -> list[str]:
    with database.tenant(scope.tenant) as session:
        waiting = pending_derivations(session, scope, "orders", WINDOW)
        return [pending.sync_id for pending in waiting]


def test_a_confirmed_segment_moves_cursor_and_counts_together(
    database: Database, scope: Scope
) -> None:
    sync = _sync(database, scope)
    assert _confirm(database, scope, sync, 0)
    assert _confirm(database, scope, sync, 1)
    state = _state(database, scope)
    assert state is not None
    assert state.cursor == {"at": 1}
    assert state.counts == COUNTS + COUNTS
    assert (state.complete, state.selection_version) == (False, 1)
    (part,) = _parts(database, scope, sync)
    assert (part.counts, part.raw_bytes, part.seconds) == (COUNTS + COUNTS, 200, 1.0)


def test_a_segment_that_is_sent_again_is_counted_once(database: Database, scope: Scope) -> None:
    sync = _sync(database, scope)
    assert _confirm(database, scope, sync, 0)
    assert _confirm(database, scope, sync, 1)
    later = _sync(database, scope, "run 2")
    sent_again = Counts(read=10, unchanged=10)
    for ordinal in (0, 1):
        assert not _confirm(
            database, scope, later, ordinal, written_sync=sync, counts=sent_again, cursor={}
        )
    assert _confirm(database, scope, later, 2, written_sync=sync)
    state = _state(database, scope)
    assert state is not None
    assert state.counts == COUNTS + COUNTS + COUNTS
    assert state.cursor == {"at": 2}
    assert [part.counts for part in _parts(database, scope, later)] == [COUNTS]


def test_a_new_manifest_counts_its_segments_anew(database: Database, scope: Scope) -> None:
    first, second = _sync(database, scope), _sync(database, scope, "run 2")
    assert _confirm(database, scope, first, 0)
    assert _confirm(database, scope, second, 0)
    assert not _confirm(database, scope, second, 0)
    state = _state(database, scope)
    assert state is not None
    assert state.counts == COUNTS + COUNTS


def test_a_narrowed_read_leaves_the_cursor(database: Database, scope: Scope) -> None:
    first, second = _sync(database, scope), _sync(database, scope, "run 2")
    assert _confirm(database, scope, first, 0, cursor={"at": 7})
    assert _confirm(database, scope, second, 0, cursor=None)
    state = _state(database, scope)
    assert state is not None
    assert state.cursor == {"at": 7}
    assert state.counts == COUNTS + COUNTS


@pytest.mark.parametrize("ordinal", (1, 5))
def test_no_segment_is_passed_over(database: Database, scope: Scope, ordinal: int) -> None:
    sync = _sync(database, scope)
    with pytest.raises(DefectError, match="came before segment 0"):
        _confirm(database, scope, sync, ordinal)
    assert _state(database, scope) is None


@pytest.mark.parametrize("field", Counts.__dataclass_fields__)
def test_what_does_not_balance_is_not_committed(
    database: Database, scope: Scope, field: str
) -> None:
    sync = _sync(database, scope)
    wrong = replace(COUNTS, **{field: getattr(COUNTS, field) + 1})
    with pytest.raises(DefectError, match="The balance of orders does not hold"):
        _confirm(database, scope, sync, 0, counts=wrong)
    assert _state(database, scope) is None
    assert _parts(database, scope, sync) == []
    assert _waiting(database, scope) == []


def test_an_older_epoch_is_shut_out(database: Database, scope: Scope) -> None:
    sync = _sync(database, scope)
    assert _confirm(database, scope, sync, 0)
    with database.control() as session:
        raised = raise_epoch(session, find_connection(session, scope.connection))
    with pytest.raises(RefusedError, match="deleted or started anew"):
        _confirm(database, scope, sync, 1)
    with pytest.raises(RefusedError), database.tenant(scope.tenant) as session:
        finish_window(
            session,
            scope=scope,
            run_sync=sync,
            stream="orders",
            window=WINDOW,
            selection_version=1,
            complete=True,
        )
    state = _state(database, scope)
    assert state is not None
    assert (state.segments_confirmed, state.complete) == (1, False)
    assert _confirm(database, raised, sync, 1)


def test_a_deleted_connection_is_shut_out(database: Database, scope: Scope) -> None:
    sync = _sync(database, scope)
    gone = replace(scope, connection="c0123456789abcde")
    with pytest.raises(RefusedError):
        _confirm(database, gone, sync, 0)


def test_raising_the_epoch_waits_for_a_writer_that_has_begun(
    database: Database, scope: Scope
) -> None:
    sync = _sync(database, scope)
    assert _confirm(database, scope, sync, 0)
    raised = Event()

    def raise_it() -> None:
        with database.control() as session:
            raise_epoch(session, find_connection(session, scope.connection))
        raised.set()

    raiser = Thread(target=raise_it)
    with database.tenant(scope.tenant) as session:
        finish_window(
            session,
            scope=scope,
            run_sync=sync,
            stream="orders",
            window=WINDOW,
            selection_version=1,
            complete=True,
        )
        raiser.start()
        assert not raised.wait(0.3)
    raiser.join(timeout=10)
    assert raised.is_set()
    state = _state(database, scope)
    assert state is not None
    assert state.complete


def test_of_two_who_confirm_a_segment_at_once_one_counts(database: Database, scope: Scope) -> None:
    sync = _sync(database, scope)
    assert _confirm(database, scope, sync, 0)
    with ThreadPoolExecutor(1) as threads:
        with database.tenant(scope.tenant) as session:
            assert _confirm_in(session, scope, sync, 1)
            session.flush()
            other = threads.submit(_confirm, database, scope, sync, 1)
            with pytest.raises(TimeoutError):
                other.result(timeout=0.3)
        assert other.result(timeout=10) is False
    state = _state(database, scope)
    assert state is not None
    assert state.counts == COUNTS + COUNTS


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None
)
@given(crashes=st.lists(st.integers(0, 5), min_size=1, max_size=5), data=st.data())
def test_whatever_a_crash_repeats_every_segment_counts_once(
    database: Database, scope: Scope, crashes: list[int], data: st.DataObject
) -> None:
    stream = data.draw(st.uuids().map(str))
    sync = _sync(database, scope, stream)
    # Each run goes on from where the manifest says, which may lag behind by what was lost.
    manifest = 0
    for crash in crashes:
        for ordinal in range(manifest, min(manifest + crash, 6)):
            _confirm(database, scope, sync, ordinal, stream=stream)
            manifest = data.draw(st.integers(manifest, ordinal + 1))
    for ordinal in range(manifest, 6):
        _confirm(database, scope, sync, ordinal, stream=stream)
    with database.tenant(scope.tenant) as session:
        state = stream_state(session, scope, stream, WINDOW)
        assert state is not None
        assert state.cursor == {"at": 5}
        assert state.counts == sum([COUNTS] * 6, Counts())


def test_a_finished_window_says_what_was_removed(database: Database, scope: Scope) -> None:
    sync = _sync(database, scope)
    _confirm(database, scope, sync, 0)
    with database.tenant(scope.tenant) as session:
        finish_window(
            session,
            scope=scope,
            run_sync=sync,
            stream="orders",
            window=WINDOW,
            selection_version=2,
            complete=True,
            removed=3,
        )
    state = _state(database, scope)
    assert state is not None
    assert (state.complete, state.selection_version, state.cursor) == (True, 2, {"at": 0})
    assert [part.removed for part in _parts(database, scope, sync)] == [3]


def test_a_state_says_when_it_was_last_changed(database: Database, scope: Scope) -> None:
    sync = _sync(database, scope)
    _confirm(database, scope, sync, 0)
    before = _state(database, scope)
    _confirm(database, scope, sync, 1)
    after = _state(database, scope)
    assert before is not None
    assert after is not None
    assert before.updated_at < after.updated_at


def test_the_latest_window_is_where_a_sequence_stands(database: Database, scope: Scope) -> None:
    first, second = _sync(database, scope), _sync(database, scope, "run 2")
    _confirm(database, scope, second, 0, window=WINDOW, cursor={"number": 2})
    _confirm(database, scope, first, 0, window=WINDOW.plus(-3), cursor={"number": 1})
    with database.tenant(scope.tenant) as session:
        state = latest_state(session, scope, "orders")
        assert state is not None
        assert state.cursor == {"number": 2}
        assert latest_state(session, scope, "events") is None


def test_derived_documents_wait_no_longer(database: Database, scope: Scope) -> None:
    first, second = _sync(database, scope), _sync(database, scope, "run 2")
    with database.tenant(scope.tenant) as session:
        for sync in (first, second, first):
            await_activities(session, scope, "orders", WINDOW, sync)
    assert _waiting(database, scope) == sorted([first, second])
    for _ in range(2):
        with database.tenant(scope.tenant) as session:
            finish_derivation(
                session,
                scope=scope,
                stream="orders",
                window=WINDOW,
                written_sync=first,
                run_sync=second,
                activities=4,
                already_there=0,
                now=NOW,
            )
    assert _waiting(database, scope) == [second]
    assert [part.activities for part in _parts(database, scope, second)] == [8]
