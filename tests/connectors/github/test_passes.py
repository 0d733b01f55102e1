"""Cursors over many repositories: compact, and never past what was not read."""

from datetime import UTC, datetime, timedelta

import orjson
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.connectors.github.passes import (
    IDS_MAX,
    OVERLAP,
    next_pass,
    packed,
    unpacked,
)
from coworker_pipelines.connectors.github.repositories import Repositories, Repository
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.conformance.reading import CURSOR_BYTES_MAX
from coworker_pipelines.sdk.page import Cursor

WINDOW = Window(2026, 1)
SPAN = {"since": WINDOW.start_at, "until": WINDOW.end_at}
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
IDS = st.frozensets(st.integers(0, 2**53), max_size=50)


def listed(ids: range | frozenset[int], at: datetime = NOON) -> Repositories:
    return Repositories(
        listed_at=at,
        all=tuple(
            Repository(id=one, full_name=f"acme/r{one}", default_branch="main", pushed_at=None)
            for one in sorted(ids)
        ),
    )


def through(
    ids: range | frozenset[int], at: datetime = NOON, cursor: Cursor | None = None
) -> Cursor:
    """The cursor behind a whole pass."""
    return next_pass(cursor, **SPAN, now=listed(ids, at)).finished().to_cursor()


@given(IDS)
def test_ids_come_back_as_they_were(ids: frozenset[int]) -> None:
    assert unpacked(packed(ids)) == ids


@given(IDS, IDS)
def test_known_repositories_are_gone_on_with_and_new_ones_begin_at_the_beginning(
    before: frozenset[int], after: frozenset[int]
) -> None:
    cursor = orjson.loads(orjson.dumps(through(before)))
    now = listed(after, NOON + timedelta(days=1))
    step = next_pass(cursor, **SPAN, now=now)
    assert [repository.id for repository, _ in step.left(now)] == sorted(after)
    for repository in now.all:
        expected = NOON - OVERLAP if repository.id in before else WINDOW.start_at
        assert step.read_from(repository) == expected


@given(st.frozensets(st.integers(0, 200), min_size=1), st.integers(0, 200), IDS)
def test_a_pass_that_was_left_ends_where_it_was_going(
    goal: frozenset[int], reached: int, later: frozenset[int]
) -> None:
    """What has appeared meanwhile is not counted as read, and is new to the next one."""
    first = next_pass(None, **SPAN, now=listed(goal))
    here = Repository(id=reached, full_name="x/y", default_branch="", pushed_at=None)
    cursor = orjson.loads(orjson.dumps(first.at(here, None).to_cursor()))
    now = listed(goal | later, NOON + timedelta(hours=1))
    step = next_pass(cursor, **SPAN, now=now)
    left = [repository.id for repository, _ in step.left(now)]
    assert left == [one for one in sorted(goal) if one > reached]
    following = next_pass(step.finished().to_cursor(), **SPAN, now=now)
    assert following.known_until == NOON - OVERLAP
    for repository in now.all:
        is_known = repository.id in goal
        assert (following.read_from(repository) == WINDOW.start_at) != is_known


def test_a_place_within_a_repository_is_gone_on_with() -> None:
    now = listed(range(5))
    step = next_pass(None, **SPAN, now=now).at(now.all[2], {"page": 3})
    again = next_pass(step.to_cursor(), **SPAN, now=now)
    assert [(one.id, place) for one, place in again.left(now)] == [
        (2, {"page": 3}), (3, None), (4, None),
    ]  # fmt: skip


def test_another_span_is_read_from_its_beginning() -> None:
    cursor = through(range(5))
    inside = NOON - timedelta(days=3)
    step = next_pass(cursor, since=inside, until=NOON, now=listed(range(5)))
    assert step.read_from(listed(range(1)).all[0]) == NOON - OVERLAP
    outside = next_pass(
        cursor, since=WINDOW.start_at, until=WINDOW.end_at + timedelta(1), now=listed(range(5))
    )
    assert outside.known is None


def test_a_cursor_stays_small_however_many_repositories_there_are() -> None:
    spread = 260_417
    for count in (100, IDS_MAX, IDS_MAX + 1, 20_000):
        ids = frozenset(range(spread, spread * (count + 1), spread))
        cursor = through(ids)
        both = next_pass(cursor, **SPAN, now=listed(ids | {1})).to_cursor()
        assert len(orjson.dumps(both)) < CURSOR_BYTES_MAX


def test_with_too_many_repositories_a_change_makes_all_of_them_new() -> None:
    ids = range(IDS_MAX + 1)
    cursor = through(ids)
    same = next_pass(cursor, **SPAN, now=listed(ids))
    assert same.read_from(listed(ids).all[0]) == NOON - OVERLAP
    other = next_pass(cursor, **SPAN, now=listed(range(1, IDS_MAX + 2)))
    assert other.read_from(listed(ids).all[5]) == WINDOW.start_at
