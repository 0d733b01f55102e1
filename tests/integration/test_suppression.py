"""Whoever was erased does not come back, whatever way their data takes."""

from pathlib import Path

import pytest

from coworker_pipelines.extraction.masking import MARK
from coworker_pipelines.extraction.payload import canonical_payload
from tests.integration.erasing import Erasing
from tests.integration.shop import ORDERS, PRODUCTS, Shop
from tests.integration.world import MARCH, World

ANN = "person7@example.org"
COUNT = 900
"""Rows; of 400 people each has 2 or 3."""
OF_ANN = {"7", "407", "807"}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "shop.sqlite", orders=COUNT, products=5)
    # One row of somebody else mentions the person; each row mentions its own in the note.
    made.change("UPDATE orders SET note = 'for PERSON7@EXAMPLE.ORG, see above' WHERE id = 100")
    return made


@pytest.fixture
def erasing(world: World, shop: Shop) -> Erasing:
    return Erasing(world=world, handle=world.add_connection(shop.form), stream=ORDERS)


def _require_gone(world: World, handle: str) -> None:
    stored = world.stored(handle, ORDERS)
    assert stored.keys() == {str(n) for n in range(COUNT)} - OF_ANN
    note = stored["100"].payload["note"]
    assert note == f"for {MARK}, see above"
    assert not any(ANN.encode() in one.payload_bytes.lower() for one in stored.values())


def test_a_sync_after_an_erasure_leaves_the_person_out(world: World, erasing: Erasing) -> None:
    erasing.suppress("o1", erasing.key_of(ANN))
    world.sync(erasing.handle, run="first")
    _require_gone(world, erasing.handle)
    world.require_balance(erasing.handle, **{ORDERS: COUNT, PRODUCTS: 5})
    assert world.counts_of("first")[ORDERS].suppressed == len(OF_ANN)


def test_segments_from_before_an_erasure_are_looked_at_again(
    world: World, erasing: Erasing
) -> None:
    """They were closed when nobody was suppressed, and are stored when somebody is."""
    with world.opened() as platform, platform.open_sync(erasing.handle, "run", (MARCH,)) as sync:
        for stream in sync.streams:
            sync.extract(stream, MARCH)
    erasing.suppress("o1", erasing.key_of(ANN))
    with world.opened() as platform, platform.open_sync(erasing.handle, "run", (MARCH,)) as sync:
        for phase in (sync.store, sync.derive):
            for stream in sync.streams:
                phase(stream, MARCH)
    _require_gone(world, erasing.handle)
    world.require_balance(erasing.handle, **{ORDERS: COUNT, PRODUCTS: 5})
    assert world.counts_of("run")[ORDERS].suppressed == len(OF_ANN)


def test_what_an_erasure_took_out_stays_out_for_good(
    world: World, shop: Shop, erasing: Erasing
) -> None:
    """Past the next syncs, a connection that is made anew, and a retry of rejected records."""
    handle = erasing.handle
    world.sync(handle, run="before")
    assert world.stored(handle, ORDERS).keys() >= OF_ANN
    erasing.erase("o1", ANN)
    assert not OF_ANN & world.stored(handle, ORDERS).keys()
    shop.change("UPDATE orders SET amount = amount + 1, updated_at = '2026-03-19 10:00:00'")
    world.sync(handle, run="after")
    _require_gone(world, handle)
    renewed = world.add_connection(shop.form, name="renewed")
    world.sync(renewed, run="renewed")
    _require_gone(world, renewed)
    with world.opened() as platform:
        platform.retry_rejected(handle, stream=None)
    _require_gone(world, handle)


def test_a_mention_is_masked_as_the_erasure_would_mask_it(world: World, erasing: Erasing) -> None:
    erasing.suppress("o1", erasing.key_of(ANN))
    world.sync(erasing.handle, run="first")
    stored = world.stored(erasing.handle, ORDERS)["100"]
    source = world.source(erasing.handle, ORDERS)["100"]
    assert stored.payload_bytes == source.replace(ANN.upper().encode(), MARK.encode())
    assert canonical_payload(stored.payload) == stored.payload_bytes
