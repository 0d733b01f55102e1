"""Kill -9, at any instant."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from tests.integration.processes import run_to_the_end, started
from tests.integration.shop import ORDERS, PRODUCTS, Shop
from tests.integration.world import MARCH, PHASES, Content, World

RECORDS = 50_000
AT_ONCE = 2
TRIES = 3
"""A sync may need less work than the one that was measured."""
SMALL_SEGMENTS = {"segment_bytes": 2 * 2**20}
"""Several of them, so that a kill falls before, between and behind their commits."""


def _require_survival(world: World, folder: Path, instants: int, *, seed: int) -> None:
    shop = Shop(folder / "shop.sqlite", orders=RECORDS - 1_000, products=1_000)
    _, expected = _unharmed(world, shop, "first")  # the process that others fork from starts here
    borders, again = _unharmed(world, shop, "second")
    assert again == expected
    moments = _moments(borders, TRIES * instants, random.Random(seed))
    killed: Counter[str] = Counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # A batch is what is still missing, since a sync may end before it is to be killed.
        while killed.total() < instants and moments:
            missing = min(instants - killed.total(), len(moments))
            batch = [moments.pop() for _ in range(missing)]
            killed.update(filter(None, pool.map(partial(_killed_in, world, shop, expected), batch)))
    print(f"killed in {dict(killed)}")  # noqa: T201 - a soak's figures, which pytest shows with -rP
    assert killed.total() == instants, "too many syncs had ended before they were to be killed"
    assert set(killed) == set(PHASES), "a phase was never hit"


def _moments(borders: list[float], count: int, chosen: random.Random) -> list[float]:
    """Instants in each phase in turn, however little of the work is its own."""
    phases = list(pairwise([0.0, *borders[1:]]))
    return [chosen.uniform(*phases[number % len(phases)]) for number in range(count)]


def _killed_in(world: World, shop: Shop, expected: Content, at_s: float) -> str | None:
    """The phase in which a sync was killed, which the next has made good; none if it had ended."""
    name = f"killed-at-{round(at_s * 1_000_000)}"
    handle = world.add_connection(shop.form, name=name, limits=SMALL_SEGMENTS)
    with started(world.settings, handle, (MARCH,), name) as victim:
        phase = victim.phase if victim.wait_until_worked(at_s) else None
    if phase is not None:
        run_to_the_end(world.settings, handle, (MARCH,), f"{name}-again")
        assert world.content(handle, ORDERS, PRODUCTS) == expected
        world.require_balance(handle, orders=RECORDS - 1_000)
    world.remove(handle)
    return phase


def _unharmed(world: World, shop: Shop, name: str) -> tuple[list[float], Content]:
    """The borders of a sync's phases, and what was stored then."""
    handle = world.add_connection(shop.form, name=name, limits=SMALL_SEGMENTS)
    borders = run_to_the_end(world.settings, handle, (MARCH,), name)
    world.require_equal_to_source(handle, ORDERS, PRODUCTS)
    content = world.content(handle, ORDERS, PRODUCTS)
    world.remove(handle)
    return borders, content


def test_a_sync_that_is_killed_at_any_instant_is_made_good_by_the_next(
    world: World, tmp_path: Path
) -> None:
    _require_survival(world, tmp_path, 20, seed=20)


@pytest.mark.soak
def test_200_instants(world: World, tmp_path: Path) -> None:
    _require_survival(world, tmp_path, 200, seed=200)
