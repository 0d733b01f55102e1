import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.documents.names import documents_index
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.slug import SLUG_LENGTH_MAX, stream_slug
from coworker_pipelines.segments.paths import checked_path

SCOPE = Scope(tenant="t" + "0" * 15, connection="c" + "0" * 15, epoch=1)
# Few characters, so that names which differ only in what slugging loses are common.
CLOSE = st.text(alphabet="aA1_-. ~ä", min_size=1, max_size=4)
NAMES = st.text(st.characters(codec="utf-8"), max_size=80) | CLOSE


@given(st.lists(NAMES, unique=True, min_size=2))
def test_two_streams_never_share_a_slug(names: list[str]) -> None:
    assert len({stream_slug(name) for name in names}) == len(names)


@given(NAMES, NAMES)
def test_no_stream_is_named_as_another_ones_slug(one: str, other: str) -> None:
    if one != other:
        assert stream_slug(stream_slug(one)) != stream_slug(other)


@given(NAMES)
def test_a_slug_may_stand_in_paths_and_in_names_of_indices(name: str) -> None:
    slug = stream_slug(name)
    assert checked_path(slug) == slug
    assert re.fullmatch(r"[a-z0-9_-]*(~[0-9a-f]{8})?", slug)
    assert len(documents_index(SCOPE, name)) < 255
    assert stream_slug(name) == slug


@pytest.mark.parametrize("name", ("commits", "a", "order_items", "2026-orders"))
def test_a_safe_name_is_its_own_slug(name: str) -> None:
    assert stream_slug(name) == name


@pytest.mark.parametrize(
    "name", ("", "Orders", "public.orders", "_orders", "-", "a" * (SLUG_LENGTH_MAX + 1), "größe")
)
def test_what_slugging_loses_is_told_apart_by_a_hash(name: str) -> None:
    assert re.search(r"~[0-9a-f]{8}$", stream_slug(name))
