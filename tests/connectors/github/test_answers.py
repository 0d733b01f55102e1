"""Records from answers that GitHub really gave, and a fake held to GitHub's own description."""

from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from coworker_pipelines.connectors.github.failures import NAME
from coworker_pipelines.connectors.github.records import issue_record, repository_record
from coworker_pipelines.connectors.github.repositories import Repository
from coworker_pipelines.connectors.github.streams import ISSUES, REPOSITORIES, STREAMS
from coworker_pipelines.sdk.conformance import Planted
from coworker_pipelines.sdk.conformance.planting import spread
from coworker_pipelines.sdk.http.answers import Answer
from coworker_pipelines.sdk.http.client import Api, HttpClient
from coworker_pipelines.sdk.http.exchange import Reachable
from coworker_pipelines.sdk.http.rates import RateLimits
from tests.connectors.github import planting
from tests.connectors.github.reading import WINDOW
from tests.fakes.api_shapes import schemas, violations
from tests.fakes.github_server import FakeGitHub, Fault

RECORDED = Path(__file__).parent / "recorded" / "answers.json"
LISTS = {
    "/orgs/acme/repos": "minimal-repository",
    "/orgs/acme/members": "simple-user",
    "/repos/acme/{}/issues": "issue",
    "/repos/acme/{}/pulls": "pull-request-simple",
    "/repos/acme/{}/pulls/1/reviews": "pull-request-review",
    "/repos/acme/{}/issues/events": "issue-event",
    "/repos/acme/{}/issues/comments": "issue-comment",
    "/repos/acme/{}/pulls/comments": "pull-request-review-comment",
    "/repos/acme/{}/commits": "commit",
    "/repos/acme/{}/releases": "release",
}


def recorded(path: str) -> list[dict[str, Any]]:
    answers = orjson.loads(RECORDED.read_bytes())["answers"]
    return [answer for answer in answers if path in answer["path"]]


def test_a_recorded_repository_becomes_a_record() -> None:
    [answer] = recorded("/hello-world")
    record = repository_record(answer["body"])
    assert record.keys() == REPOSITORIES.field_names
    assert (record["full_name"], record["default_branch"], record["owner_login"]) == (
        "octokit-fixture-org/hello-world", "master", "octokit-fixture-org",
    )  # fmt: skip


def test_recorded_issues_become_records() -> None:
    place = Repository(id=515_435_940, full_name="o/r", default_branch="main", pushed_at=None)
    items = [item for answer in recorded("/issues?") for item in answer["body"]]
    records = [issue_record(place, item) for item in items]
    assert len(records) == 13
    for record in records:
        assert record is not None
        assert record.keys() == ISSUES.field_names
        assert record["user_login"].startswith("octokit-fixture-user")
    assert not [one for item in items for one in violations(schemas()["issue"], item)]


def test_recorded_pages_are_followed_by_their_links(github: FakeGitHub) -> None:
    """The recorded ``Link`` headers, with the host of the fake in the place of GitHub's."""
    answers = recorded("/issues?")
    for answer in answers:
        path = answer["path"].replace("?", r"\?") + "$"
        headers = {
            name: value.replace("https://api.github.com", github.base_url)
            for name, value in answer["headers"].items()
            if name in {"link", "etag"}
        }
        github.faults.append(
            Fault(pattern=path, status=200, headers=headers, body=orjson.dumps(answer["body"]))
        )
    client = HttpClient(
        Api(name=NAME, base_url=github.base_url),
        token_source=lambda: None,
        reachable=Reachable(allow_private=True),
    )
    with closing(client):
        path, _, query = answers[0]["path"].partition("?")
        name, _, value = query.partition("=")
        pages = list(client.pages(path, {name: value}))
    assert [page.json() for page in pages] == [answer["body"] for answer in answers]
    assert [page.etag for page in pages] == [answer["headers"]["etag"] for answer in answers]


def test_recorded_limits_are_understood() -> None:
    for answer in recorded("/"):
        told = Answer(status=200, url="https://x/", headers=answer["headers"])
        assert told.date is not None
        assert RateLimits().wait_before_next(told, now=told.date) is None
        spent = {**answer["headers"], "x-ratelimit-remaining": "0"}
        wait = RateLimits().wait_before_next(
            Answer(status=200, url="https://x/", headers=spent), now=told.date
        )
        assert wait is not None
        assert 0 < wait.seconds <= 3_601


@pytest.mark.parametrize(("path", "schema"), LISTS.items())
def test_the_fake_answers_as_the_api_is_described(
    github: FakeGitHub, path: str, schema: str
) -> None:
    planted = Planted(records=12, instants=spread(WINDOW, 5))
    acme = github.organisation("acme")
    for plant in (
        planting.plant_issues,
        planting.plant_pulls,
        planting.plant_issue_events,
        planting.plant_reviews,
        planting.plant_comments,
        planting.plant_review_comments,
        planting.plant_commits,
        planting.plant_releases,
        planting.plant_users,
    ):
        plant(acme, planted)
    seen = 0
    for repository in acme.repositories:
        whole = path.replace("acme/{}", repository.full_name)
        answer = github.reply(whole, {}, {})
        for item in orjson.loads(answer.body) if answer.status == 200 else ():
            assert list(violations(schemas()[schema], item)) == []
            seen += 1
    assert seen, "Nothing was looked at."


def test_the_fake_describes_single_things_as_the_api_does(github: FakeGitHub) -> None:
    acme = github.organisation("acme")
    acme.add_repository("code")
    planting.plant_users(acme, Planted(records=1, instants=spread(WINDOW, 2)))
    for path, schema in (
        ("/repos/acme/code", "full-repository"),
        ("/orgs/acme", "organization-full"),
        ("/users/person-0", "public-user"),
        ("/users/absent", "basic-error"),
    ):
        answer = orjson.loads(github.reply(path, {}, {}).body)
        assert list(violations(schemas()[schema], answer)) == []


def test_a_shape_that_is_wrong_is_found() -> None:
    item = recorded("/issues?")[0]["body"][0]
    for wrong in ({"number": "1"}, {"locked": None}, {"labels": [1]}, {"user": {"login": "x"}}):
        assert list(violations(schemas()["issue"], {**item, **wrong}))
    del item["title"]
    assert list(violations(schemas()["issue"], item)) == ["$.title is missing"]


def test_every_stream_says_what_it_is() -> None:
    assert all(stream.description for stream in STREAMS)
