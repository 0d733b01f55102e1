"""Kill -9, at any instant."""

import random
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from tests.integration.processes import Instant, run_to_the_end, started
from tests.integration.shop import ORDERS, PRODUCTS, Shop
from tests.integration.world import MARCH, PHASES, Content, World
from tests.victims import tell

RECORDS = 50_000
AT_ONCE = 2
TRIES = 3
"""A sync may need less work than the one that was measured, and end before it is struck."""
SHARE_MIN = 1 / 5
"""Of all kills, in each of the three phases."""
SMALL_SEGMENTS = {"segment_bytes": 2 * 2**20}
"""Several of them, so that a kill falls before, between and behind their commits."""


def _require_survival(world: World, folder: Path, instants: int, *, seed: int) -> None:
    shop = Shop(folder / "shop.sqlite", orders=RECORDS - 1_000, products=1_000)
    _, expected = _unharmed(world, shop, "first")  # the process that others fork from starts here
    borders, again = _unharmed(world, shop, "second")
    assert again == expected
    waiting = deque(_instants(borders, TRIES * instants, random.Random(seed)))
    killed: Counter[str] = Counter()
    strike = partial(_killed_in, world, shop, expected)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while killed.total() < instants and waiting:
            missing = min(instants - killed.total(), len(waiting))
            batch = [waiting.popleft() for _ in range(missing)]
            for phase in filter(None, pool.map(strike, batch)):
                killed[phase] += 1
                tell(f"{killed.total()} of {instants} killed: {dict(killed)}")
    tell(f"{TRIES * instants - len(waiting)} syncs were begun to be killed")
    assert killed.total() == instants, "too many syncs had ended before they were to be killed"
    assert all(killed[phase] >= SHARE_MIN * instants for phase in PHASES), killed


def _instants(borders: list[float], count: int, chosen: random.Random) -> Iterator[Instant]:
    """In each phase in turn, however little of the work is its own."""
    works_s = [end - start for start, end in pairwise([0.0, *borders[1:]])]
    for number in range(count):
        phase = number % len(PHASES)
        yield Instant(phase=phase, share=chosen.random(), work_s=works_s[phase])


def _killed_in(world: World, shop: Shop, expected: Content, instant: Instant) -> str | None:
    """The phase in which a sync was killed, which the next has made good; none if it had ended."""
    name = f"killed-in-{instant.phase}-at-{round(instant.share * 1_000_000_000)}"
    handle = world.add_connection(shop.form, name=name, limits=SMALL_SEGMENTS)
    with started(world.settings, handle, (MARCH,), name) as victim:
        struck = victim.kill_at(instant)
    if struck is not None:
        run_to_the_end(world.settings, handle, (MARCH,), f"{name}-again")
        assert world.content(handle, ORDERS, PRODUCTS) == expected
        world.require_balance(handle, orders=RECORDS - 1_000)
    world.remove(handle)
    return None if struck is None else PHASES[struck]


def _unharmed(world: World, shop: Shop, name: str) -> tuple[list[float], Content]:
    """The borders of a sync's phases, and what was stored then."""
    handle = world.add_connection(shop.form, name=name, limits=SMALL_SEGMENTS)
    borders = run_to_the_end(world.settings, handle, (MARCH,), name)
    world.require_equal_to_source(handle, ORDERS, PRODUCTS)
    world.require_numbered(handle)
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
