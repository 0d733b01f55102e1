"""Partitions, and the guard on what a run's tags name."""

import itertools
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from dagster import MultiPartitionKey
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.defs.partitions import (
    CONNECTION,
    FIRST_WINDOW,
    WINDOW,
    Span,
    connections_of,
    consecutive,
    partition_key,
    partitions_of,
    require_begun,
    span_of,
    tenant_of,
)
from coworker_pipelines.kernel.errors import CoworkerError, RefusedError, TenantActionError
from coworker_pipelines.kernel.window import Window

NOW = datetime(2026, 3, 15, tzinfo=UTC)
CONNECTION_PART, WINDOW_PART = "dagster/partition/connection", "dagster/partition/window"

names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,9}", fullmatch=True)
handles = st.builds("{}.{}".format, names, names)
windows = st.builds(Window, st.integers(2020, 2030), st.integers(1, 12))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    first = draw(windows)
    last = first.plus(draw(st.integers(0, 40)))
    return Span(connection=draw(handles), windows=tuple(first.until(last)))


@given(spans())
def test_a_span_is_read_back_from_the_tags_that_it_makes(span: Span) -> None:
    assert span_of(span.partition_tags) == span


@given(handles, windows)
def test_a_single_partition_is_a_span_of_one_window(handle: str, window: Window) -> None:
    expected = Span(connection=handle, windows=(window,))
    assert span_of({PARTITION_NAME_TAG: partition_key(handle, window)}) == expected
    assert span_of({CONNECTION_PART: handle, WINDOW_PART: window.key}) == expected


@given(handles, windows)
def test_a_key_is_written_as_dagster_writes_it(handle: str, window: Window) -> None:
    written = MultiPartitionKey({CONNECTION: handle, WINDOW: window.key})
    assert partition_key(handle, window) == written == f"{handle}|{window.key}"


@given(handles, handles, windows, windows)
def test_a_range_over_two_connections_is_refused(
    one: str, other: str, first: Window, last: Window
) -> None:
    tags = {
        ASSET_PARTITION_RANGE_START_TAG: partition_key(one, first),
        ASSET_PARTITION_RANGE_END_TAG: partition_key(other, max(first, last)),
    }
    if one == other:
        assert span_of(tags) is not None
        return
    with pytest.raises(RefusedError, match="one connection"):
        span_of(tags)


@given(
    st.dictionaries(
        st.sampled_from(
            (
                PARTITION_NAME_TAG,
                ASSET_PARTITION_RANGE_START_TAG,
                ASSET_PARTITION_RANGE_END_TAG,
                CONNECTION_PART,
                WINDOW_PART,
            )
        ),
        st.text(max_size=30) | st.just("a.b|2026-01-01"),
    )
)
def test_whatever_tags_somebody_typed_there_is_one_connection_or_a_sentence(
    tags: dict[str, str],
) -> None:
    with suppress(CoworkerError):
        span = span_of(tags)
        assert span is None or tenant_of(span.connection)


@pytest.mark.parametrize(
    ("tags", "sentence"),
    (
        (
            {
                PARTITION_NAME_TAG: "a.b|2026-01-01",
                CONNECTION_PART: "c.d",
                WINDOW_PART: "2026-01-01",
            },
            "one connection",
        ),
        (
            {
                PARTITION_NAME_TAG: "a.b|2026-01-01",
                CONNECTION_PART: "a.b",
                WINDOW_PART: "2026-02-01",
            },
            "contradict",
        ),
    ),
)
def test_tags_that_contradict_each_other_are_refused(tags: dict[str, str], sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence):
        span_of(tags)


@pytest.mark.parametrize(
    ("tags", "sentence"),
    (
        ({PARTITION_NAME_TAG: "a.b"}, "is no partition"),
        ({PARTITION_NAME_TAG: "a.b|2026-01-01|x"}, "is no partition"),
        ({PARTITION_NAME_TAG: "a.b|january"}, "is no window"),
        ({PARTITION_NAME_TAG: "ab|2026-01-01"}, "is no connection"),
        ({ASSET_PARTITION_RANGE_START_TAG: "a.b|2026-01-01"}, "first and its last"),
        ({CONNECTION_PART: "a.b"}, "a connection and a window"),
        (
            {
                ASSET_PARTITION_RANGE_START_TAG: "a.b|2026-02-01",
                ASSET_PARTITION_RANGE_END_TAG: "a.b|2026-01-01",
            },
            "before they begin",
        ),
    ),
)
def test_a_tag_that_is_no_partition_is_answered_by_a_sentence(
    tags: dict[str, str], sentence: str
) -> None:
    with pytest.raises(TenantActionError, match=sentence):
        span_of(tags)


def test_tags_without_a_partition_name_no_span() -> None:
    assert span_of({"team": "data"}) is None


@pytest.mark.parametrize(
    ("window", "sentence"),
    (
        (Window(2026, 4), "2026-04-01 has not begun; the latest is 2026-03-01"),
        (FIRST_WINDOW.plus(-1), "lies before the first that is kept, 2024-01-01"),
    ),
)
def test_a_window_outside_of_history_is_answered_by_a_sentence(
    window: Window, sentence: str
) -> None:
    with pytest.raises(TenantActionError, match=sentence):
        require_begun(Span(connection="a.b", windows=(window,)), first=FIRST_WINDOW, now=NOW)


def test_the_current_window_can_be_read() -> None:
    span = Span(connection="a.b", windows=(Window(2026, 3),))
    require_begun(span, first=FIRST_WINDOW, now=NOW)


def test_the_windows_of_a_kind_reach_from_the_first_to_the_one_that_has_begun() -> None:
    months = partitions_of("git").get_partitions_def_for_dimension(WINDOW)
    keys = months.get_partition_keys(current_time=NOW)
    assert keys[0] == FIRST_WINDOW.key
    assert keys[-1] == "2026-03-01"


def test_each_kind_has_connections_of_its_own() -> None:
    assert connections_of("git").name == "git_connections"
    assert partitions_of("git") != partitions_of("sql")


@given(st.lists(windows, max_size=20))
def test_consecutive_windows_fit_one_run_and_nothing_is_lost(chosen: list[Window]) -> None:
    parts = consecutive(tuple(chosen))
    assert [window for part in parts for window in part] == sorted(set(chosen))
    assert all(part == tuple(part[0].until(part[-1])) for part in parts)
    assert all(one[-1].next() < other[0] for one, other in itertools.pairwise(parts))
