"""Deleting one connection: what stops it, what does not, and that nobody comes back."""

import os
import random
import signal
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event as ProcessEvent
from threading import Event

import pytest

from coworker_pipelines.cli.syncing import open_instance
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.defs.deleting import open_deletion_work
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError, TenantActionError
from coworker_pipelines.privacy.names import CLEARED_FIRST, REGISTRATION
from coworker_pipelines.privacy.orders import OrderState, find_order, withdraw_order
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.removers.elasticsearch import SnapshotRemover
from coworker_pipelines.privacy.targets import Remover
from coworker_pipelines.segments.local import LocalSegmentStore
from coworker_pipelines.syncs.fenced import FencedSegmentStore
from tests.environment import environment_of
from tests.fakes.unruly_proxy import Trouble, UnrulyProxy
from tests.integration.processes import SYNC_S, processes, started
from tests.integration.world import MARCH, NOW
from tests.privacy.deletion.estate import Estate, places_there

KILLS = 10
KILLS_SOAKED = 200
KILLED_WITHIN_S = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable(Remover):
    """A place that does not answer when it is counted."""

    def count(self, reached: Reached) -> int:
        assert reached
        raise RetryLaterError("It does not answer.")

    def delete(self, reached: Reached) -> int:
        assert reached
        raise RetryLaterError("It does not answer.")


def test_a_place_that_does_not_answer_keeps_the_order_open_and_is_named(
    shared_estate: Estate,
) -> None:
    estate = shared_estate
    handle = estate.connection("unanswered")
    extent = estate.extent(handle)
    order = estate.confirmed(extent)
    # The last one first: where it comes last, all others are counted twice before it.
    for name in (REGISTRATION, *CLEARED_FIRST):
        with estate.work() as work:
            removers: dict[str, Remover] = {**work.removers, name: Unreachable()}
            broken = replace(work, removers=removers)
            with pytest.raises(RetryLaterError, match=name):
                broken.carry_out(order, lambda _: None)
        state, detail = estate.state_of(order)
        assert state == OrderState.WAITING
        assert detail is not None
        assert f"waits for {name}" in detail
    # Data went at once all the same; what names it stays until all is counted.
    assert places_there(estate, extent) == set()
    assert estate.extent(handle) == extent
    estate.carry_out(order)
    assert estate.state_of(order) == (OrderState.DONE, None)
    with pytest.raises(TenantActionError, match="no connection"):
        estate.extent(handle)


def test_a_late_writer_that_wakes_up_can_write_nowhere(shared_estate: Estate) -> None:
    estate = shared_estate
    handle = estate.connection("late", synced=False)
    extent = estate.extent(handle)
    settings = estate.world.settings
    assert settings.elasticsearch is not None
    with (
        _HeldProxy(settings.elasticsearch.url) as proxy,
        started(estate.world.behind(proxy.url), handle, (MARCH,), "late") as victim,
    ):
        writer = victim.process
        assert proxy.reached.wait(SYNC_S)
        _signal(writer, signal.SIGSTOP)
        order = estate.confirmed(extent)
        estate.carry_out(order)
        assert estate.state_of(order) == (OrderState.DONE, None)
        # He was alive, so the second count waited until the last answer he could wait for.
        assert max(estate.slept) > 50
        _signal(writer, signal.SIGCONT)
        proxy.go.set()
        writer.join(SYNC_S)
        assert writer.exitcode not in {0, None}
    assert proxy.passed_on, "his request was on its way"
    assert places_there(estate, extent) == set()


def test_a_segment_that_comes_too_late_is_taken_back(shared_estate: Estate) -> None:
    estate = shared_estate
    handle = estate.connection("segments", synced=False)
    with estate.platform() as platform:
        scope = platform.scope_of(handle)
        folder = estate.world.settings.state / "late"
        late = FencedSegmentStore(LocalSegmentStore(folder), platform.database, scope)
        writing = late.write("a/0.segment")
        writing.__enter__().write(b"x")
        with platform.database.control() as session:
            session.get_one(Connection, scope.connection).epoch += 1
        with pytest.raises(RefusedError, match="deleted"):
            writing.__exit__(None, None, None)
        with pytest.raises(RefusedError, match="deleted"), late.write("a/1.segment"):
            pytest.fail("nothing is begun any more")
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_an_order_whose_scope_has_changed_since_it_was_shown_is_refused(
    shared_estate: Estate,
) -> None:
    estate = shared_estate
    with estate.deletions() as made:
        order = made.request(estate.extent(estate.goes), reason="ended", requested_by="ann")
        made.preview(order)
        estate.connection("came-meanwhile", synced=False)
        with pytest.raises(RefusedError, match="has changed"):
            made.confirm(order, typed=estate.goes, confirmed_by="bob")
    with estate.platform() as platform, platform.database.control() as session:
        withdraw_order(find_order(session, order), now=NOW)


def test_what_is_being_deleted_gets_nothing_new(shared_estate: Estate) -> None:
    estate = shared_estate
    handle = estate.connection("closed", synced=False)
    order = estate.confirmed(estate.extent(handle))
    with estate.platform() as platform:
        with pytest.raises(RefusedError, match=order):
            platform.keys.rotate(handle)
        with pytest.raises(RefusedError, match=order):
            platform.maker.change(handle, {})
        with pytest.raises(RefusedError, match=order):
            estate.world.sync(handle, run="too late")
        # Dagster is not to make partitions for it again while they are taken away.
        assert handle not in platform.connections("sql")
    estate.carry_out(order)


def test_snapshots_that_hold_an_index_go_and_others_stay(shared_estate: Estate) -> None:
    estate = shared_estate
    handle = estate.connection("kept", synced=False)
    other = estate.connection("not-kept", synced=False)
    extent, others = estate.extent(handle), estate.extent(other)
    repository = f"of-{extent.connection}"
    with estate.platform() as platform:
        client = platform.admin
        client.snapshot.create_repository(
            name=repository, repository={"type": "fs", "settings": {"location": repository}}
        )
        try:
            for name, of in (("goes", extent), ("stays", others)):
                client.snapshot.create(
                    repository=repository,
                    snapshot=name,
                    indices=[f"cw.{of.tenant}.{of.connection}.*"],
                    wait_for_completion=True,
                )
            remover = SnapshotRemover(client=client)
            reached = Reached(extent=extent, slug=estate.goes)
            assert remover.count(reached) == 1
            assert remover.delete(reached) == 1
            assert remover.count(reached) == 0
            left = client.snapshot.get(repository=repository, snapshot="_all")["snapshots"]
            assert [snapshot["snapshot"] for snapshot in left] == ["stays"]
        finally:
            client.snapshot.delete(repository=repository, snapshot="*")
            client.snapshot.delete_repository(name=repository)


def test_a_stream_is_deleted_and_not_taken_in_again(shared_estate: Estate) -> None:
    estate = shared_estate
    handle = estate.connection("streams")
    products = estate.world.stored(handle, "products")
    extent = estate.extent(handle, "orders")
    order = estate.confirmed(extent)
    estate.carry_out(order)
    assert estate.state_of(order) == (OrderState.DONE, None)
    matched = {name: outcome[0] for name, outcome in estate.outcomes(order).items()}
    assert matched["documents"] == 60
    assert matched["activities"] > 0
    assert matched["segments"] == 2
    assert matched["rejected"] == 1
    assert estate.world.stored(handle, "products") == products
    estate.world.sync(handle, run="afterwards")
    with estate.platform() as platform, platform.open_reading(handle) as reading:
        assert reading.streams == ("products",)
        assert reading.activities.count("orders") == 0
    with estate.platform() as platform:
        found = platform.admin.indices.get(index=f"cw.*.{extent.connection}.documents.*")
    assert [index for index in found if "orders" in index] == []


def test_a_deletion_that_is_killed_anywhere_is_finished_by_the_next(
    shared_estate: Estate,
) -> None:
    assert _kill_and_finish(shared_estate, KILLS) > 1


@pytest.mark.soak
def test_a_deletion_that_is_killed_at_very_many_instants_is_finished(
    shared_estate: Estate,
) -> None:
    killed = 0
    while killed < KILLS_SOAKED:
        killed += _kill_and_finish(shared_estate, KILLS, name=f"killed-{killed}")


def _kill_and_finish(estate: Estate, kills: int, *, name: str = "killed") -> int:
    """How often it was killed at its work before the order was done."""
    handle = estate.connection(name)
    extent = estate.extent(handle)
    order = estate.confirmed(extent)
    chance = random.Random(name)
    killed = 0
    while killed < kills and estate.state_of(order)[0] != OrderState.DONE:
        with _deleting(estate, order) as process:
            # The instant is counted from where its work begins, not from its imports.
            process.join(chance.uniform(0.0, KILLED_WITHIN_S))
            if process.exitcode is None:
                killed += 1
                _signal(process, signal.SIGKILL)
            process.join(SYNC_S)
    if estate.state_of(order)[0] != OrderState.DONE:
        estate.carry_out(order)
    assert estate.state_of(order) == (OrderState.DONE, None)
    for target, (matched, deleted, first, second) in estate.outcomes(order).items():
        assert (deleted, first, second) == (matched, 0, 0), target
    assert estate.outcomes(order)["documents"][0] == 65
    assert places_there(estate, extent) == set()
    return killed


class _HeldProxy(UnrulyProxy):
    """Holds the first bulk request on its way, until it is told to go on."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream, seed=1)
        self.reached, self.go = Event(), Event()
        self.passed_on = False

    def next_trouble(self, path: str) -> Trouble | None:
        if "/_bulk" in path:
            self.reached.set()
            assert self.go.wait(SYNC_S)
            self.passed_on = True
        return None


class _deleting(AbstractContextManager[BaseProcess]):  # noqa: N801 - reads as a verb
    """A deletion in a process of its own."""

    def __init__(self, estate: Estate, order: str) -> None:
        settings = estate.world.settings
        environment = {
            **environment_of(settings, settings.state.parent / "environment"),
            "COWORKER_DAGSTER_DATABASE_URL": estate.dagster_url,
        }
        context = processes()
        self._begins = context.Event()
        self._process = context.Process(target=_carry_out, args=(environment, order, self._begins))

    def __enter__(self) -> BaseProcess:
        self._process.start()
        assert self._begins.wait(SYNC_S)
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()


def _carry_out(environment: dict[str, str], order: str, begins: ProcessEvent) -> None:
    os.environ.update(environment)
    with open_instance() as instance, open_deletion_work(instance) as work:
        begins.set()
        work.carry_out(order, lambda _: None)


def _signal(process: BaseProcess, number: signal.Signals) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)
