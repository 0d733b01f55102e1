from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.window import Window

MOMENTS = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(9998, 12, 1),  # noqa: DTZ001 - the same
    timezones=st.timedeltas(
        min_value=timedelta(hours=-23, minutes=-59), max_value=timedelta(hours=23, minutes=59)
    ).map(timezone),
)
WINDOWS = MOMENTS.map(Window.of)


@given(MOMENTS)
def test_a_moment_lies_in_its_own_window_and_in_no_neighbour(moment: datetime) -> None:
    window = Window.of(moment)
    assert window.holds(moment)
    assert not window.next().holds(moment)
    assert not window.plus(-1).holds(moment)


@given(WINDOWS)
def test_a_window_ends_where_the_next_begins(window: Window) -> None:
    assert window.end_at == window.next().start_at
    assert window.holds(window.end_at - timedelta(microseconds=1))
    assert not window.holds(window.end_at)


@given(WINDOWS)
def test_a_key_is_read_back(window: Window) -> None:
    assert Window.parse(window.key) == window


@given(WINDOWS, WINDOWS)
def test_keys_sort_as_their_windows_do(one: Window, other: Window) -> None:
    assert (one < other) == (one.key < other.key)
    assert (one < other) == (one.start_at < other.start_at)


@given(WINDOWS, st.integers(min_value=-24, max_value=24))
def test_months_added_and_taken_away_lead_back(window: Window, months: int) -> None:
    moved = window.plus(months)
    assert 1 <= moved.month <= 12
    assert moved.plus(-months) == window


@given(WINDOWS, st.integers(min_value=0, max_value=30))
def test_the_windows_up_to_the_last_are_neighbours(window: Window, months: int) -> None:
    found = list(window.until(window.plus(months)))
    assert found[0] == window
    assert found[-1] == window.plus(months)
    assert all(after == before.next() for before, after in pairwise(found))


def test_nothing_lies_between_a_window_and_an_earlier_one() -> None:
    assert not list(Window(2026, 3).until(Window(2026, 2)))


def test_a_month_is_one_of_utc() -> None:
    moment = datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert Window.of(moment) == Window(2026, 2)
    assert Window.of(moment.astimezone(UTC)) == Window(2026, 2)


@pytest.mark.parametrize(
    "text",
    (
        "",
        "2026",
        "2026-03",
        "2026-3-01",
        "2026-03-02",
        "2026-13-01",
        "2026-00-01",
        "0000-01-01",
        "2026-03-01 ",
        "2026-03-01\n",
        "-2026-03-01",
        "\N{ARABIC-INDIC DIGIT TWO}026-03-01",
    ),
)
def test_what_is_no_window_is_said_in_one_sentence(text: str) -> None:
    with pytest.raises(TenantActionError, match="write a month as YYYY-MM-01"):
        Window.parse(text)
