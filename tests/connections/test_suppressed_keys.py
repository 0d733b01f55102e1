"""A set of keys in two columns is a set of keys."""

import random
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.connections.suppressed_keys import KEY_BYTES, KeySet

# Few different halves, so that many keys share one.
KEYS = st.tuples(st.sampled_from(("0" * 16, "f" * 16, "8" * 16)), st.integers(0, 2**64 - 1)).map(
    lambda parts: f"{parts[0]}{parts[1]:016x}"
) | st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES).map(bytes.hex)


@given(st.sets(KEYS), st.sets(KEYS))
def test_a_key_is_in_it_that_was_put_in_and_no_other(inside: set[str], outside: set[str]) -> None:
    keys = KeySet.of(inside)
    assert len(keys) == len(inside)
    assert all(key in keys for key in inside)
    assert [key for key in outside if key in keys] == [key for key in outside if key in inside]


@given(st.sets(KEYS), st.integers(1, 5))
def test_it_is_the_same_from_any_pages(inside: set[str], size: int) -> None:
    ordered = [bytes.fromhex(key) for key in sorted(inside)]
    pages = [b"".join(ordered[start : start + size]) for start in range(0, len(ordered), size)]
    keys = KeySet(pages)
    assert len(keys) == len(inside)
    assert all(key in keys for key in inside)


def test_a_hundred_thousand_take_the_room_of_their_bytes() -> None:
    draw = random.Random(5)
    pages = [
        b"".join(
            (page << 96 | number << 64 | draw.getrandbits(64)).to_bytes(KEY_BYTES)
            for number in range(10_000)
        )
        for page in range(10)
    ]
    tracemalloc.start()
    try:
        keys = KeySet(pages)
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(keys) == 100_000
    assert held < 1.2 * keys.size_bytes
    assert most < 2 * keys.size_bytes
