"""What a hold keeps of a person stays, is answered for, and goes when the hold is released."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Event
from typing import Any

import pytest

from coworker_pipelines.automation.decisions.store import verify_chain
from coworker_pipelines.connections.holds import Hold
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.extraction.masking import MARK
from coworker_pipelines.privacy.erasure.carrying_out import ErasureWork
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import HoldOrder, Released, place_hold, release_hold
from coworker_pipelines.privacy.orders import OrderState, find_order
from coworker_pipelines.privacy.rows import Order
from tests.automation.planting import decide_all, switch_on
from tests.automation.rules import large
from tests.cli.conftest import Coworker, running_here
from tests.environment import environment_of
from tests.integration.world import NOW
from tests.privacy.erasure.people import ANN, BOB, JOANN, MARCH_NOON, Office, commit, looked_up
from tests.privacy.erasure.processes import cleared
from tests.privacy.erasure.test_texts import put_rejected, rejected

COMMITS = "commits"
REVIEW = date(2026, 6, 1)
OF_ANN = b'{"author_email":"ann@acme.org"}'
NUMBERS = range(1, 13)
SEEDS_SOAKED = range(1, 25)


def minute(number: int) -> datetime:
    return MARCH_NOON + timedelta(minutes=number)


def placed(
    office: Office,
    handle: str | None = None,
    *,
    stream: str | None = None,
    since: int | None = None,
    until: int | None = None,
) -> Hold:
    """A hold over the tenant or a connection; its bounds are numbers of commits."""
    with office.world.opened() as platform:
        connection = None if handle is None else platform.scope_of(handle).connection
        order = HoldOrder(
            extent=Extent(tenant=office.tenant, connection=connection, stream=stream),
            since=None if since is None else minute(since),
            until=None if until is None else minute(until),
            matter="a lawsuit",
            owner="counsel",
            reason="to be kept",
            review_at=REVIEW,
            placed_by="counsel",
        )
        with platform.database.control() as session:
            return place_hold(session, platform.safeguards.journal, order, now=NOW)


def released(office: Office, hold: Hold) -> Released:
    with office.world.opened() as platform, platform.database.control() as session:
        journal = platform.safeguards.journal
        return release_hold(
            session, journal, hold.id, reason="settled", released_by="counsel", now=NOW
        )


def order_of(office: Office, order: str) -> Order:
    with office.world.opened() as platform, platform.database.control() as session:
        found = find_order(session, order)
        session.expunge(found)
    return found


def carried_out(office: Office, order: str) -> None:
    with office.work() as work:
        cleared(work, order)


def by_number(stored: dict[str, StoredDocument]) -> dict[int, StoredDocument]:
    return {int(str(one.payload["message"]).partition(":")[0]): one for one in stored.values()}


def exempt_holds(office: Office, order: str) -> dict[str, str]:
    """What the receipt says of holds: until when, by why."""
    return {
        one["why"]: one["until"]
        for one in office.receipt(order)["exemptions"]
        if one["why"].startswith("under hold")
    }


def decided(office: Office, handle: str) -> int:
    with office.world.opened() as platform:
        return decide_all(platform.database, office.tenant, office.events(handle)).decided


def erased_decisions(office: Office) -> int:
    with office.world.opened() as platform, platform.database.control() as session:
        verified = verify_chain(session, office.tenant)
    assert verified.broken_at is None
    return verified.erased


@pytest.fixture
def coworker(
    office: Office, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Coworker:
    """The program, which finds the office by its environment."""
    settings = office.world.settings
    for name, value in environment_of(settings, settings.state).items():
        monkeypatch.setenv(name, value)
    return running_here(capfd)


def test_all_outside_a_hold_goes_and_the_rest_when_it_is_released(
    office: Office, coworker: Coworker
) -> None:
    commits = [
        commit(1, ANN),
        commit(2, BOB, "with ann@acme.org"),
        commit(3, ANN),
        commit(4, BOB, "for ann@acme.org"),
        commit(5, JOANN),
    ]
    held, free = office.add_repository(commits), office.add_repository([commit(1, ANN)], "old")
    with office.world.opened() as platform:
        switch_on(platform.database, office.tenant, large(when="has(message.actor)"))
    for handle in (held, free):
        office.world.sync(handle, run=f"of {handle}")
        put_rejected(office, handle, OF_ANN)
        assert decided(office, handle)
    before = by_number(office.world.stored(held, COMMITS))
    events = {event["id"]: event for event in office.events(held)}
    hold = placed(office, held, stream=COMMITS, since=3, until=5)

    _, shown = looked_up(office, "email ann@acme.org")
    assert shown.counts["left under holds"] > 2
    assert [one.why for one in shown.exempt] == [f"under hold {hold.id}"]
    order = office.confirmed("email ann@acme.org")
    carried_out(office, order)

    left = by_number(office.world.stored(held, COMMITS))
    assert left.keys() == {2, 3, 4, 5}
    assert left[2].payload["message"] == f"2: with {MARK}\n"
    assert all(left[number] == before[number] for number in (3, 4, 5))
    assert not office.world.stored(free, COMMITS)
    assert (rejected(office, held), rejected(office, free)) == ({OF_ANN}, set())
    changed = [event for event in office.events(held) if event != events[event["id"]]]
    assert changed
    assert {event["time"] for event in changed} == {"2026-03-10T12:01:00Z"}
    # A decision has no time of the record: the hold keeps those of its stream.
    of_free = erased_decisions(office)
    assert of_free

    assert exempt_holds(office, order) == {f"under hold {hold.id}": REVIEW.isoformat()}
    counts = office.receipt(order)["targets"]
    assert all(not one["left_first"] + one["left_second"] for one in counts)
    assert order_of(office, order).sealed is None
    rest = _require_said(coworker, order, hold)

    told = coworker("holds", "release", hold.id, "--reason", "settled")
    assert (told.status, rest in told.out) == (0, True), told.err
    assert order_of(office, rest).due_at is not None
    carried_out(office, rest)
    left = by_number(office.world.stored(held, COMMITS))
    assert left.keys() == {2, 4, 5}
    assert left[4].payload["message"] == f"4: for {MARK}\n"
    assert not rejected(office, held)
    assert erased_decisions(office) > of_free
    assert exempt_holds(office, rest) == {}
    assert office.receipt(rest)["commitment"] == office.receipt(order)["commitment"]
    assert order_of(office, rest).reach is None


def _require_said(coworker: Coworker, order: str, hold: Hold) -> str:
    """The commands say of an order what it left, and which has the rest: that one's id."""
    status = json.loads(coworker("erasures", "status", order, "--json").out)
    rest = status["rest"]
    assert status["state"] == OrderState.DONE
    assert [(one["why"], one["until"]) for one in status["exempt"]] == [
        (f"under hold {hold.id}", REVIEW.isoformat())
    ]
    assert f"Exempt until {REVIEW}" in coworker("erasures", "status", order).out
    waiting = json.loads(coworker("erasures", "status", rest, "--json").out)
    assert (waiting["state"], waiting["rest_of"]) == (OrderState.HELD, order)
    assert hold.id in waiting["detail"]
    assert coworker("erasures", "withdraw", rest).status == 2
    return str(rest)


def test_what_is_left_is_what_an_oracle_keeps(office: Office) -> None:
    _erase_under_random_holds(office, seed=0)


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS_SOAKED)
def test_what_is_left_is_what_an_oracle_keeps_whatever_the_holds(office: Office, seed: int) -> None:
    _erase_under_random_holds(office, seed=seed)


def _erase_under_random_holds(office: Office, *, seed: int) -> None:
    """Three holds, released one after the other; after each, what is left is what others keep."""
    chance = random.Random(seed)
    handles = [
        office.add_repository([commit(number, ANN) for number in NUMBERS], name)
        for name in ("code", "old")
    ]
    for handle in handles:
        office.world.sync(handle, run=f"of {handle}")
    standing: list[tuple[str | None, int | None, int | None, Hold]] = []
    for _ in range(3):
        where = chance.choice([None, *handles])
        since, until = chance.choice([None, 2, 5, 8]), chance.choice([None, 9, 11, 13])
        stream = None if where is None else chance.choice([None, COMMITS])
        hold = placed(office, where, stream=stream, since=since, until=until)
        standing.append((where, since, until, hold))
    orders = [office.confirmed("email ann@acme.org")]
    while True:
        for order in orders:
            carried_out(office, order)
            assert len(exempt_holds(office, order)) <= len(standing)
        kept = {
            (handle, number)
            for handle in handles
            for number in NUMBERS
            if any(
                where in {None, handle} and (since or 0) <= number < (until or 99)
                for where, since, until, _ in standing
            )
        }
        left = {
            (handle, number)
            for handle in handles
            for number in by_number(office.world.stored(handle, COMMITS))
        }
        assert left == kept
        assert bool(exempt_holds(office, orders[-1]) if orders else kept) == bool(kept)
        if not standing:
            return
        *_, hold = standing.pop(chance.randrange(len(standing)))
        orders = list(released(office, hold).orders)


class Gated:
    """Elasticsearch that holds its first change back until it is told to let it go."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.reached, self.open = Event(), Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def bulk(self, **request: Any) -> Any:
        self.reached.set()
        assert self.open.wait(30)
        return self._client.bulk(**request)


def test_a_hold_waits_for_the_change_under_way_and_stops_the_next(office: Office) -> None:
    handle = office.add_repository([commit(1, ANN), commit(2, BOB, "as Ann Lee said")])
    office.world.sync(handle, run="before")
    order = office.confirmed("email ann@acme.org", "term Ann Lee")
    with office.work() as work, ThreadPoolExecutor(2) as pool:
        gate = Gated(work.client)
        values = {name: getattr(work, name) for name in work.__slots__}
        gated = ErasureWork(**values | {"client": gate})
        work.keep_out(order)
        erasure = pool.submit(gated.clear, order, "documents")
        assert gate.reached.wait(30)
        hold = pool.submit(placed, office)
        with pytest.raises(TimeoutError):
            hold.result(timeout=0.3)
        gate.open.set()
        hold.result(timeout=30)
        erasure.result(timeout=30)
    left = by_number(office.world.stored(handle, COMMITS))
    assert {number: one.payload["message"] for number, one in left.items()} == {
        2: "2: as Ann Lee said\n"
    }
    carried_out(office, order)
    assert exempt_holds(office, order).keys() == {f"under hold {hold.result().id}"}


def test_nobody_can_read_of_a_person_when_every_place_that_is_read_is_clear(
    office: Office,
) -> None:
    handle = office.add_repository([commit(1, ANN)])
    office.world.sync(handle, run="before")
    order = office.confirmed("email ann@acme.org")

    def noted() -> bool:
        return "unreadable_since" in (order_of(office, order).reach or {})

    with office.work() as work:
        work.keep_out(order)
        for name in ("activities", "decisions"):
            work.clear(order, name)
            assert not noted()
        work.clear(order, "documents")
    assert noted()
