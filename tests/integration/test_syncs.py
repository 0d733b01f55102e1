"""What a sync does over and over: first, unchanged, changed, removed, selected out, rejected."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.stream_states import stream_state
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.syncs.context import Bounds
from tests.integration.shop import ORDERS, PRODUCTS, Shop
from tests.integration.world import MARCH, World


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop.sqlite", orders=3_000, products=200)


@pytest.fixture
def handle(world: World, shop: Shop) -> str:
    return world.add_connection(shop.form)


def test_a_first_sync_stores_the_source(world: World, handle: str) -> None:
    world.sync(handle, run="first")
    world.require_equal_to_source(handle, ORDERS, PRODUCTS)
    world.require_balance(handle, orders=3_000, products=200)


def test_a_second_sync_writes_nothing_and_says_nothing(world: World, handle: str) -> None:
    world.sync(handle, run="first")
    before, said = world.stored(handle, PRODUCTS), world.activity_ids(handle)
    world.sync(handle, run="second")
    counts = world.counts_of("second")
    assert (counts[PRODUCTS].read, counts[PRODUCTS].unchanged) == (200, 200)
    assert all(part.indexed == part.activities == 0 for part in counts.values())
    assert world.stored(handle, PRODUCTS) == before
    assert world.activity_ids(handle) == said


def test_a_window_that_is_read_again_from_its_beginning_is_unchanged(
    world: World, handle: str
) -> None:
    world.sync(handle, run="first")
    with world.opened() as platform, platform.open_sync(handle, "again", (MARCH,)) as sync:
        bounds = Bounds(since=MARCH.start_at)
        sync.extract(ORDERS, MARCH, bounds)
        result = sync.store(ORDERS, MARCH)
        derived = sync.derive(ORDERS, MARCH)
    assert (result.metadata["read"], result.metadata["unchanged"]) == (3_000, 3_000)
    assert derived.metadata["documents"] == 0


def test_a_narrowed_read_leaves_the_cursor_where_it_was(world: World, handle: str) -> None:
    world.sync(handle, run="first")
    before = _cursor(world, handle)
    with world.opened() as platform, platform.open_sync(handle, "again", (MARCH,)) as sync:
        bounds = Bounds(
            since=datetime(2026, 3, 2, tzinfo=UTC), until=datetime(2026, 3, 4, tzinfo=UTC)
        )
        sync.extract(ORDERS, MARCH, bounds)
        read = sync.store(ORDERS, MARCH).metadata["read"]
    assert isinstance(read, int)
    assert 0 < read < 3_000
    assert _cursor(world, handle) == before


def test_what_changed_is_overwritten_and_says_so_once(
    world: World, shop: Shop, handle: str
) -> None:
    world.sync(handle, run="first")
    said = world.activity_ids(handle)
    shop.change("UPDATE orders SET note = 'new', updated_at = '2026-03-19 10:00:00' WHERE id = 7")
    shop.change("UPDATE products SET title = 'new' WHERE sku = 'sku-00003'")
    for run in ("second", "third"):
        world.sync(handle, run=run)
    assert world.stored(handle, ORDERS)["7"].payload["note"] == "new"
    assert world.stored(handle, PRODUCTS)["sku-00003"].payload["title"] == "new"
    new = world.activity_ids(handle) - said
    assert sorted(new.values()) == [1, 1]
    assert not said - world.activity_ids(handle)


def test_a_row_that_is_gone_from_a_snapshot_is_removed(
    world: World, shop: Shop, handle: str
) -> None:
    world.sync(handle, run="first")
    shop.change("DELETE FROM products WHERE sku IN ('sku-00000', 'sku-00100', 'sku-00199')")
    world.sync(handle, run="second")
    assert world.counts_of("second")[PRODUCTS].removed == 3
    assert world.stored(handle, PRODUCTS).keys() == world.source(handle, PRODUCTS).keys()


def test_too_many_rows_gone_stop_the_sync_until_somebody_says_that_it_is_right(
    world: World, shop: Shop, handle: str
) -> None:
    world.sync(handle, run="first")
    shop.change("DELETE FROM products WHERE sku >= 'sku-00100'")
    for run in ("second", "third"):
        with pytest.raises(RefusedError, match="100 are gone from the source"):
            world.sync(handle, run=run)
        assert len(world.stored(handle, PRODUCTS)) == 200
    with world.opened() as platform, platform.database.control() as session:
        find_connection(session, handle).limits = {"removal_share_max": 0.5}
    world.sync(handle, run="fourth")
    assert len(world.stored(handle, PRODUCTS)) == 100


def test_a_month_that_is_over_is_closed_by_the_sync_that_follows(world: World, handle: str) -> None:
    world.sync(handle, run="first")
    assert not _state_is_complete(world, handle)
    world.sync(handle, MARCH, run="april", at=datetime(2026, 4, 2, tzinfo=UTC))
    assert _state_is_complete(world, handle)


def test_a_field_and_a_stream_selected_out_are_gone_and_not_pulled_any_more(
    world: World, shop: Shop, handle: str
) -> None:
    world.sync(handle, run="first")
    with world.opened() as platform:
        change = platform.selections.plan(
            handle, add=(), without=(PRODUCTS, f"{ORDERS}:customer_email", f"{ORDERS}:note")
        )
        preview = platform.selections.preview(change)
        removed = platform.selections.apply(change, keep=False, ordered_by="ann")
    assert [entry.documents for entry in preview] == [200, 3_000]
    assert [entry.documents for entry in removed] == [200, 3_000]
    shop.change("UPDATE orders SET updated_at = '2026-03-19 10:00:00' WHERE id < 100")
    world.sync(handle, run="second")
    assert world.counts_of("second").keys() == {ORDERS}
    stored = world.stored(handle, ORDERS)
    assert all(
        not {"customer_email", "note"} & document.payload.keys() for document in stored.values()
    )
    assert all(not document.subject_keys for document in stored.values())
    with world.opened() as platform, platform.open_reading(handle) as reading:
        assert reading.documents.count(PRODUCTS) == 0
        subjects = {
            m["subject"].partition("/")[0] for page in reading.activities.scan() for m in page
        }
    assert subjects == {ORDERS}


def test_a_field_selected_in_again_is_read_again(world: World, handle: str) -> None:
    world.sync(handle, run="first")
    with world.opened() as platform:
        without = platform.selections.plan(handle, add=(), without=(f"{ORDERS}:note",))
        platform.selections.apply(without, keep=False, ordered_by="ann")
        whole = platform.selections.plan(handle, add=(ORDERS,), without=())
        platform.selections.apply(whole, keep=False, ordered_by="ann")
    world.sync(handle, run="second")
    world.require_equal_to_source(handle, ORDERS, PRODUCTS)


def test_a_rejected_record_is_kept_and_stored_by_a_retry(
    world: World, shop: Shop, handle: str
) -> None:
    with shop.opened() as connection:
        large = "x" * (11 * 2**20)
        connection.execute("UPDATE orders SET note = ? WHERE id = 5", (large,))
    world.sync(handle, run="first")
    world.require_balance(handle, orders=3_000)
    assert len(world.stored(handle, ORDERS)) == 2_999
    with world.opened() as platform:
        with platform.open_reading(handle) as reading:
            (entry,) = reading.rejected.list(stream=ORDERS, limit=10)
        assert (entry.key, entry.reason) == ("5", "too_large")
        assert platform.retry_rejected(handle, stream=None).left == 1
        change = platform.selections.plan(handle, add=(), without=(f"{ORDERS}:note",))
        platform.selections.apply(change, keep=True, ordered_by="ann")
        outcome = platform.retry_rejected(handle, stream=ORDERS)
        assert (outcome.tried, outcome.stored) == (1, 1)
        with platform.open_reading(handle) as reading:
            assert not reading.rejected.list(limit=10)
    assert world.stored(handle, ORDERS)["5"].payload["id"] == 5
    assert len(world.activity_ids(handle)) == sum(1 if n % 7 else 2 for n in range(3_000)) + len(
        world.stored(handle, PRODUCTS)
    )


def test_too_many_rejected_records_stop_the_sync(world: World, shop: Shop, handle: str) -> None:
    with world.opened() as platform, platform.database.control() as session:
        find_connection(session, handle).limits = {"rejected_share_max": 0.001}
    with shop.opened() as connection:
        large = "x" * (10 * 2**20 + 1)
        connection.execute("UPDATE orders SET note = ? WHERE id < 20", (large,))
    with pytest.raises(RefusedError, match="20 were rejected"):
        world.sync(handle, run="first")
    assert _cursor(world, handle) is None


def _cursor(world: World, handle: str) -> object:
    with world.opened() as platform, platform.database.control() as session:
        scope = find_connection(session, handle).scope
        state = stream_state(session, scope, ORDERS, MARCH)
        return None if state is None else state.cursor


def _state_is_complete(world: World, handle: str, window: Window = MARCH) -> bool:
    with world.opened() as platform, platform.database.control() as session:
        scope = find_connection(session, handle).scope
        state = stream_state(session, scope, ORDERS, window)
        return state is not None and state.complete
