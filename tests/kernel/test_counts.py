from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.counts import Counts

NAMES = tuple(field.name for field in fields(Counts))
PLACES = tuple(name for name in NAMES if name != "read")
COUNTS = st.builds(Counts, **dict.fromkeys(NAMES, st.integers(min_value=0, max_value=1_000)))
BALANCED = COUNTS.map(lambda counts: replace(counts, read=counts.accounted))


@given(COUNTS, COUNTS)
def test_counts_add_up_place_by_place(one: Counts, other: Counts) -> None:
    both = one + other
    for name in NAMES:
        assert getattr(both, name) == getattr(one, name) + getattr(other, name)


@given(COUNTS)
def test_no_counts_change_nothing(counts: Counts) -> None:
    assert counts + Counts() == Counts() + counts == counts


@given(BALANCED, BALANCED)
def test_what_balances_balances_together(one: Counts, other: Counts) -> None:
    assert (one + other).balanced


@pytest.mark.parametrize("place", PLACES)
@given(counts=BALANCED)
def test_one_record_too_many_in_any_place_is_no_balance(place: str, counts: Counts) -> None:
    assert not replace(counts, **{place: getattr(counts, place) + 1}).balanced
    assert not replace(counts, read=counts.read + 1).balanced
