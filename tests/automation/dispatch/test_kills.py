"""Kill -9 at every statement of the dispatch path."""

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

import orjson
import pytest

from coworker_pipelines.automation.actions.types import Delivery
from coworker_pipelines.automation.egress.destinations import find_destination
from coworker_pipelines.automation.outbox.limits import LIMIT_MAX, set_limits
from coworker_pipelines.automation.outbox.states import ActionState
from coworker_pipelines.secrets.references import destination_reference
from tests.automation.dispatch.house import FIELDS, HOST, House
from tests.automation.dispatch.receivers import Receiver
from tests.automation.rules import large
from tests.victims import tell

ACTING = large(
    then=[
        {"webhook": {"destination": "crm", "fields": list(FIELDS)}},
        {"create_task": {"list": "reviews", "title": "Look"}},
        {"tag": {"name": "large"}},
    ],
    tests=[],
)
ACTIONS = len(ACTING.actions)
TURNS_MAX = 20
KILLS_IN_A_ROW = 50
OPEN = {ActionState.READY, ActionState.LEASED}


@dataclass(kw_only=True)
class Trials:
    """``points`` are what a turn over one decision's actions passes, if nobody kills it."""

    house: House
    asking: IO[bytes]
    answering: IO[bytes]
    points: int = 0
    killed_at: Counter[int] = field(default_factory=Counter)
    decided: int = 0

    def decide(self) -> None:
        self.decided += 1
        self.house.act(ACTING, [2_000 + self.decided])

    def turn(self, kill_at: int = 0) -> bool:
        """Whether it was killed; the time is one at which every older lease is over."""
        now = self.house.later(minutes=20)
        self.asking.write(orjson.dumps({"kill_at": kill_at, "now": now.isoformat()}) + b"\n")
        self.asking.flush()
        said = orjson.loads(self.answering.readline())
        assert said["killed"] or said["status"] == 0
        if said["killed"]:
            self.killed_at[kill_at] += 1
        else:
            self.points = max(self.points, said["passed"])
        return bool(said["killed"])

    def go_on(self) -> None:
        """Turns that nobody kills, as the sensor asks for them."""
        for _ in range(TURNS_MAX):
            if OPEN.isdisjoint(self.house.states()):
                return
            self.turn()


@contextmanager
def trials(house: House, receiver: Receiver, url: str, promise: Delivery) -> Iterator[Trials]:
    secret = house.authorise(f"https://{HOST}:{receiver.port}")
    assert secret is not None
    with house.database.control() as session:
        set_limits(
            session,
            house.tenant,
            "large",
            actions_an_hour=LIMIT_MAX,
            first_actions=LIMIT_MAX,
            by="ann",
            now=house.clock.now(),
        )
        destination = find_destination(session, house.tenant, "crm").id
    given = {
        "url": url,
        "reference": destination_reference(house.tenant, destination),
        "address": f"https://{HOST}:{receiver.port}",
        "signing": secret.get_secret_value(),
        "ca_file": house.reachable.ca_file,
        "promise": promise,
    }
    command = [
        sys.executable,
        "-m",
        "tests.automation.dispatch.victim",
        orjson.dumps(given).decode(),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        found = Trials(house=house, asking=process.stdin, answering=process.stdout)
        try:
            found.decide()
            found.turn()
            yield found
        finally:
            process.stdin.close()
            process.wait(30)


def kill_often(found: Trials, count: int) -> None:
    """Kills so many turns, spread over all points that there are."""
    chosen = random.Random(count)
    spread = [1 + number * found.points // count for number in range(min(count, found.points))]
    spread += [chosen.randint(1, found.points) for _ in range(count - len(spread))]
    for number, kill_at in enumerate(spread, start=1):
        found.decide()
        # What an earlier one left makes the way longer, so each point is passed.
        assert found.turn(kill_at), "it was over before it was to be killed"
        if number % KILLS_IN_A_ROW == 0:
            found.go_on()
    tell(f"{found.killed_at.total()} turns killed at {len(found.killed_at)} points")
    found.go_on()


def _nothing_is_lost_or_doubled(house: House, receiver: Receiver, url: str, count: int) -> None:
    with trials(house, receiver, url, Delivery.AT_LEAST_ONCE) as found:
        kill_often(found, count)
        decided = found.decided
    actions = house.outbox()
    assert Counter(row.state for row in actions) == {ActionState.DONE: decided * ACTIONS}
    assert {row.key for row in actions if row.action == "webhook"} == receiver.effects.keys()
    assert len(house.tags()) == len(house.tasks()) == len(receiver.effects) == decided
    tell(f"{decided} effects of {receiver.arrivals.total()} arrivals")


def _nothing_is_sent_twice(house: House, receiver: Receiver, url: str, count: int) -> None:
    """Where it may not be: at a receiver that knows no key, what is unclear waits for a person."""
    with trials(house, receiver, url, Delivery.AT_MOST_ONCE) as found:
        kill_often(found, count)
        decided = found.decided
    assert max(receiver.arrivals.values()) == 1
    webhooks = {row.key: row.state for row in house.outbox() if row.action == "webhook"}
    unclear = {key for key, state in webhooks.items() if state == ActionState.WAITING_FOR_PERSON}
    assert len(webhooks) == decided
    assert {key for key, state in webhooks.items() if state == ActionState.DONE} == (
        webhooks.keys() - unclear
    )
    assert webhooks.keys() - unclear <= receiver.arrivals.keys()
    assert unclear, "no kill came between the beginning and the end of a sending"
    assert len(house.tags()) == len(house.tasks()) == decided
    tell(f"{len(unclear)} of {decided} wait for a person, {len(receiver.heard)} arrived")


def test_20_kills_lose_and_double_nothing(
    house: House, receiver: Receiver, migrated_url: str
) -> None:
    _nothing_is_lost_or_doubled(house, receiver, migrated_url, 20)


def test_what_may_happen_once_happens_once_at_the_most(
    house: House, receiver: Receiver, migrated_url: str
) -> None:
    _nothing_is_sent_twice(house, receiver, migrated_url, 20)


@pytest.mark.soak
def test_1000_kills_lose_and_double_nothing(
    house: House, receiver: Receiver, migrated_url: str
) -> None:
    _nothing_is_lost_or_doubled(house, receiver, migrated_url, 1_000)


@pytest.mark.soak
def test_500_kills_send_nothing_twice(house: House, receiver: Receiver, migrated_url: str) -> None:
    _nothing_is_sent_twice(house, receiver, migrated_url, 500)
