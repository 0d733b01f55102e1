"""The whole way on real servers: a rule is written, tested, activated; a real sync is decided."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from coworker_pipelines.automation.decisions.deciding import DecidedCounts, decide_sync
from coworker_pipelines.automation.decisions.explanation import explain
from coworker_pipelines.automation.decisions.replay import ReplayOutcome, replay
from coworker_pipelines.automation.decisions.store import (
    Span,
    latest_decisions,
    scan_decisions,
    verify_chain,
)
from coworker_pipelines.automation.rules.compiled import Outcome
from coworker_pipelines.automation.rules.store import activate, add_version, recorded_rule_set
from coworker_pipelines.automation.rules.text import read_rule
from coworker_pipelines.automation.rules.trials import failures_of
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.syncs import find_sync
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.settings import Settings
from tests.integration.shop import Shop
from tests.integration.world import NOW, World

ORDERS = 150
RULE = """\
id: changed-order
version: 1
trigger:
  kinds: [sql]
  streams: [orders]
  verbs: [Update]
when: message.attributes.table == "orders" && message.object.id.endsWith("7")
then:
  - tag: {name: changed}
tests:
  - name: order 7
    message: {object: {id: "7"}}
    actions:
      - tag: {name: changed}
  - name: order 8
    message: {object: {id: "8"}}
"""


@pytest.fixture
def world(
    migrated_url: str, elasticsearch_address: ElasticsearchAddress, tmp_path: Path
) -> Iterator[World]:
    world = World(
        settings=Settings(
            state=tmp_path / "state",
            database_url=migrated_url,
            elasticsearch=elasticsearch_address,
            segments=tmp_path / "segments",
        )
    )
    shop = Shop(tmp_path / "shop.sqlite", orders=ORDERS, products=3)
    world.add_tenant("acme")
    handle = world.add_connection(shop.form)
    world.sync(handle, run="first")
    yield world
    world.remove(handle)


def decided(world: World, run: str) -> DecidedCounts:
    with world.opened() as platform, platform.open_reading("acme.shop") as reading:
        with platform.database.control() as session:
            sync = find_sync(session, run).id
        return decide_sync(
            platform.database,
            reading.activities,
            reading.scope,
            stream="orders",
            sync=sync,
            connection="shop",
            now=NOW,
        )


def test_messages_of_a_sync_are_decided_once_explained_and_replayed(world: World) -> None:
    rule = read_rule(RULE).rule
    assert failures_of(rule) == []
    with world.opened() as platform, platform.database.control() as session:
        tenant = find_connection(session, "acme.shop").tenant_id
        add_version(session, tenant, rule, by="ann", now=NOW)
        activate(session, tenant, rule, by="ann", now=NOW)
    changed = [n for n in range(ORDERS) if not n % 7 and n % 10 == 7]
    counts = decided(world, "first")
    assert counts.actions == len(changed)
    assert counts.before == counts.failed == 0
    # A row that was not changed after it was made is told as made, and one that was as both.
    assert counts.decided == ORDERS + len(range(0, ORDERS, 7))
    again = decided(world, "first")
    assert again == DecidedCounts(before=counts.decided)
    world.sync("acme.shop", run="second", at=NOW + timedelta(hours=1))
    assert decided(world, "second") == DecidedCounts()
    with world.opened() as platform, platform.database.control() as session:
        kept = [one for page in scan_decisions(session, tenant, Span()) for one in page]
        outcomes = {
            one.outcome
            for one in replay(kept, lambda digest: recorded_rule_set(session, tenant, digest))
        }
        assert outcomes == {ReplayOutcome.EQUAL}
        assert verify_chain(session, tenant).links == len(kept) == counts.decided
        (acting,) = latest_decisions(session, tenant, limit=1, acting=True)
        found = explain(acting, recorded_rule_set(session, tenant, acting.rule_set))
    (told,) = found.rules
    assert told.outcome == Outcome.MATCHED
    assert [(one.condition, one.outcome) for one in told.because] == [
        ('message.attributes.table == "orders"', "true"),
        ('message.object.id.endsWith("7")', "true"),
    ]
    assert told.because[1].read["message.object.id"].endswith("7")
    (action,) = found.actions
    assert (action.type, action.parameters) == ("tag", {"name": "changed"})
