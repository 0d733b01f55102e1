"""Keys that segments showed: each run sorted, and merged in Elasticsearch's order."""

import hashlib
import heapq
import io
from collections.abc import Collection
from contextlib import ExitStack
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.segments.keys import read_keys, write_keys

# Characters that JSON escapes, that end lines for some readers, and beyond the first plane.
KEYS = st.text(
    st.sampled_from('a"\\\n\r\x1e\x85\u2028\x00éz\uffff\U0001f600'), max_size=6
) | st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.lists(KEYS, max_size=50))
def test_keys_come_back_sorted_and_each_as_it_was(keys: list[str]) -> None:
    assert _read(_written(keys)) == sorted(keys)


@given(st.lists(KEYS, max_size=50))
def test_their_order_is_that_of_their_bytes(keys: list[str]) -> None:
    assert _read(_written(keys)) == sorted(keys, key=str.encode)


@given(st.lists(st.lists(KEYS, max_size=20), max_size=4))
def test_runs_of_several_segments_merge_into_one(runs: list[list[str]]) -> None:
    with ExitStack() as opened:
        sources = [opened.enter_context(io.BytesIO(_written(run))) for run in runs]
        merged = list(heapq.merge(*map(read_keys, sources)))
    assert merged == sorted(key for run in runs for key in run)


@given(st.lists(KEYS, max_size=50), st.randoms(use_true_random=False))
def test_the_same_keys_give_the_same_bytes(keys: list[str], random: Random) -> None:
    shuffled = list(keys)
    random.shuffle(shuffled)
    assert _written(shuffled) == _written(keys)


def test_many_keys_are_read_one_by_one() -> None:
    keys = sorted(hashlib.sha256(b"%d" % number).hexdigest() for number in range(20_000))
    source = io.BytesIO(_written(keys[::-1]))
    reader = read_keys(source)
    assert next(reader) == keys[0]
    assert source.tell() < len(source.getvalue())
    assert list(reader) == keys[1:]


@given(st.lists(KEYS, min_size=1, max_size=10), st.data())
def test_keys_that_were_cut_anywhere_are_a_defect(keys: list[str], data: st.DataObject) -> None:
    whole = _written(keys)
    cut = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))
    with pytest.raises(DefectError, match="are missing"):
        _read(whole[:cut])


def test_half_of_many_keys_is_a_defect() -> None:
    whole = _written([f"{number * 7919 % 100_003}" for number in range(100_000)])
    with pytest.raises(DefectError, match="are missing"):
        _read(whole[: len(whole) // 2])


def _written(keys: Collection[str]) -> bytes:
    target = io.BytesIO()
    write_keys(target, keys)
    return target.getvalue()


def _read(content: bytes) -> list[str]:
    return list(read_keys(io.BytesIO(content)))
