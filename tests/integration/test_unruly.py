"""A sync through a cluster that misbehaves."""

from pathlib import Path

from tests.fakes.unruly_proxy import Temper, Trouble, UnrulyProxy
from tests.integration.shop import ORDERS, PRODUCTS, Shop
from tests.integration.world import World


def test_a_sync_through_every_trouble_stores_the_source(world: World, tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop.sqlite", orders=20_000, products=500)
    handle = world.add_connection(shop.form, limits={"segment_bytes": 2**20})
    assert world.settings.elasticsearch is not None
    upstream = world.settings.elasticsearch.url
    with UnrulyProxy(upstream, seed=7, temper=Temper(share=0.3)) as proxy:
        world.sync(handle, run="first", url=proxy.url)
        world.require_equal_to_source(handle, ORDERS, PRODUCTS)
        said = world.activity_ids(handle)
        shop.change("UPDATE orders SET updated_at = '2026-03-19 00:00:00' WHERE id < 5000")
        shop.change("DELETE FROM products WHERE sku < 'sku-00050'")
        world.sync(handle, run="second", url=proxy.url)
        assert len(proxy.met) >= len(Trouble) - 1
    for stream in (ORDERS, PRODUCTS):
        stored = world.stored(handle, stream)
        assert world.source(handle, stream) == {
            key: document.payload_bytes for key, document in stored.items()
        }
    assert list((world.activity_ids(handle) - said).values()) == [1] * 5_000
    world.require_balance(handle, orders=25_000)
