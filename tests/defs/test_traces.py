"""Names in Dagster's text: found where they stand, and nowhere inside of others."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.defs.traces.names import MASK, masked, names_pattern

HANDLES = ("acme.shop", "acme.shop-2")
PATTERN = names_pattern(HANDLES)


@pytest.mark.parametrize(
    "text",
    (
        "acme.shop",
        "acme.shop|2026-01-01",
        '{"run_key": "acme.shop@2026-01-01T00:00:00+00:00"}',
        r"first line\nacme.shop: no kind",
        "asked for acme.shop.",
        "acme.shop,acme.shop-2,acme.shop",
        '{"by": {"acme.shop-2": 3}}',
    ),
)
def test_a_name_is_found_and_masked(text: str) -> None:
    found = masked(text.encode(), PATTERN).decode()
    assert MASK in found
    assert not re.search(PATTERN, found)
    assert "acme.shop" not in found


@pytest.mark.parametrize(
    "text",
    (
        "xacme.shop",
        "x-acme.shop",
        "acme.shop-3",
        "acme.shopping",
        "acme-shop",
        "acmeXshop",
        "x.acme.shop",
        "",
    ),
)
def test_another_name_that_holds_it_stays(text: str) -> None:
    assert masked(text.encode(), PATTERN) == text.encode()


def test_without_a_name_nothing_is_masked() -> None:
    assert masked(b"acme.shop, and anything else", names_pattern(())) == (
        b"acme.shop, and anything else"
    )


@given(st.lists(st.sampled_from((*HANDLES, "other.shop", "|", ",", " ", '"', "x")), max_size=12))
def test_what_is_masked_once_is_masked(parts: list[str]) -> None:
    once = masked("".join(parts).encode(), PATTERN)
    assert masked(once, PATTERN) == once
