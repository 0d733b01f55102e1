"""What a policy's time is over for goes, and does not come back: real stores, a real source."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.retention import Age, Basis
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import HoldOrder, place_hold
from coworker_pipelines.privacy.retention.policies import set_policy
from coworker_pipelines.privacy.retention.sweep import StreamSweep
from tests.integration.shop import ORDERS, PRODUCTS, Shop
from tests.integration.world import NOW, World

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
    with world.opened() as platform, platform.database.control() as session:
        set_policy(
            session,
            Extent(tenant=scope.tenant, connection=scope.connection, stream=stream),
            basis=basis,
            age=Age(days=days),
            grace_days=grace_days,
            made_by="ann",
            now=NOW,
        )


def sweep(world: World, handle: str, *, at: datetime = NOW) -> dict[str, StreamSweep]:
    with world.opened(at=at) as platform:
        return {one.stream: one for one in platform.retention.sweep(handle)}


def hold(world: World, handle: str, *, until: datetime | None = None) -> str:
    scope = scope_of(world, handle)
    with world.opened() as platform, platform.database.control() as session:
        order = HoldOrder(
            extent=Extent(tenant=scope.tenant, connection=scope.connection),
            until=until,
            matter="L-7",
            owner="legal",
            reason="a court's order",
            review_at=date(2026, 6, 1),
            placed_by="ann",
        )
        return place_hold(session, order, now=NOW).id


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
