"""Two runs of one connection, at once."""

from pathlib import Path

from tests.integration.processes import SYNC_S, started
from tests.integration.shop import ORDERS, PRODUCTS, Shop
from tests.integration.world import MARCH, World


def test_one_waits_for_the_other_and_nothing_is_doubled(world: World, tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop.sqlite", orders=8_000, products=500)
    handle = world.add_connection(shop.form)
    with (
        started(world.settings, handle, (MARCH,), "one") as one,
        started(world.settings, handle, (MARCH,), "other") as other,
    ):
        one.process.join(SYNC_S)
        other.process.join(SYNC_S)
        assert (one.process.exitcode, other.process.exitcode) == (0, 0)
    world.require_equal_to_source(handle, ORDERS, PRODUCTS)
    world.require_numbered(handle)
    world.require_balance(handle, orders=8_000)
