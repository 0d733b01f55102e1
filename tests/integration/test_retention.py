"""What a policy's time is over for goes, and does not come back: real stores, a real source."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from coworker_pipelines.cli.opening import publish
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.retention import Age, Basis
from coworker_pipelines.connections.rows import StreamState
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import HoldOrder, place_hold, release_hold
from coworker_pipelines.privacy.retention.policies import set_policy, unset_policy
from coworker_pipelines.privacy.retention.sweep import StreamSweep
from tests.integration.shop import ORDERS, PRODUCTS, Shop
from tests.integration.world import MARCH, NOW, World

NUMBER = 150
"""Orders of 14 days, eleven of each: from the 1st to the 14th of March."""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop.sqlite", orders=NUMBER, products=5)


@pytest.fixture
def handle(world: World, shop: Shop) -> Iterator[str]:
    """A connection that was synced once, on the 20th of March."""
    handle = world.add_connection(shop.form)
    world.sync(handle, run="first")
    yield handle
    world.remove(handle)


def scope_of(world: World, handle: str) -> Scope:
    with world.opened() as platform, platform.database.control() as session:
        return find_connection(session, handle).scope


def keep(
    world: World,
    handle: str,
    *,
    days: int,
    grace_days: int = 0,
    basis: Basis = Basis.EVENT,
    stream: str | None = None,
) -> None:
    scope = scope_of(world, handle)
    with world.opened() as platform:
        with platform.database.control() as session:
            set_policy(
                session,
                platform.safeguards.journal,
                Extent(tenant=scope.tenant, connection=scope.connection, stream=stream),
                basis=basis,
                age=Age(days=days),
                grace_days=grace_days,
                made_by="ann",
                now=NOW,
            )
        publish(platform)


def sweep(world: World, handle: str, *, at: datetime = NOW) -> dict[str, StreamSweep]:
    with world.opened(at=at) as platform:
        return {one.stream: one for one in platform.sweeps.sweep(handle).swept}


def hold(world: World, handle: str, *, until: datetime | None = None) -> str:
    scope = scope_of(world, handle)
    order = HoldOrder(
        extent=Extent(tenant=scope.tenant, connection=scope.connection),
        until=until,
        matter="L-7",
        owner="legal",
        reason="a court's order",
        review_at=date(2026, 6, 1),
        placed_by="ann",
    )
    with world.opened() as platform:
        with platform.database.control() as session:
            placed = place_hold(session, platform.safeguards.journal, order, now=NOW).id
        publish(platform)
    return placed


def release(world: World, placed: str) -> None:
    with world.opened() as platform:
        with platform.database.control() as session:
            release_hold(
                session,
                platform.safeguards.journal,
                placed,
                reason="the case is over",
                released_by="ann",
                now=NOW,
            )
        publish(platform)


def test_what_is_older_than_its_policy_goes_with_its_activities(world: World, handle: str) -> None:
    before = world.stored(handle, ORDERS)
    keep(world, handle, days=10)
    with world.opened() as platform:
        previewed = {one.stream: one for one in platform.retention.preview(handle)}
    swept = sweep(world, handle)
    after = world.stored(handle, ORDERS)
    expected = {
        key
        for key, document in before.items()
        if document.occurred_at is not None and document.occurred_at >= "2026-03-10T12"
    }
    assert after.keys() == expected
    assert 0 < len(after) < NUMBER
    assert previewed[ORDERS].going == swept[ORDERS].deleted == NUMBER - len(after)
    assert swept[ORDERS].activities >= swept[ORDERS].deleted
    world.require_own_activities(handle, ORDERS, PRODUCTS)
    assert sweep(world, handle)[ORDERS].removed == 0


@pytest.mark.parametrize("again", ("read anew", "more fields"))
def test_what_was_swept_does_not_come_back(world: World, handle: str, again: str) -> None:
    """Neither when all is read anew, nor when more fields of it are wanted."""
    if again == "more fields":
        select(world, handle, without=(f"{ORDERS}:note",))
    keep(world, handle, days=10)
    sweep(world, handle)
    left = world.stored(handle, ORDERS).keys()
    if again == "more fields":
        select(world, handle, add=(ORDERS,))
    else:
        forget(world, handle)
    world.sync(handle, run="again", at=NOW + timedelta(minutes=1))
    assert world.stored(handle, ORDERS).keys() == left
    counts = world.counts_of("again")[ORDERS].counts
    assert counts.balanced
    assert counts.filtered == NUMBER - len(left)
    world.require_own_activities(handle, ORDERS, PRODUCTS)


def test_what_was_swept_by_its_ingestion_does_not_come_back(world: World, handle: str) -> None:
    """Its own time would let it in: its mark does not."""
    keep(world, handle, days=10, basis=Basis.INGESTION)
    later = NOW + timedelta(days=11)
    swept = sweep(world, handle, at=later)
    assert (swept[ORDERS].deleted, swept[PRODUCTS].deleted) == (NUMBER, 5)
    forget(world, handle)
    world.sync(handle, run="again", at=later)
    assert world.stored(handle, ORDERS) == world.stored(handle, PRODUCTS) == {}
    assert world.counts_of("again")[PRODUCTS].counts.filtered == 5


def test_what_the_source_has_changed_since_is_new(world: World, shop: Shop, handle: str) -> None:
    keep(world, handle, days=10, basis=Basis.INGESTION)
    later = NOW + timedelta(days=11)
    sweep(world, handle, at=later)
    shop.change("UPDATE products SET title = 'New' WHERE sku = 'sku-00003'")
    shop.change("UPDATE orders SET updated_at = '2026-03-30 10:00:00' WHERE id = 3")
    world.sync(handle, run="again", at=later)
    assert world.stored(handle, PRODUCTS).keys() == {"sku-00003"}
    assert world.stored(handle, ORDERS).keys() == {"3"}


def test_a_policy_that_was_taken_back_lets_all_in_again(world: World, handle: str) -> None:
    keep(world, handle, days=10)
    sweep(world, handle)
    scope = scope_of(world, handle)
    with world.opened() as platform, platform.database.control() as session:
        extent = Extent(tenant=scope.tenant, connection=scope.connection)
        unset_policy(session, platform.safeguards.journal, extent, made_by="ann", now=NOW)
    forget(world, handle)
    world.sync(handle, run="again")
    world.require_equal_to_source(handle, ORDERS, PRODUCTS)


def test_in_the_grace_nothing_is_taken_in_or_derived_and_all_is_there(
    world: World, shop: Shop
) -> None:
    handle = world.add_connection(shop.form)
    with world.opened() as platform, platform.open_sync(handle, "first", (MARCH,)) as sync:
        sync.extract(ORDERS, MARCH)
        sync.store(ORDERS, MARCH)
    keep(world, handle, days=10, grace_days=20)
    world.sync(handle, run="second", at=NOW + timedelta(minutes=1))
    stored = world.stored(handle, ORDERS)
    assert len(stored) == NUMBER
    assert derived_from(world, handle) == {key for key, one in stored.items() if is_in_use(one)}
    assert sweep(world, handle)[ORDERS].removed == 0
    world.remove(handle)


def test_what_is_under_a_hold_waits_for_its_activities(world: World, shop: Shop) -> None:
    handle = world.add_connection(shop.form)
    placed = hold(world, handle, until=datetime(2026, 3, 10, 12, tzinfo=UTC))
    world.sync(handle, run="first")
    stored = world.stored(handle, ORDERS)
    assert len(stored) == NUMBER
    derived = derived_from(world, handle)
    assert derived == {key for key, one in stored.items() if is_in_use(one)}
    keep(world, handle, days=1)
    kept = sweep(world, handle)[ORDERS]
    assert kept.held == NUMBER - len(derived)
    assert len(world.stored(handle, ORDERS)) == kept.held
    release(world, placed)
    with world.opened() as platform, platform.database.control() as session:
        journal = platform.safeguards.journal
        unset_policy(session, journal, extent_of(world, handle), made_by="ann", now=NOW)
    world.sync(handle, run="second", at=NOW + timedelta(minutes=1))
    world.require_own_activities(handle, ORDERS, PRODUCTS)
    world.remove(handle)


def test_under_a_hold_a_row_that_is_gone_at_the_source_stays(
    world: World, shop: Shop, handle: str
) -> None:
    hold(world, handle)
    shop.change("DELETE FROM products WHERE sku < 'sku-00003'")
    world.sync(handle, run="second", at=NOW + timedelta(minutes=1))
    assert len(world.stored(handle, PRODUCTS)) == 5


def test_under_a_hold_nothing_is_deselected(world: World, handle: str) -> None:
    hold(world, handle)
    with pytest.raises(RefusedError, match="lies over this"):
        select(world, handle, without=(ORDERS,))
    assert len(world.stored(handle, ORDERS)) == NUMBER


def test_a_sweep_goes_on_beside_a_sync(world: World, handle: str) -> None:
    """It needs no lock of the sync's, and leaves alone what is in use."""
    keep(world, handle, days=10)
    scope = scope_of(world, handle)
    with (
        world.opened() as platform,
        platform.database.connection_lock(scope.connection, wait_s=1),
    ):
        assert sweep(world, handle)[ORDERS].deleted > 0
    world.require_own_activities(handle, ORDERS, PRODUCTS)


def derived_from(world: World, handle: str) -> set[str]:
    """Keys of the orders that have an activity."""
    with world.opened() as platform, platform.open_reading(handle) as reading:
        pages = list(reading.activities.scan(ORDERS))
    return {event["data"]["document"]["key"] for page in pages for event in page}


def is_in_use(document: StoredDocument) -> bool:
    return document.occurred_at is not None and document.occurred_at >= "2026-03-10T12"


def extent_of(world: World, handle: str) -> Extent:
    scope = scope_of(world, handle)
    return Extent(tenant=scope.tenant, connection=scope.connection)


def select(
    world: World, handle: str, *, add: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> None:
    with world.opened() as platform:
        change = platform.selections.plan(handle, add=add, without=without)
        platform.selections.apply(change, keep=False, ordered_by="ann")


def forget(world: World, handle: str) -> None:
    """As after a reset: the next sync reads all that the source has."""
    scope = scope_of(world, handle)
    with world.opened() as platform, platform.database.control() as session:
        session.execute(delete(StreamState).where(StreamState.connection_id == scope.connection))
