"""What a rule may not do waits and is said; what is stopped is stopped at once."""

from collections.abc import Mapping

from coworker_pipelines.automation.dispatch.dispatcher import PROMISES
from coworker_pipelines.automation.dispatch.effects import DISPATCHED
from coworker_pipelines.automation.dispatch.leasing import A_MINUTE_TO_ONE_PLACE, lease
from coworker_pipelines.automation.egress.kinds import DestinationKind
from coworker_pipelines.automation.egress.letters import Letter
from coworker_pipelines.automation.egress.sending import Arrival, Report, Sender
from coworker_pipelines.automation.outbox.health import Held, health
from coworker_pipelines.automation.outbox.limits import FIRST_ACTIONS, set_limits
from coworker_pipelines.automation.outbox.states import ActionState, Outcome
from coworker_pipelines.automation.outbox.stopping import on_their_way, resume, stop
from coworker_pipelines.kernel.secret import Secret
from tests.automation.dispatch.house import HOST, House, calling
from tests.automation.dispatch.receivers import Receiver
from tests.automation.rules import large

TAGGING = large(then=[{"tag": {"name": "large"}}], tests=[])


def held(house: House) -> list[Held]:
    with house.database.control() as session:
        return list(health(session, now=house.clock.now(), tenant=house.tenant).held)


def limit(house: House, *, hour: int, first: int = 10_000) -> None:
    with house.database.control() as session:
        set_limits(
            session,
            house.tenant,
            "large",
            actions_an_hour=hour,
            first_actions=first,
            by="ann",
            now=house.clock.now(),
        )


def test_a_new_rule_does_no_more_than_somebody_can_look_at(house: House) -> None:
    house.act(TAGGING, range(2_000, 2_000 + FIRST_ACTIONS + 7))
    assert house.turn() == {"done": FIRST_ACTIONS}
    house.later(days=2)
    assert house.turn() == {}
    (waiting,) = held(house)
    assert (waiting.actions, waiting.held_by) == (7, Outcome.FIRST_RUN_LIMIT)
    house.look_at(TAGGING)
    assert held(house) == []
    assert house.turn() == {"done": 7}


def test_a_new_version_is_looked_at_anew(house: House) -> None:
    limit(house, hour=1_000, first=2)
    house.look_at(TAGGING)
    house.act(TAGGING, range(2_000, 2_005))
    assert house.turn() == {"done": 5}
    house.act(large(version=2, then=[{"tag": {"name": "vast"}}], tests=[]), range(3_000, 3_005))
    assert house.turn() == {"done": 2}


def test_an_hour_has_its_limit(house: House) -> None:
    limit(house, hour=3)
    house.act(TAGGING, range(2_000, 2_007))
    other = large(id="other", then=[{"tag": {"name": "other"}}], tests=[])
    house.act(other, [2_000])
    assert house.turn() == {"done": 4}, "a rule that has no room keeps no other waiting"
    (waiting,) = held(house)
    assert (waiting.rule, waiting.actions, waiting.held_by) == ("large", 4, Outcome.HOURLY_LIMIT)
    house.later(hours=1)
    assert house.turn() == {"done": 3}
    house.later(hours=1)
    assert house.turn() == {"done": 1}


def test_one_place_is_not_flooded(house: House, receiver: Receiver) -> None:
    house.authorise(f"https://{HOST}:{receiver.port}")
    rule = calling()
    house.look_at(rule)
    house.act(rule, range(2_000, 2_000 + A_MINUTE_TO_ONE_PLACE + 5))
    assert house.turn() == {"done": A_MINUTE_TO_ONE_PLACE}
    house.later(seconds=61)
    assert house.turn() == {"done": 5}


def test_what_is_stopped_waits_until_it_is_resumed(house: House) -> None:
    for switch in ("large", None):
        house.act(TAGGING, [2_000 if switch else 3_000])
        with house.database.control() as session:
            now = house.clock.now()
            assert stop(session, house.tenant, switch, by="ann", reason="odd", now=now)
            assert not stop(session, house.tenant, switch, by="bob", reason="same", now=now)
        assert house.turn() == {}
        assert [one.held_by for one in held(house)] == [Outcome.KILL_SWITCH]
        with house.database.control() as session:
            assert resume(session, house.tenant, switch, by="ann", now=house.clock.now())
        assert house.turn() == {"done": 1}


def test_a_switch_reaches_what_was_taken_already(house: House) -> None:
    """Between the lease and the sending: asked again in the transaction that begins it."""
    house.authorise(f"https://{HOST}:1")
    house.act(calling(), [2_000, 3_000])

    class Stopping(Sender):
        sent = 0

        def send(self, letter: Letter, secrets: Mapping[str, Secret]) -> Report:
            assert letter
            assert secrets
            self.sent += 1
            with house.database.control() as session:
                now = house.clock.now()
                assert on_their_way(session, house.tenant, "large") == 1
                stop(session, house.tenant, "large", by="ann", reason="odd", now=now)
            return Report(arrival=Arrival.ARRIVED, detail="It was taken.")

    sender = Stopping()
    dispatcher = house.dispatcher()
    dispatcher.senders[DestinationKind.WEBHOOK] = sender  # type: ignore[index]
    assert dict(dispatcher.turn()) == {"done": 1, "kill_switch": 1}
    assert sender.sent == 1
    assert sorted(house.states()) == [ActionState.DONE, ActionState.READY]
    with house.database.control() as session:
        assert on_their_way(session, house.tenant, "large") == 0


def test_two_dispatchers_never_have_the_same_action(house: House) -> None:
    house.act(TAGGING, range(2_000, 2_015))
    taken: list[str] = []
    for _ in range(3):
        with house.database.dispatch() as session:
            batch = lease(
                session,
                house.tenant,
                now=house.clock.now(),
                actions=DISPATCHED,
                promises=PROMISES,
            )
        taken += [one.key for one in batch]
    assert len(taken) == len(set(taken)) == 15
    assert house.turn() == {}


def test_while_one_leases_for_a_tenant_no_other_does(house: House) -> None:
    house.act(TAGGING)
    with house.database.dispatch() as session:
        now = house.clock.now()
        assert lease(session, house.tenant, now=now, actions=DISPATCHED, promises=PROMISES)
        assert house.turn() == {}
