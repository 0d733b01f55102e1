"""Plays one schedule on a stage, and keeps what was ordered for whoever judges it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final
from uuid import uuid4

from sqlalchemy import select

from coworker_pipelines.connections.rejected import RejectedEntry, RejectReason
from coworker_pipelines.connections.rows import Suppression
from coworker_pipelines.kernel.errors import CoworkerError, DefectError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.erasure.identifying import read_identifiers
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.names import ERASED_FIRST
from coworker_pipelines.privacy.orders import ENDED, find_order
from coworker_pipelines.privacy.reached import Reached, reached_by
from coworker_pipelines.syncs.run import SyncRun
from tests.integration.schedules.instants import CutOffError, Happening, Instants, cut_off
from tests.integration.schedules.operations import Operation, What
from tests.integration.schedules.sources import PEOPLE, address, is_named
from tests.integration.schedules.stage import Place, Stage
from tests.integration.world import MARCH

FEBRUARY: Final = Window(2026, 2)
TRIES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """A confirmed order: a deletion of what is ``reached``, or an erasure of ``person``."""

    id: str
    slug: str
    extent: Extent
    reached: Reached | None = None
    person: int | None = None


@dataclass(slots=True, kw_only=True)
class Paused:
    """A sync that stands still between two of its steps."""

    place: Place
    opened: AbstractContextManager[SyncRun]
    steps: Iterator[Callable[[], object]]

    def go_on(self, count: int | None = None) -> None:
        """So many steps; all, and it has ended. If one fails, it has ended, too."""
        was_interrupted, self.place.is_interrupted = self.place.is_interrupted, True
        with ExitStack() as ending:
            ending.push(self.opened)
            for step in islice(self.steps, count):
                step()
            if count is not None:
                ending.pop_all()
            else:
                self.place.is_interrupted = was_interrupted


@dataclass(slots=True, kw_only=True)
class Player:
    """``trail`` tells what was done and how it ended."""

    stage: Stage
    instants: Instants
    seed: int
    orders: list[Ordered] = field(default_factory=list)
    paused: list[Paused] = field(default_factory=list)
    runs: dict[str, tuple[str, tuple[Window, ...]]] = field(default_factory=dict)
    trail: list[str] = field(default_factory=list)

    def play(self, operation: Operation, *, depth: int = 0) -> None:
        """Do it; what is refused, waits or is cut off is an end like another."""
        happening: Happening = cut_off
        if operation.meanwhile is not None:
            happening = partial(self.play, operation.meanwhile, depth=depth + 1)
        try:
            with self.instants.happening(operation.cut, happening):
                ended = self._act(operation)
        except CutOffError:
            ended = "cut off"
        except DefectError:
            raise
        except CoworkerError as error:
            ended = str(error)
        self.trail.append(f"{'  ' * depth}{operation}: {ended}")

    def end(self, *, late: bool) -> None:
        """All orders have ended and no sync stands still; ``late`` ones go on after the orders."""
        if not late:
            self._resume_all()
        self._carry_out_all()
        self._resume_all()

    def make_all_anew(self) -> None:
        """What was deleted is there again, with the same source: nobody who was erased comes so."""
        for _ in self.stage.missing():
            self.play(Operation(what=What.MAKE_ANEW, which=0, steps=0))
        assert not self.stage.missing(), "what was deleted cannot be made anew"

    def sync_all(self) -> None:
        """After this everything is stored that the sources hold and that may be taken in."""
        for place in self.stage.places.values():
            if place.has_rejected:
                self.stage.platform.retry_rejected(place.handle, stream=None)
            windows = (FEBRUARY, MARCH) if place.is_backfilled else (MARCH,)
            # What was left by one that was cut off is stored first, and then what has changed.
            for _ in range(2 if place.is_interrupted else 1):
                self._begun(place, windows, str(uuid4())).go_on()

    def _act(self, operation: Operation) -> str:
        # Always in the same order, so that a number means the same on a stage of its own.
        places = [place for _, place in sorted(self.stage.places.items(), reverse=True)]
        match operation.what:
            case What.CARRY_OUT:
                return self._carry_out(operation)
            case What.MAKE_ANEW:
                return self._make_anew(operation)
            case What.RESUME:
                return self._resume(operation)
            case _ if not places:
                return "there is nothing"
        place = _chosen(places, operation)
        acts: Mapping[What, Callable[[Place, Operation], None]] = {
            What.CHANGE: self._change,
            What.SYNC: self._sync,
            What.BACKFILL: self._backfill,
            What.AGAIN: self._again,
            What.PAUSE: self._pause,
            What.PUT_ASIDE: self._put_aside,
            What.RETRY: self._retry,
            What.ERASE: self._erase,
            What.DELETE_STREAM: self._delete_stream,
            What.DELETE_CONNECTION: self._delete_connection,
            What.DELETE_TENANT: self._delete_tenant,
        }
        acts[operation.what](place, operation)
        return f"of {place.handle}"

    # Sources and syncs.

    def _change(self, place: Place, operation: Operation) -> None:
        place.source.change(operation.which)

    def _sync(self, place: Place, _: Operation) -> None:
        self._run(place, (MARCH,))

    def _backfill(self, place: Place, _: Operation) -> None:
        place.is_backfilled = True
        self._run(place, (FEBRUARY, MARCH))

    def _retry(self, place: Place, _: Operation) -> None:
        self.stage.platform.retry_rejected(place.handle, stream=None)

    def _run(self, place: Place, windows: tuple[Window, ...]) -> None:
        run = str(uuid4())
        self.runs[place.connection] = run, windows
        self._begun(place, windows, run).go_on()

    def _again(self, place: Place, _: Operation) -> None:
        run, windows = self.runs.get(place.connection, (str(uuid4()), (MARCH,)))
        self._begun(place, windows, run).go_on()

    def _pause(self, place: Place, operation: Operation) -> None:
        begun = self._begun(place, (MARCH,), str(uuid4()))
        begun.go_on(operation.steps)
        self.paused.append(begun)

    def _begun(self, place: Place, windows: tuple[Window, ...], run: str) -> Paused:
        opened = self.stage.platform.open_sync(place.handle, run, windows)
        sync = opened.__enter__()
        return Paused(place=place, opened=opened, steps=_steps(sync, windows))

    def _resume(self, operation: Operation) -> str:
        if not self.paused:
            return "none stands still"
        paused = self.paused.pop(operation.which % len(self.paused))
        paused.go_on()
        return f"of {paused.place.handle}"

    def _resume_all(self) -> None:
        while self.paused:
            self.play(Operation(what=What.RESUME, which=0, steps=0))

    def _put_aside(self, place: Place, operation: Operation) -> None:
        """A row as it is now; that it is in order is found out when it is tried again."""
        stream = sorted(place.source.streams)[operation.which % len(place.source.streams)]
        rows = self.stage.rows(place, stream, (FEBRUARY, MARCH))
        kept_out = [is_named(person, self.seed) for person in self._kept_out(place.tenant)]
        # A run has screened what it rejects, so of who is kept out by now it rejects nothing.
        keys = [
            key
            for key, row in sorted(rows.items())
            if not any(named.search(row.decode()) for named in kept_out)
        ]
        key = keys[operation.steps % len(keys)]
        place.has_rejected = True
        with self.stage.platform.open_holdings(place.handle) as holdings:
            holdings.rejected.put(
                [
                    RejectedEntry(
                        stream=stream,
                        window=MARCH,
                        sync="y0123456789abcde",
                        key=key,
                        reason=RejectReason.REFUSED,
                        detail="refused",
                        payload=rows[key],
                    )
                ]
            )

    def _kept_out(self, tenant: str) -> list[int]:
        """People of the tenant whose erasure has begun."""
        with self.stage.platform.database.privacy() as session:
            begun = set(session.scalars(select(Suppression.order_id)))
        return [
            order.person
            for order in self.orders
            if order.person is not None and order.extent.tenant == tenant and order.id in begun
        ]

    # Orders.

    def _erase(self, place: Place, operation: Operation) -> None:
        person = operation.which % PEOPLE
        slug = place.handle.partition(".")[0]
        control = self.stage.erasures
        lines = [f"email {address(person, self.seed)}"]
        order = control.request(
            place.tenant, read_identifiers(lines), reason="by letter", requested_by="ann"
        )
        control.preview(order)
        control.confirm(order, typed=slug, same_person=False, confirmed_by="bob")
        extent = Extent(tenant=place.tenant)
        self.orders.append(Ordered(id=order, slug=slug, extent=extent, person=person))

    def _delete_stream(self, place: Place, operation: Operation) -> None:
        if streams := sorted(place.streams):
            self._delete(place, place.connection, streams[operation.which % len(streams)])

    def _delete_connection(self, place: Place, _: Operation) -> None:
        self._delete(place, place.connection)

    def _delete_tenant(self, place: Place, _: Operation) -> None:
        self._delete(place)

    def _delete(
        self, place: Place, connection: str | None = None, stream: str | None = None
    ) -> None:
        extent = Extent(tenant=place.tenant, connection=connection, stream=stream)
        slug = place.handle.partition(".")[0]
        with self.stage.platform.database.control() as session:
            reached = reached_by(session, extent)
        control = self.stage.deletions
        order = control.request(extent, reason="contract ended", requested_by="ann")
        control.preview(order)
        control.confirm(order, typed=slug, confirmed_by="bob")
        self.orders.append(Ordered(id=order, slug=slug, extent=extent, reached=reached))
        self.stage.forget(extent)

    def has_ended(self, order: Ordered) -> bool:
        with self.stage.platform.database.control() as session:
            return find_order(session, order.id).state in ENDED

    def _carry_out(self, operation: Operation) -> str:
        """Some steps of an order, from its first on: those that were done are done again."""
        if not self.orders:
            return "there is none"
        order = self.orders[operation.which % len(self.orders)]
        for step in islice(self._steps_of(order), operation.steps):
            step()
        return f"{operation.steps} steps of {order.id}"

    def _steps_of(self, order: Ordered) -> Iterator[Callable[[], object]]:
        if order.reached is None:
            erasing = self.stage.erasure_work
            yield partial(erasing.keep_out, order.id)
            for name in ERASED_FIRST:
                yield partial(erasing.clear, order.id, name)
            yield partial(erasing.settle, order.id)
            return
        deleting = self.stage.deletion_work
        yield partial(deleting.shut_out, order.id)
        for name in deleting.targets_of(order.id):
            yield partial(deleting.clear, order.id, name)
        yield partial(deleting.settle, order.id)

    def _carry_out_all(self) -> None:
        for _ in range(TRIES):
            for number, order in enumerate(self.orders):
                if not self.has_ended(order):
                    self.play(Operation(what=What.CARRY_OUT, which=number, steps=100))
        late = [order for order in self.orders if not self.has_ended(order)]
        assert not late, f"orders have not ended: {late}"

    def _make_anew(self, operation: Operation) -> str:
        missing = self.stage.missing()
        if not missing:
            return "all is there"
        handle = missing[operation.which % len(missing)]
        self.stage.make(handle)
        return f"of {handle}"


def _chosen(places: list[Place], operation: Operation) -> Place:
    """The first most often, so that more than one thing happens to it."""
    return places[(0, 0, 0, 1, 2)[operation.which % 5] % len(places)]


def _steps(sync: SyncRun, windows: tuple[Window, ...]) -> Iterator[Callable[[], object]]:
    for phase in (sync.extract, sync.store, sync.derive):
        for stream in sync.streams:
            for window in windows:
                yield partial(phase, stream, window)
