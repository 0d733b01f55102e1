"""An organisation on GitHub, all the way: ten streams to documents and messages, and again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.sdk.conformance import Planted
from tests.connectors.github import planting
from tests.fakes.github_server import FakeGitHub, serving
from tests.fakes.github_world import FakeOrganisation, text_of
from tests.integration.world import NOW, World

TOKEN = "ghp_planted7Jd92kQwErTy"
STREAMS = {
    "repositories": 3, "issues": 240, "pull_requests": 61, "issue_events": 240, "reviews": 12,
    "comments": 240, "review_comments": 240, "commits": 240, "releases": 240, "users": 240,
}  # fmt: skip


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serving(FakeGitHub()) as one:
        one.now = NOW
        one.tokens = {TOKEN}
        fill(one.organisation("acme"))
        yield one


def fill(acme: FakeOrganisation) -> None:
    """All of it happened in the first days of March."""
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    instants = tuple(begin + timedelta(hours=7 * number) for number in range(60))
    many = Planted(records=240, instants=instants)
    planting.plant_pulls(acme, Planted(records=60, instants=instants))
    pull = acme.repositories[0].add_pull(999, instants[5])
    for number in range(12):
        acme.repositories[0].add_review(pull, number, instants[5])
    for plant in (
        planting.plant_issues,
        planting.plant_issue_events,
        planting.plant_comments,
        planting.plant_review_comments,
        planting.plant_commits,
        planting.plant_releases,
        planting.plant_users,
    ):
        plant(acme, many)


@pytest.fixture
def handle(world: World, github: FakeGitHub) -> str:
    form = {
        "base_url": github.base_url,
        "organisation": "acme",
        "allow_private_addresses": True,
        "token": TOKEN,
    }
    return world.add_connection(form, kind="github", name="forge")


def test_an_organisation_is_synced_and_synced_again(
    world: World, github: FakeGitHub, handle: str
) -> None:
    world.sync(handle, run="first")
    first = {stream: part.counts.indexed for stream, part in world.counts_of("first").items()}
    assert first == STREAMS
    said = world.activity_ids(handle)
    world.sync(handle, run="second")
    again = world.counts_of("second")
    assert all(part.counts.balanced for part in again.values())
    assert all(part.counts.indexed == part.activities == 0 for part in again.values())
    assert again["issues"].read == 0
    assert world.activity_ids(handle) == said

    acme = github.organisation("acme")
    acme.repositories[0].issues[0] |= {"state": "closed", "closed_at": text_of(NOW),
                                       "updated_at": text_of(NOW)}  # fmt: skip
    gone = acme.members.pop(3)
    released = acme.repositories[1].releases.pop(2)
    world.sync(handle, run="third", at=NOW + timedelta(hours=1))
    third = world.counts_of("third")
    assert third["issues"].counts.indexed == 1
    assert len(world.stored(handle, "users")) == 239
    assert str(released["id"]) not in world.stored(handle, "releases")
    payloads = [one.payload_bytes for one in world.stored(handle, "users").values()]
    assert not [one for one in payloads if f'"login":"{gone["login"]}"'.encode() in one]


def test_a_connection_whose_token_is_wrong_is_not_made(world: World, github: FakeGitHub) -> None:
    with pytest.raises(TenantActionError, match="refuses the token") as raised:
        world.add_connection(
            {
                "base_url": github.base_url,
                "organisation": "acme",
                "allow_private_addresses": True,
                "token": "ghp_wrongToken83kfPq",
            },
            kind="github",
        )
    assert "83kfPq" not in str(raised.value)
