"""A segment without a record, which a read that found nothing new has left, is stored like any."""

from dataclasses import replace
from pathlib import Path

from coworker_pipelines.segments.manifests import load_manifest, save_manifest
from tests.integration.shop import ORDERS, Shop
from tests.integration.world import MARCH, World


def test_a_read_that_was_cut_off_before_anything_new_came_is_gone_on_with(
    world: World, tmp_path: Path
) -> None:
    shop = Shop(tmp_path / "shop.sqlite", orders=30, products=0)
    handle = world.add_connection(shop.form)
    world.sync(handle, run="before")
    with world.opened() as platform, platform.open_sync(handle, "cut off", (MARCH,)) as sync:
        sync.extract(ORDERS, MARCH)
    with world.opened() as platform, platform.open_holdings(handle) as holdings:
        manifest = load_manifest(holdings.segments, ORDERS, MARCH)
        assert manifest is not None
        assert [segment.blocks for segment in manifest.segments] == [0]
        # As a process leaves it that was killed before it could say that there is no more.
        save_manifest(holdings.segments, replace(manifest, finished=False))
    shop.change("UPDATE orders SET amount = amount + 1, updated_at = '2026-03-19 10:00:00'")
    world.sync(handle, run="after")
    stored = world.stored(handle, ORDERS)
    assert {key: one.payload_bytes for key, one in stored.items()} == world.source(handle, ORDERS)
    world.require_balance(handle, orders=60)
