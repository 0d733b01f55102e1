"""Who looks after actions, and who fetches them."""

import pytest
from sqlalchemy import select

from coworker_pipelines.automation.action_rows import DestinationRow
from coworker_pipelines.automation.actions.types import Delivery
from coworker_pipelines.automation.egress.kinds import DestinationKind
from coworker_pipelines.automation.outbox.collecting import collect_postings
from coworker_pipelines.automation.outbox.health import health
from coworker_pipelines.automation.outbox.looking_after import (
    attempts_of,
    discard,
    find_action,
    latest_actions,
    latest_tasks,
    retry,
    settle,
)
from coworker_pipelines.automation.outbox.states import ActionState
from coworker_pipelines.automation.outbox.stopping import stop
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.references import destination_reference
from tests.automation.dispatch.house import HOST, House, calling
from tests.automation.dispatch.receivers import Receiver
from tests.automation.messages import ANN
from tests.automation.rules import large

ONCE = {"webhook": Delivery.AT_MOST_ONCE}
BOOKING = large(
    when="has(message.actor)",
    then=[
        {
            "ledger.post": {
                "account": {"cel": "message.actor"},
                "amount": 5,
                "reason": "large-commit",
            }
        }
    ],
    tests=[],
)


@pytest.fixture
def unclear(house: House, receiver: Receiver) -> House:
    """One action that may have taken place, and may not do so twice."""
    house.authorise(f"https://{HOST}:{receiver.port}")
    house.act(calling())
    receiver.status = lambda _: 500
    assert house.turn(ONCE) == {"unknown": 1}
    receiver.status = lambda _: 204
    return house


def test_what_is_unclear_waits_for_a_person(unclear: House, receiver: Receiver) -> None:
    unclear.later(days=7)
    assert unclear.turn(ONCE) == {}
    (action,) = unclear.outbox()
    assert action.state == ActionState.WAITING_FOR_PERSON
    assert action.detail == "It fails, with status 500: whether it was taken is not known."
    with unclear.database.control() as session:
        assert health(session, now=unclear.clock.now()).waiting_for_person == 1
        assert [row.outcome for row in attempts_of(session, action)] == ["unknown"]
    assert len(receiver.heard) == 1


def test_a_person_says_that_it_arrived(unclear: House) -> None:
    key = unclear.outbox()[0].key
    with unclear.database.control() as session:
        settle(session, unclear.tenant, key[:8], by="ann", now=unclear.clock.now())
    assert unclear.states() == [ActionState.DONE]
    for decide in (settle, retry, discard):
        with pytest.raises(RefusedError), unclear.database.control() as session:
            decide(session, unclear.tenant, key, by="ann", now=unclear.clock.now())


def test_a_person_has_it_tried_again_with_its_key(unclear: House, receiver: Receiver) -> None:
    key = unclear.outbox()[0].key
    with unclear.database.control() as session:
        retry(session, unclear.tenant, key, by="ann", now=unclear.clock.now())
    assert unclear.turn(ONCE) == {"done": 1}
    assert receiver.arrivals == {key: 2}


def test_a_person_discards_it(unclear: House, receiver: Receiver) -> None:
    key = unclear.outbox()[0].key
    with unclear.database.control() as session:
        discard(session, unclear.tenant, key, by="ann", now=unclear.clock.now())
    unclear.later(days=1)
    assert unclear.turn(ONCE) == {}
    assert unclear.states() == [ActionState.STOPPED]
    assert len(receiver.heard) == 1


def test_what_is_on_its_own_way_is_nobodys_to_settle(house: House) -> None:
    house.act(calling())
    (action,) = house.outbox()
    for decide in (settle, retry):
        with pytest.raises(RefusedError, match="without anybody"), house.database.control() as one:
            decide(one, house.tenant, action.key, by="ann", now=house.clock.now())


def test_actions_are_found_by_the_beginning_of_their_key(house: House) -> None:
    house.act(large(), [2_000, 3_000])
    with house.database.control() as session:
        listed = latest_actions(session, house.tenant, limit=3)
        assert len(listed) == 3
        assert find_action(session, house.tenant, listed[0].key[:8]).key == listed[0].key
        assert latest_actions(session, house.tenant, limit=9, states=[ActionState.DEAD]) == []
        for key in ("", "short", "f" * 8, "%%%%%%%%"):
            with pytest.raises(TenantActionError):
                find_action(session, house.tenant, key)


def test_tasks_are_found_by_their_list(house: House) -> None:
    house.act(large())
    house.turn()
    with house.database.control() as session:
        (task,) = latest_tasks(session, house.tenant, limit=9, list_name="reviews")
        assert task.title == f"Look at {2_000:040x}"
        assert latest_tasks(session, house.tenant, limit=9, list_name="others") == []


def test_the_ledger_fetches_each_posting_once(house: House) -> None:
    house.act(BOOKING, [2_000, 3_000])
    assert house.turn() == {}, "nobody else does it"
    now = house.clock.now()
    with house.database.dispatch() as session:
        postings = collect_postings(session, house.tenant, now=now)
        assert [(one.account, one.amount, one.reason) for one in postings] == [
            (ANN, 5, "large-commit")
        ] * 2
        session.rollback()
    with house.database.dispatch() as session:
        again = collect_postings(session, house.tenant, now=now)
        assert {one.key for one in again} == {one.key for one in postings}
    with house.database.dispatch() as session:
        assert collect_postings(session, house.tenant, now=now) == []
    assert house.states() == [ActionState.DONE] * 2


def test_the_ledger_fetches_nothing_that_is_stopped(house: House) -> None:
    house.act(BOOKING)
    for switch in ("large", None):
        with house.database.control() as session:
            stop(session, house.tenant, switch, by="ann", reason="odd", now=house.clock.now())
        with house.database.dispatch() as session:
            assert collect_postings(session, house.tenant, now=house.clock.now()) == []


def test_an_outbox_that_nobody_works_on_is_overdue(house: House) -> None:
    house.act(large())
    with house.database.control() as session:
        assert health(session, now=house.clock.now()).overdue == 0
        found = health(session, now=house.later(hours=2))
    assert (found.waiting, found.overdue, found.held) == (2, 2, [])


def test_an_authorisation_is_replaced_and_never_changed(house: House) -> None:
    house.authorise("https://crm.example.org/in/secret-path?key=k")
    house.authorise("https://crm.example.org:8443", fields=("message.id",))
    with house.database.control() as session:
        rows = session.scalars(select(DestinationRow).order_by(DestinationRow.address)).all()
        assert [(row.address, row.withdrawn_at is None) for row in rows] == [
            ("https://crm.example.org", False),
            ("https://crm.example.org:8443", True),
        ]
        kept = house.secrets.get(destination_reference(house.tenant, rows[0].id))
    assert kept["address"].get_secret_value() == "https://crm.example.org/in/secret-path?key=k"


@pytest.mark.parametrize(
    ("address", "more", "words"),
    (
        ("http://crm.example.org", {}, "begins with https://"),
        ("https://", {}, "begins with https://"),
        ("https://ann:sesame@crm.example.org", {}, "no user or password"),
        ("https://crm.example.org/#x", {}, "without a fragment"),
        ("https://crm.example.org/ü", {}, "plain ASCII"),
        ("https://crm.example.org:99999", {}, "begins with https://"),
        ("https://crm.example.org", {"fields": ()}, "Say what may be sent there"),
        ("https://crm.example.org", {"fields": ("message.idd",)}, "Did you mean"),
        ("https://crm.example.org", {"name": "No name"}, "A destination's name has"),
        ("https://crm.example.org", {"sender": "a@b.org"}, "has no sender"),
        (
            "smtps://mail.example.org",
            {"kind": DestinationKind.MAIL, "fields": ("text",)},
            "has a sender and at least one recipient",
        ),
        (
            "smtps://mail.example.org",
            {
                "kind": DestinationKind.MAIL,
                "fields": ("text",),
                "sender": "a@b.org",
                "recipients": ("a@b.org\r\nBcc: c@d.org",),
            },
            "is no mail address",
        ),
    ),
)
def test_what_makes_no_sense_is_not_authorised(
    house: House, address: str, more: dict[str, object], words: str
) -> None:
    with pytest.raises(TenantActionError, match=words):
        house.authorise(address, **more)  # type: ignore[arg-type]
    assert list(house.secrets.references()) == []


def test_a_signing_secret_of_the_receiver_is_taken_as_it_is(
    house: House, receiver: Receiver
) -> None:
    own = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert house.authorise(f"https://{HOST}:{receiver.port}", signing=own) is None
    house.act(calling())
    assert house.turn() == {"done": 1}
