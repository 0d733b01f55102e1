"""Kill -9 at every statement of the phase that decides."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import orjson
import pytest
from sqlalchemy import select, text

from coworker_pipelines.automation.action_rows import OutboxRow
from coworker_pipelines.automation.decisions.store import verify_chain
from coworker_pipelines.automation.rows import DecisionRecord
from coworker_pipelines.automation.rules.store import activate, add_version
from coworker_pipelines.automation.rules.text import read_rule
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.rows import DecisionRound
from tests.environment import environment_of
from tests.integration.conftest import world
from tests.integration.shop import ORDERS, Shop
from tests.integration.world import MARCH, World
from tests.victims import tell

__all__ = ["world"]

ROWS = 1_000
"""Three transactions with decisions, and the one that closes the round."""
RULE = """\
id: ends-with-7
version: 1
trigger: {kinds: [sql], streams: [orders], verbs: [Create]}
when: message.object.id.endsWith("7")
then:
  - tag: {name: seven}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    world: World
    handle: str
    asking: IO[bytes]
    answering: IO[bytes]

    def turn(self, kill_at: int = 0) -> int | None:
        """How many points the phase had; ``None`` where it was killed."""
        self.asking.write(b"%d\n" % kill_at)
        self.asking.flush()
        said = orjson.loads(self.answering.readline())
        assert said["killed"] or said["status"] == 0
        return None if said["killed"] else said["passed"]

    def undo(self) -> None:
        """All messages wait again, as if nothing had been decided."""
        with self.world.opened() as platform, platform.database.control() as session:
            session.execute(text("RESET ROLE"))
            session.execute(text("TRUNCATE decisions, decision_chains, outbox"))
            session.execute(text("UPDATE decision_rounds SET decided_at = NULL"))

    def found(self) -> tuple[Counter[str], Counter[str], int]:
        """Decisions and actions by message; how many rounds wait. The chain holds."""
        with self.world.opened() as platform, platform.database.control() as session:
            tenant = find_connection(session, self.handle).tenant_id
            decisions = Counter(session.scalars(select(DecisionRecord.message_id)))
            actions = Counter(session.scalars(select(OutboxRow.message_id)))
            waiting = select(DecisionRound.sync_id).where(DecisionRound.decided_at.is_(None))
            verified = verify_chain(session, tenant)
            assert (verified.links, verified.broken_at) == (decisions.total(), None)
            return decisions, actions, len(session.scalars(waiting).all())


@contextmanager
def trials(world: World, shop: Shop) -> Iterator[Trials]:
    handle = world.add_connection(shop.form)
    with world.opened() as platform, platform.database.control() as session:
        tenant, rule = find_connection(session, handle).tenant_id, read_rule(RULE).rule
        # Everything of March is new, and what was made in February is history.
        add_version(session, tenant, rule, by="ann", now=MARCH.start_at)
        activate(session, tenant, rule, by="ann", now=MARCH.start_at)
    with world.opened() as platform, platform.open_sync(handle, "first", [MARCH]) as sync:
        for phase in (sync.extract, sync.store, sync.derive):
            phase(ORDERS, MARCH)
    environment = orjson.dumps(environment_of(world.settings, world.settings.state)).decode()
    command = [sys.executable, "-m", "tests.automation.deciding_victim", environment, handle]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Trials(world=world, handle=handle, asking=process.stdin, answering=process.stdout)
        finally:
            process.stdin.close()
            process.wait(30)
    world.remove(handle)


def killed_at(world: World, shop: Shop, count: int | None) -> None:
    """At so many points, spread over all that there are; ``None``: at each."""
    with trials(world, shop) as trial:
        points = trial.turn()
        assert points is not None
        expected = trial.found()
        decisions, actions, waiting = expected
        assert set(decisions.values()) == set(actions.values()) == {1}
        assert (len(decisions), waiting) == (ROWS, 0)
        chosen = range(1, points + 1, 1 if count is None else max(1, points // count))
        for kill_at in chosen:
            trial.undo()
            assert trial.turn(kill_at) is None, "it was over before it was to be killed"
            assert trial.turn() is not None
            assert trial.found() == expected
    tell(f"killed at {len(chosen)} of {points} points: nothing lost, nothing twice")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop.sqlite", orders=ROWS, products=0)


def test_a_phase_that_is_killed_is_gone_on_with(world: World, shop: Shop) -> None:
    killed_at(world, shop, 4)


@pytest.mark.soak
def test_a_phase_that_is_killed_at_every_statement(world: World, shop: Shop) -> None:
    killed_at(world, shop, None)
