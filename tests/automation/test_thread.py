"""The whole way on real servers: a rule is written, tested, activated; real syncs are decided."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from coworker_pipelines.assembly import Platform
from coworker_pipelines.assembly.catching_up import CatchingUp
from coworker_pipelines.automation.action_rows import OutboxRow
from coworker_pipelines.automation.decisions.catch_up import list_catch_ups, plan_catch_up
from coworker_pipelines.automation.decisions.explanation import explain
from coworker_pipelines.automation.decisions.replay import ReplayOutcome, replay
from coworker_pipelines.automation.decisions.store import (
    Kept,
    Span,
    latest_decisions,
    scan_decisions,
    verify_chain,
)
from coworker_pipelines.automation.rows import DecisionRecord
from coworker_pipelines.automation.rules.compiled import Outcome
from coworker_pipelines.automation.rules.store import activate, add_version, recorded_rule_set
from coworker_pipelines.automation.rules.text import read_rule
from coworker_pipelines.automation.rules.trials import failures_of
from coworker_pipelines.connections.connections import find_connection, raise_epoch
from coworker_pipelines.connections.rounds import RoundReason
from coworker_pipelines.connections.rows import DecisionRound, StreamState, SyncStream
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.settings import Settings
from tests.integration.shop import ORDERS, PRODUCTS, Shop
from tests.integration.world import MARCH, NOW, World
from tests.victims import tell

ROWS = 150
HANDLE = "acme.shop"
BEFORE = datetime(2026, 2, 1, tzinfo=UTC)
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
ANY_PRODUCT = """\
id: product
version: 1
trigger: {kinds: [sql], streams: [products]}
when: "true"
then:
  - tag: {name: product}
"""
CHANGED = [n for n in range(ROWS) if not n % 7 and n % 10 == 7]
"""Orders that were changed after they were made, and that the rule is about."""
MESSAGES = ROWS + len(range(0, ROWS, 7))
"""Of orders: one that was not changed is told as made, one that was as both."""
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop.sqlite", orders=ROWS, products=3)


@pytest.fixture
def world(
    migrated_url: str, elasticsearch_address: ElasticsearchAddress, tmp_path: Path, shop: Shop
) -> Iterator[World]:
    world = World(
        settings=Settings(
            state=tmp_path / "state",
            database_url=migrated_url,
            elasticsearch=elasticsearch_address,
            segments=tmp_path / "segments",
        )
    )
    world.add_tenant("acme")
    world.add_connection(shop.form)
    yield world
    world.remove(HANDLE)


def switch_on(world: World, at: datetime, text: str = RULE) -> None:
    rule = read_rule(text).rule
    with world.opened() as platform, platform.database.control() as session:
        tenant = find_connection(session, HANDLE).tenant_id
        add_version(session, tenant, rule, by="ann", now=at)
        activate(session, tenant, rule, by="ann", now=at)


def part_of(world: World, run: str, stream: str = ORDERS) -> SyncStream:
    return world.counts_of(run)[stream]


def chosen(world: World) -> Counter[str]:
    """How often which message is acted on."""
    with world.opened() as platform, platform.database.control() as session:
        return Counter(session.scalars(select(OutboxRow.message_id)))


def rounds(world: World, stream: str = ORDERS) -> list[DecisionRound]:
    with world.opened() as platform, platform.database.control() as session:
        found = session.scalars(
            select(DecisionRound)
            .where(DecisionRound.stream == stream)
            .order_by(DecisionRound.made_at)
        ).all()
        session.expunge_all()
    return list(found)


def kept(world: World) -> list[Kept]:
    """All decisions, which are equal when they are made again, in a chain that holds."""
    with world.opened() as platform, platform.database.control() as session:
        tenant = find_connection(session, HANDLE).tenant_id
        found = [one for page in scan_decisions(session, tenant, Span()) for one in page]
        outcomes = [
            one.outcome for one in replay(found, partial(recorded_rule_set, session, tenant))
        ]
        verified = verify_chain(session, tenant)
    assert set(outcomes) <= {ReplayOutcome.EQUAL}
    assert (verified.links, verified.broken_at) == (len(found), None)
    return found


def test_messages_are_decided_once_explained_and_replayed(world: World) -> None:
    assert failures_of(read_rule(RULE).rule) == []
    switch_on(world, BEFORE)
    world.sync(HANDLE, run="first")
    first = part_of(world, "first")
    assert (first.decisions, first.actions) == (MESSAGES, len(CHANGED))
    assert len(chosen(world)) == len(CHANGED)
    world.sync(HANDLE, run="second", at=NOW + HOUR)
    assert part_of(world, "second").decisions == 0
    assert len(kept(world)) == MESSAGES
    with world.opened() as platform, platform.database.control() as session:
        tenant = find_connection(session, HANDLE).tenant_id
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


def test_without_a_rule_a_round_costs_one_row(world: World) -> None:
    world.sync(HANDLE, run="first")
    (one,) = rounds(world)
    assert (one.messages, one.passed_over, one.reason) == (MESSAGES, MESSAGES, RoundReason.NO_RULE)
    assert kept(world) == []


def test_what_happened_before_a_rule_was_active_is_history(world: World, shop: Shop) -> None:
    """First full syncs and backfills do not act; what comes after the activation does."""
    switch_on(world, NOW)
    world.sync(HANDLE, MARCH.plus(-1), MARCH, run="first")
    (one,) = rounds(world)
    assert (one.messages, one.passed_over, one.reason) == (MESSAGES, MESSAGES, RoundReason.HISTORY)
    assert kept(world) == []
    shop.change("UPDATE orders SET note = 'new', updated_at = '2026-03-20 12:30:00' WHERE id = 17")
    shop.change("UPDATE orders SET note = 'late', updated_at = '2026-03-20 11:59:59' WHERE id = 27")
    world.sync(HANDLE, run="second", at=NOW + HOUR)
    part = part_of(world, "second")
    assert (part.activities, part.decisions, part.actions) == (2, 1, 1)
    assert rounds(world)[1].passed_over == 1
    world.sync(HANDLE, MARCH.plus(-1), MARCH, run="backfill", at=NOW + 2 * HOUR)
    assert chosen(world).total() == 1
    assert len(kept(world)) == 1


def test_what_a_stream_without_times_shows_at_first_was_there_before(
    world: World, shop: Shop
) -> None:
    switch_on(world, BEFORE, ANY_PRODUCT)
    world.sync(HANDLE, run="first")
    assert part_of(world, "first", PRODUCTS).decisions == 0
    shop.change("INSERT INTO products VALUES ('sku-new', 'New', '1.00')")
    world.sync(HANDLE, run="second", at=NOW + HOUR)
    part = part_of(world, "second", PRODUCTS)
    assert (part.activities, part.decisions, part.actions) == (1, 1, 1)


def catching_up(opened: Platform) -> CatchingUp:
    with opened.database.control() as session:
        tenant = find_connection(session, HANDLE).tenant_id
        plan = plan_catch_up(session, tenant, ["changed-order"], since=BEFORE, until=NOW + HOUR)
    return CatchingUp(platform=opened, plan=plan, slug="acme", handles=[HANDLE])


def test_a_catch_up_is_shown_ordered_and_acts_once(world: World, shop: Shop) -> None:
    world.sync(HANDLE, run="first")
    switch_on(world, NOW)
    shop.change("UPDATE orders SET note = 'new', updated_at = '2026-03-20 12:30:00' WHERE id = 17")
    world.sync(HANDLE, run="second", at=NOW + HOUR)
    assert chosen(world).total() == 1
    with world.opened(at=NOW + HOUR) as platform:
        work = catching_up(platform)
        shown = work.preview()
        assert shown.messages == len(range(0, ROWS, 7))
        assert dict(shown.actions) == {("changed-order", "tag"): len(CHANGED)}
        assert chosen(world).total() == 1, "a preview has acted"
        with pytest.raises(RefusedError, match="confirmed by the tenant's short name"):
            work.order(shown, typed="acme-corp", ordered_by="ann")
        order = work.order(shown, typed="acme", ordered_by="ann")
        counts = work.carry_out(order)
        assert (counts.decided, counts.actions) == (len(CHANGED), len(CHANGED))
        assert work.preview().messages == shown.messages - len(CHANGED)
        assert work.carry_out(order).decided == 0
        with platform.database.control() as session:
            (noted,) = list_catch_ups(session, work.plan.tenant)
            assert (noted.ordered_by, noted.actions) == ("ann", len(CHANGED))
            assert noted.done_at == NOW + HOUR
    assert set(chosen(world).values()) == {1}
    assert chosen(world).total() == 1 + len(CHANGED)
    ordered = [one for one in kept(world) if "catch_up" in one.open_content()["facts"]]
    assert {one.open_content()["facts"]["catch_up"]["order"] for one in ordered} == {order}
    # The sync that follows decides on nothing that was caught up with.
    world.sync(HANDLE, run="third", at=NOW + 2 * HOUR)
    assert chosen(world).total() == 1 + len(CHANGED)


def test_a_catch_up_waits_for_what_waits(world: World, shop: Shop) -> None:
    world.sync(HANDLE, run="first")
    switch_on(world, NOW)
    shop.change("UPDATE orders SET updated_at = '2026-03-20 12:30:00' WHERE id = 17")
    with (
        world.opened(at=NOW + HOUR) as platform,
        platform.open_sync(HANDLE, "second", [MARCH]) as sync,
    ):
        for phase in (sync.extract, sync.store, sync.derive):
            phase(ORDERS, MARCH)
        with pytest.raises(TenantActionError, match="Activities of orders wait"):
            catching_up(platform).preview()
        sync.decide(ORDERS, MARCH)
        assert catching_up(platform).preview().messages


def test_who_was_shut_out_decides_nothing(world: World) -> None:
    switch_on(world, BEFORE)
    with world.opened() as platform, platform.open_sync(HANDLE, "first", [MARCH]) as sync:
        for phase in (sync.extract, sync.store, sync.derive):
            phase(ORDERS, MARCH)
        with platform.database.control() as session:
            raise_epoch(session, find_connection(session, HANDLE))
        with pytest.raises(RefusedError, match="started anew"):
            sync.decide(ORDERS, MARCH)
    assert kept(world) == []


def sync_twice_in_full(world: World, folder: Path, orders: int) -> None:
    """All is read, and sent, again: nothing is new, so nothing is decided and nothing done."""
    large = Shop(folder / "large.sqlite", orders=orders, products=1)
    handle = world.add_connection(large.form, name="large")
    switch_on(world, BEFORE)
    world.sync(handle, run="new")
    first = part_of(world, "new")
    assert first.decisions == first.activities >= orders
    assert first.actions
    with world.opened() as platform, platform.database.control() as session:
        session.execute(delete(StreamState))
        decisions = select(func.count()).select_from(DecisionRecord)
        before = session.scalar(decisions), chosen(world)
    world.sync(handle, run="unchanged", at=NOW + HOUR)
    second = part_of(world, "unchanged")
    assert second.counts.unchanged == second.counts.read == orders
    assert (second.activities, second.decisions, second.actions) == (0, 0, 0)
    with world.opened() as platform, platform.database.control() as session:
        assert (session.scalar(decisions), chosen(world)) == before
    tell(f"{orders} unchanged records: 0 messages, 0 decisions, 0 actions")
    world.remove(handle)


def test_2000_unchanged_records_set_nothing_off(world: World, tmp_path: Path) -> None:
    sync_twice_in_full(world, tmp_path, 2_000)


@pytest.mark.soak
def test_100000_unchanged_records_set_nothing_off(world: World, tmp_path: Path) -> None:
    sync_twice_in_full(world, tmp_path, 100_000)
