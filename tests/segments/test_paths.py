"""What may be the path of an object."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.segments.paths import PATH_CHARACTERS_MAX, checked_path

GOOD = (
    "a",
    "commits/2026-01-01/manifest.json",
    "public.orders-1f2e/000001.zst",
    "y0=1/_x",
    "a~1/b",
)
BAD = (
    "",
    "/",
    "/etc/passwd",
    "a/",
    "a//b",
    ".",
    "..",
    "../b",
    "a/../b",
    "a/..",
    "a/./b",
    ".hidden",
    "a/.unfinished",
    "a b",
    "a\nb",
    "a\n",
    "a\0",
    "a\\b",
    "a:b",
    "a*",
    "a?b",
    "a%2e%2e",
    "größe",
    "１",  # noqa: RUF001 - a digit to Unicode, not to us
    "gs://bucket/a",
    "a" * 201,
    "a/" * PATH_CHARACTERS_MAX + "a",
)


@pytest.mark.parametrize("path", GOOD)
def test_a_safe_path_is_itself(path: str) -> None:
    assert checked_path(path) == path


@pytest.mark.parametrize("path", BAD)
def test_a_path_that_is_not_safe_is_a_defect(path: str) -> None:
    with pytest.raises(DefectError) as caught:
        checked_path(path)
    assert not path.strip("/.") or path not in str(caught.value)


@given(st.text(alphabet="a0._-=/ \\\n~é", max_size=12))
def test_what_is_accepted_stays_below_its_place(path: str) -> None:
    try:
        checked_path(path)
    except DefectError:
        return
    assert all(part and not part.startswith(".") for part in path.split("/"))
    assert path.isascii()
    assert path.isprintable()
