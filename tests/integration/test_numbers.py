"""The order of a connection's messages over many syncs: who reads on from a number misses none."""

from pathlib import Path

import pytest

from coworker_pipelines.activities.store import Numbered, Span
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.message_numbers import last_published
from tests.integration.shop import ORDERS, PRODUCTS, Shop
from tests.integration.world import World


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop.sqlite", orders=300, products=20)


@pytest.fixture
def handle(world: World, shop: Shop) -> str:
    return world.add_connection(shop.form)


def published(world: World, handle: str) -> int:
    with world.opened() as platform, platform.database.control() as session:
        return last_published(session, find_connection(session, handle).scope)


def numbered(world: World, handle: str, *, up_to: int) -> list[Numbered]:
    with world.opened() as platform, platform.open_reading(handle) as reading:
        pages = list(reading.activities.in_order(Span(), up_to=up_to))
    return [message for page in pages for message in page]


def behind(world: World, handle: str, number: int) -> set[str]:
    """Subjects of what a reader sees who has read up to the number."""
    found = numbered(world, handle, up_to=published(world, handle))
    return {one.event["subject"] for one in found if (one.sequence or 0) > number}


def test_a_sync_publishes_all_of_its_messages(world: World, handle: str) -> None:
    assert published(world, handle) == 0
    world.sync(handle, run="first")
    world.require_numbered(handle)
    last = published(world, handle)
    assert last == len(numbered(world, handle, up_to=last)) == world.activity_ids(handle).total()
    world.sync(handle, run="second")
    assert published(world, handle) == last, "Nothing is new, so no number is given."


def test_who_reads_on_sees_what_is_new_and_nothing_twice(
    world: World, shop: Shop, handle: str
) -> None:
    world.sync(handle, run="first")
    last = published(world, handle)
    shop.change("UPDATE orders SET note = 'new', updated_at = '2026-03-19 10:00:00' WHERE id = 7")
    shop.change("UPDATE products SET title = 'new' WHERE sku = 'sku-00003'")
    world.sync(handle, run="second")
    assert behind(world, handle, last) == {f"{ORDERS}/7", f"{PRODUCTS}/sku-00003"}
    world.require_numbered(handle)


def test_numbers_go_on_behind_messages_that_were_deleted(
    world: World, shop: Shop, handle: str
) -> None:
    world.sync(handle, run="first")
    last = published(world, handle)
    with world.opened() as platform, platform.open_reading(handle) as reading:
        for stream in (ORDERS, PRODUCTS):
            reading.activities.delete_stream(stream)
        assert reading.activities.last_sequence() == 0
    shop.change("UPDATE products SET title = 'new' WHERE sku = 'sku-00003'")
    world.sync(handle, run="second")
    assert behind(world, handle, last) == {f"{PRODUCTS}/sku-00003"}


def test_what_is_told_anew_comes_to_who_reads_on(world: World, handle: str) -> None:
    """Messages may hold what a field said: they are made again without it, as new ones."""
    world.sync(handle, run="first")
    last = published(world, handle)
    with world.opened() as platform:
        change = platform.selections.plan(handle, add=(), without=(f"{ORDERS}:note",))
        platform.selections.apply(change, keep=False, ordered_by="ann")
    told = behind(world, handle, last)
    assert len(told) == 300
    assert {subject.partition("/")[0] for subject in told} == {ORDERS}
    world.require_numbered(handle)
