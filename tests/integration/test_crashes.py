"""Kill -9, at any instant."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.integration.processes import run_to_the_end, started
from tests.integration.shop import ORDERS, PRODUCTS, Shop
from tests.integration.world import MARCH, Content, World

RECORDS = 50_000
AT_ONCE = 2
TRIES = 3
"""A sync may be faster than the one whose time was taken."""
SMALL_SEGMENTS = {"segment_bytes": 2 * 2**20}
"""Several of them, so that a kill falls before, between and behind their commits."""


def _require_survival(world: World, folder: Path, instants: int, *, seed: int) -> None:
    shop = Shop(folder / "shop.sqlite", orders=RECORDS - 1_000, products=1_000)
    _, expected = _unharmed(world, shop, "first")  # the process that others fork from starts here
    whole_s, again = _unharmed(world, shop, "second")
    assert again == expected
    chosen = random.Random(seed)
    moments = [chosen.uniform(0.0, whole_s) for _ in range(TRIES * instants)]
    killed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # A batch is what is still missing, since a sync may end before it is to be killed.
        while killed < instants and moments:
            batch = [moments.pop() for _ in range(min(instants - killed, len(moments)))]
            survived = partial(_survives, world, shop, expected)
            killed += sum(pool.map(survived, batch))
    assert killed == instants, "too many syncs had ended before they were to be killed"


def _survives(world: World, shop: Shop, expected: Content, after_s: float) -> bool:
    """Whether a sync was killed then; if it was, the next has made it good."""
    name = f"killed-after-{round(after_s * 1_000_000)}"
    handle = world.add_connection(shop.form, name=name, limits=SMALL_SEGMENTS)
    with started(world.settings, handle, (MARCH,), name) as process:
        process.join(after_s)
        was_alive = process.is_alive()
    if was_alive:
        run_to_the_end(world.settings, handle, (MARCH,), f"{name}-again")
        assert world.content(handle, ORDERS, PRODUCTS) == expected
        world.require_balance(handle, orders=RECORDS - 1_000)
    world.remove(handle)
    return was_alive


def _unharmed(world: World, shop: Shop, name: str) -> tuple[float, Content]:
    """Seconds from the start of a process to the end of its sync, and what was stored then."""
    handle = world.add_connection(shop.form, name=name, limits=SMALL_SEGMENTS)
    began = time.monotonic()
    run_to_the_end(world.settings, handle, (MARCH,), name)
    took = time.monotonic() - began
    world.require_equal_to_source(handle, ORDERS, PRODUCTS)
    content = world.content(handle, ORDERS, PRODUCTS)
    world.remove(handle)
    return took, content


def test_a_sync_that_is_killed_at_any_instant_is_made_good_by_the_next(
    world: World, tmp_path: Path
) -> None:
    _require_survival(world, tmp_path, 20, seed=20)


@pytest.mark.soak
def test_200_instants(world: World, tmp_path: Path) -> None:
    _require_survival(world, tmp_path, 200, seed=200)
