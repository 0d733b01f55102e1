"""Streams that are read by time: what a second sync reads, and what changes while one reads."""

from datetime import timedelta

import pytest

from coworker_pipelines.connectors.github.streams import (
    COMMENTS,
    COMMITS,
    ISSUE_EVENTS,
    ISSUES,
    PULL_REQUESTS,
    REVIEWS,
)
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.sdk.conformance.reading import records_of
from coworker_pipelines.sdk.stream import Stream
from tests.connectors.github.reading import NOON, Source, minutes, numbers
from tests.fakes.github_server import FakeGitHub
from tests.fakes.github_world import FakeRepository, Item, text_of


@pytest.fixture
def source(github: FakeGitHub) -> Source:
    return Source.on(github)


def change(item: Item, minute: int) -> None:
    item["updated_at"] = text_of(minutes(minute))


def test_a_second_sync_reads_what_has_changed(source: Source) -> None:
    repository = source.repository()
    first, *_ = [repository.add_issue(number, minutes(-60 - number)) for number in range(1, 4)]
    assert sorted(numbers(source.sync(ISSUES))) == [1, 2, 3]
    assert source.sync(ISSUES) == []
    source.github.now = minutes(30)
    change(first, 20)
    repository.add_issue(4, minutes(25))
    assert numbers(source.sync(ISSUES)) == [1, 4]


def test_events_are_read_down_to_those_that_were_read(source: Source) -> None:
    repository = source.repository()
    for number in range(250):
        repository.add_issue_event(number + 1, minutes(number - 400), "labeled")
    assert sorted(numbers(source.sync(ISSUE_EVENTS))) == list(range(1, 251))
    source.github.now = minutes(30)
    repository.add_issue_event(251, minutes(20), "renamed", rename={"from": "Old", "to": "New"})
    source.github.asked.clear()
    assert numbers(source.sync(ISSUE_EVENTS)) == [251]
    assert source.github.paths.count("/repos/acme/code/issues/events") == 1


def test_what_lags_behind_the_clock_is_read_by_the_next_sync(source: Source) -> None:
    repository = source.repository()
    source.sync(ISSUES)
    repository.add_issue(1, NOON - timedelta(seconds=20))
    assert numbers(source.sync(ISSUES)) == [1]


@pytest.mark.parametrize("stream", (ISSUES, PULL_REQUESTS))
def test_a_repository_that_is_new_to_us_is_read_from_the_beginning(
    source: Source, stream: Stream
) -> None:
    """It was transferred, or the token sees it only now: what is in it is older than the cursor."""
    source.repository("old")
    source.sync(stream)
    repository = source.repository("moved-here")
    repository.add_issue(7, minutes(-9_000))
    repository.add_pull(7, minutes(-9_000))
    assert numbers(source.sync(stream)) == [7]
    assert source.sync(stream) == []


def test_nothing_is_asked_about_a_month_that_is_over(source: Source) -> None:
    source.repository().add_issue(1, NOON)
    source.github.now = NOON + timedelta(days=40)
    source.sync(ISSUES)
    source.github.asked.clear()
    assert source.sync(ISSUES) == []
    assert source.github.paths == ["/orgs/acme/repos"]


def test_an_issue_that_changes_while_they_are_read_pulls_none_past_us(source: Source) -> None:
    """It moves to the end of the list, and all behind it one place forward."""
    repository = source.repository()
    issues = [repository.add_issue(number, minutes(number - 500)) for number in range(1, 251)]
    for page in range(3):
        source.github.fault(
            "/issues[?].*page=1$", 0, times=1, then=lambda n=page * 80: change(issues[n], n)
        )
    assert set(numbers(source.sync(ISSUES))) == set(range(1, 251))


def test_an_issue_that_is_deleted_among_equal_times_pulls_none_past_us(source: Source) -> None:
    repository = source.repository()
    for number in range(1, 251):
        repository.add_issue(number, NOON - timedelta(hours=1))
    source.github.fault("/issues[?].*page=2", 0, then=lambda: repository.issues.pop(3) and None)
    assert set(numbers(source.sync(ISSUES))) == set(range(1, 251))


def test_a_pull_request_that_changes_while_they_are_read_pulls_none_past_us(
    source: Source,
) -> None:
    """It moves to the front, to be read next time, and pushes others behind us: they come twice."""
    repository = source.repository()
    pulls = [repository.add_pull(number, minutes(number - 500)) for number in range(1, 251)]
    source.github.fault("/pulls[?].*page=2", 0, then=lambda: change(pulls[60], 1))
    read = numbers(source.sync(PULL_REQUESTS))
    assert set(read) == set(range(1, 251)) - {61}
    source.github.now = minutes(5)
    assert numbers(source.sync(PULL_REQUESTS)) == [61]


def test_pull_requests_are_read_down_to_what_is_known(source: Source) -> None:
    repository = source.repository()
    pulls = [repository.add_pull(number, minutes(number - 1_000)) for number in range(1, 901)]
    assert len(source.sync(PULL_REQUESTS)) == 900
    source.github.now = minutes(10)
    change(pulls[5], 5)
    source.github.asked.clear()
    assert numbers(source.sync(PULL_REQUESTS)) == [6]
    assert source.github.paths.count("/repos/acme/code/pulls") == 1


def test_reviews_are_asked_for_where_a_pull_request_has_changed(source: Source) -> None:
    repository = source.repository()
    pulls = [repository.add_pull(number, minutes(number - 100)) for number in range(1, 31)]
    for number, pull in enumerate(pulls):
        repository.add_review(pull, number, minutes(number - 100))
    assert len(source.sync(REVIEWS)) == 30
    source.github.now = minutes(10)
    repository.reviews[3][0]["state"] = "DISMISSED"
    change(pulls[2], 5)
    source.github.asked.clear()
    [review] = source.sync(REVIEWS)
    assert (review["state"], review["pull_request_number"]) == ("DISMISSED", 3)
    assert [path for path in source.github.paths if "reviews" in path] == [
        "/repos/acme/code/pulls/3/reviews"
    ]


def test_a_pull_request_with_more_reviews_than_a_page_holds_comes_in_parts(source: Source) -> None:
    repository = source.repository()
    first, other = repository.add_pull(1, minutes(-1)), repository.add_pull(2, minutes(-2))
    for number in range(2_300):
        repository.add_review(first, number, NOON)
    repository.add_review(other, 9_000, NOON)
    pages = source.pages(REVIEWS)
    assert [len(page.records) for page in pages] == [2_000, 301, 0]
    source.cursor = pages[0].cursor
    assert len(source.sync(REVIEWS)) == 2_301


def test_a_commit_that_is_pushed_long_after_its_date_is_read(source: Source) -> None:
    repository = source.repository(pushed_at=minutes(-60))
    repository.add_commits([minutes(-90), minutes(-80)])
    assert len(source.sync(COMMITS)) == 2
    source.github.now = minutes(10)
    repository.pushed_at = minutes(5)
    repository.add_commits([minutes(-5_000)])
    assert repository.commits[0]["sha"] in {record["sha"] for record in source.sync(COMMITS)}


def test_a_repository_that_nobody_pushed_to_is_not_asked_for_commits(source: Source) -> None:
    source.repository(pushed_at=minutes(-60)).add_commits([minutes(-90)])
    source.sync(COMMITS)
    source.github.asked.clear()
    assert source.sync(COMMITS) == []
    assert source.github.paths == ["/orgs/acme/repos"]


def _rewrite(repository: FakeRepository) -> None:
    repository.commits.clear()
    repository.add_commits([minutes(number - 400) for number in range(205)], salt="new")


def test_a_history_that_is_rewritten_while_it_is_read_is_read_anew(source: Source) -> None:
    repository = source.repository(pushed_at=minutes(-60))
    repository.add_commits([minutes(number - 400) for number in range(250)])
    source.github.fault("/commits[?].*page=2", 0, then=lambda: _rewrite(repository))
    read = {record["sha"] for record in source.sync(COMMITS)}
    assert {commit["sha"] for commit in repository.commits} <= read


def test_what_is_pushed_while_commits_are_read_is_read_next_time(source: Source) -> None:
    repository = source.repository(pushed_at=minutes(-60))
    repository.add_commits([minutes(number - 400) for number in range(250)])

    def push() -> None:
        repository.add_commits([minutes(1)])
        repository.pushed_at = minutes(1)

    source.github.fault("/commits[?].*page=2", 0, then=push)
    shas = [record["sha"] for record in source.sync(COMMITS)]
    assert len(shas) == len(set(shas)) == 250
    source.github.now = minutes(5)
    assert repository.commits[0]["sha"] in {record["sha"] for record in source.sync(COMMITS)}


@pytest.mark.parametrize("stream", (ISSUES, COMMENTS, PULL_REQUESTS, REVIEWS, COMMITS))
def test_a_sync_that_fails_goes_on_at_the_page_border(source: Source, stream: Stream) -> None:
    for name in ("one", "two"):
        repository = source.repository(name, pushed_at=minutes(-60))
        repository.add_commits([minutes(number - 500) for number in range(230)])
        for number in range(1, 231):
            repository.add_issue(number, minutes(number - 500))
            repository.add_comment(number, minutes(number - 500))
            repository.add_review(repository.add_pull(number, minutes(number - 500)), number, NOON)
    turned = 2 if stream is COMMITS else 1
    source.github.fault("/two/(issues|issues/comments|pulls|commits)[?]", 500, after=turned)
    source.github.fault("/two/pulls/117/reviews", 500)
    before = source.until_it_fails(stream, RetryLaterError)
    assert before
    source.github.faults.clear()
    source.github.now = minutes(1)
    after = source.sync(stream)
    keys = [tuple(record[name] for name in (*stream.primary_key, "repository"))
            for record in (*before, *after)]  # fmt: skip
    assert len(keys) == len(set(keys)) == 460
    assert {record["repository"] for record in after} == {"acme/two"}


@pytest.mark.parametrize(("path", "status"), (("", 404), ("", 451), ("issues", 410)))
def test_what_is_gone_or_switched_off_is_passed_by(source: Source, path: str, status: int) -> None:
    source.repository("gone", statuses={path: status}).add_issue(1, NOON)
    source.repository("there").add_issue(2, NOON)
    assert numbers(source.sync(ISSUES)) == [2]


@pytest.mark.parametrize("stream", (ISSUES, PULL_REQUESTS, REVIEWS, COMMITS))
def test_a_part_that_we_may_not_see_is_not_passed_by(source: Source, stream: Stream) -> None:
    statuses = {"issues": 404, "pulls": 404, "commits": 404}
    source.repository(statuses=statuses, pushed_at=NOON).add_commits([NOON])
    with pytest.raises(TenantActionError, match="may not see it"):
        source.sync(stream)


def test_a_repository_without_commits_has_none(source: Source) -> None:
    source.repository(pushed_at=None)
    assert source.sync(COMMITS) == []


def test_a_repository_that_was_renamed_since_it_was_listed_is_followed(source: Source) -> None:
    repository = source.repository("new-name")
    repository.add_issue(1, NOON)
    moved = {"Location": f"{source.github.base_url}/repos/acme/new-name/issues"}
    source.github.fault("/new-name/issues[?]", 301, headers=moved)
    assert numbers(source.sync(ISSUES)) == [1]


def test_pages_of_several_repositories_come_in_the_order_of_their_ids(source: Source) -> None:
    for name in ("b", "a", "c"):
        source.repository(name).add_issue(1, NOON)
    source.organisation.repositories.reverse()
    pages = source.pages(ISSUES)
    assert [record["repository"] for record in records_of(pages)] == [
        "acme/b", "acme/a", "acme/c",
    ]  # fmt: skip
    assert len(pages) == 4
