"""Erasure and deletion reach what is to be done, what was sent and what was made."""

import pytest

from coworker_pipelines.automation.decisions.store import verify_chain
from coworker_pipelines.automation.erasing import DECISIONS, EFFECTS, OUTBOX
from coworker_pipelines.automation.outbox.looking_after import retry
from coworker_pipelines.automation.outbox.states import ActionState
from coworker_pipelines.connections.holds import Hold
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.removers.rows import RowRemover
from coworker_pipelines.privacy.targets import target
from tests.automation.dispatch.house import FIELDS, HOST, House
from tests.automation.dispatch.receivers import Receiver
from tests.automation.messages import ANN, BOB, SCOPE
from tests.automation.rules import large

ALL = (*OUTBOX, *EFFECTS, *DECISIONS)
EVERYTHING = large(
    then=[
        {"webhook": {"destination": "crm", "fields": list(FIELDS)}},
        {"create_task": {"list": "reviews", "title": "Look"}},
        {"tag": {"name": "large"}},
    ],
    tests=[],
)


def erase(house: House, key: str, *holds: Hold) -> int:
    with house.database.privacy() as session:
        return sum(
            table.erase(session, house.tenant, [key], now=house.clock.now(), holds=holds)
            for table in ALL
        )


def left(house: House, key: str) -> int:
    with house.database.privacy() as session:
        return sum(table.count(session, house.tenant, [key]) for table in ALL)


@pytest.fixture
def acted(house: House, receiver: Receiver) -> House:
    """Some of it is done, some is dead, some still to be done."""
    house.authorise(f"https://{HOST}:{receiver.port}")
    house.act(EVERYTHING, [2_000])
    house.turn()
    receiver.status = lambda _: 400
    house.act(EVERYTHING, [3_000])
    house.turn()
    house.act(EVERYTHING, [4_000])
    return house


def test_an_erased_person_is_in_none_of_it_and_the_chain_holds(acted: House) -> None:
    assert left(acted, ANN) == 9 + 2 + 2 + 2 + 3
    assert left(acted, BOB) == 0
    assert erase(acted, BOB) == 0
    assert erase(acted, ANN) == 18
    assert left(acted, ANN) == erase(acted, ANN) == 0
    actions = acted.outbox()
    assert all(row.payload is None and row.subject_keys == [] for row in actions)
    assert [row.state for row in actions].count(ActionState.DONE) == 5
    assert {(row.state, row.outcome) for row in actions if row.state != ActionState.DONE} == {
        (ActionState.STOPPED, "erased")
    }
    assert all(row.digest is None for row in acted.sent())
    assert not acted.tags()
    assert not acted.tasks()
    with acted.database.control() as session:
        assert verify_chain(session, acted.tenant).broken_at is None


def test_nothing_is_done_for_an_erased_person(acted: House, receiver: Receiver) -> None:
    before = len(receiver.heard)
    erase(acted, ANN)
    acted.later(days=1)
    assert acted.turn() == {}
    dead = next(row for row in acted.outbox() if row.state == ActionState.STOPPED)
    with pytest.raises(RefusedError), acted.database.control() as session:
        retry(session, acted.tenant, dead.key, by="ann", now=acted.clock.now())
    assert len(receiver.heard) == before


def test_what_lies_under_a_hold_stays(acted: House) -> None:
    hold = Hold(
        id="h1",
        tenant=acted.tenant,
        connection=SCOPE.connection,
        stream="commits",
        since=None,
        until=None,
        review_at=acted.clock.now().date(),
    )
    assert erase(acted, ANN, hold) == 0
    with acted.database.privacy() as session:
        assert all(table.has_under(session, acted.tenant, [ANN], hold) for table in ALL)


def test_a_connections_deletion_leaves_that_something_was_sent(acted: House) -> None:
    extent = Extent(tenant=acted.tenant, connection=SCOPE.connection)
    reached = Reached(extent=extent, slug="acme")
    for name, count in (("outbox", 9 + 2), ("effects", 2 + 2)):
        remover = RowRemover(session=acted.database.privacy, target=target(name))
        assert remover.count(reached) == remover.delete(reached) == count
        assert remover.count(reached) == 0
    assert [*acted.outbox(), *acted.tags(), *acted.tasks()] == []
    sent = acted.sent()
    assert {row.outcome for row in sent} == {"done", "refused"}
    assert {row.digest for row in sent} == {None}


def test_a_tenants_deletion_takes_all_of_it(acted: House) -> None:
    reached = Reached(extent=Extent(tenant=acted.tenant), slug="acme")
    for name in ("outbox", "effects", "rows"):
        RowRemover(session=acted.database.privacy, target=target(name)).delete(reached)
    assert [*acted.outbox(), *acted.sent(), *acted.tags(), *acted.tasks()] == []
