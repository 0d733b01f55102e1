"""What the kit's checks find on the fake GitHub."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

from coworker_pipelines.connectors.github.connector import GitHubConnector
from coworker_pipelines.connectors.github.settings import GitHubSettings
from coworker_pipelines.sdk.conformance import Planted
from tests.fakes.github_server import FakeGitHub
from tests.fakes.github_world import BORN, FakeOrganisation, FakeRepository, person, text_of

Plant = Callable[[FakeOrganisation, Planted], None]
NAMES: Final = ("alpha", "beta", "gamma")
EVENTS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("labeled", {"label": {"name": "bug", "color": "f00"}}),
    ("renamed", {"rename": {"from": "Old", "to": "New"}}),
    ("assigned", {"assignee": person(3)}),
    ("closed", {}),
    ("teleported", {"actor": None, "issue": None}),
)
PAUSE: Final = timedelta(seconds=1)


def settings_for(github: FakeGitHub, organisation: str | None, **form: Any) -> GitHubSettings:
    return GitHubSettings(
        base_url=github.base_url,
        organisation=organisation,
        allow_private_addresses=True,
        **form,
    )


def connector_for(github: FakeGitHub, organisation: str, **form: Any) -> GitHubConnector:
    return GitHubConnector(settings_for(github, organisation, **form))


def plant_issues(organisation: FakeOrganisation, planted: Planted) -> None:
    """Pull requests stand among the issues, as GitHub lists them."""
    for repository, number in _spread(organisation, planted):
        at = planted.at(number)
        closed = {"state": "closed", "closed_at": text_of(at), "closed_by": person(3)}
        repository.add_issue(number + 1, at, **(closed if number % 4 == 0 else {}))
        if number % 5 == 0:
            link = {"url": "u", "html_url": "u", "diff_url": "u", "patch_url": "u"}
            repository.add_issue(50_000 + number, at, pull_request=link)


def plant_pulls(organisation: FakeOrganisation, planted: Planted) -> None:
    for repository, number in _spread(organisation, planted):
        at = planted.at(number)
        ended = {"state": "closed", "closed_at": text_of(at), "merged_at": text_of(at)}
        repository.add_pull(number + 1, at, **(ended if number % 2 else {}))


def plant_issue_events(organisation: FakeOrganisation, planted: Planted) -> None:
    for repository, number in _spread(organisation, planted):
        event, values = EVENTS[number % len(EVENTS)]
        repository.add_issue_event(number + 1, planted.at(number), event, **values)


def plant_reviews(organisation: FakeOrganisation, planted: Planted) -> None:
    """As many of a pull request as share its time, if that is no more than a part of all."""
    repositories = _repositories(organisation)
    pulls: dict[tuple[int, int], dict[str, Any]] = {}
    for number in range(planted.records):
        share, place = number // len(planted.instants), number % len(planted.instants)
        repository = repositories[place % len(repositories)]
        pull = pulls.get((place, share // (planted.records // 60 + 1)))
        if pull is None:
            pull = repository.add_pull(len(pulls) + 1, planted.at(number))
            pulls[place, share // (planted.records // 60 + 1)] = pull
        repository.add_review(pull, number, BORN)
        if number % 7 == 0:
            repository.add_review(pull, 70_000 + number, BORN, state="PENDING")


def plant_comments(organisation: FakeOrganisation, planted: Planted) -> None:
    for repository, number in _spread(organisation, planted):
        repository.add_comment(number, planted.at(number))


def plant_review_comments(organisation: FakeOrganisation, planted: Planted) -> None:
    for repository, number in _spread(organisation, planted):
        repository.add_review_comment(number, planted.at(number))


def plant_commits(organisation: FakeOrganisation, planted: Planted) -> None:
    for index, repository in enumerate(_repositories(organisation)):
        moments = sorted(planted.at(number) for number in range(index, planted.records, 3))
        repository.add_commits(moments)
        repository.pushed_at = moments[-1] if moments else None


def plant_releases(organisation: FakeOrganisation, planted: Planted) -> None:
    for repository, number in _spread(organisation, planted):
        repository.add_release(number, assets=[])


def plant_repositories(organisation: FakeOrganisation, planted: Planted) -> None:
    for number in range(planted.records):
        organisation.add_repository(f"repository-{number}", pushed_at=BORN)


def plant_users(organisation: FakeOrganisation, planted: Planted) -> None:
    organisation.members = [person(number) for number in range(planted.records)]
    organisation.profiles = {member["login"]: member for member in organisation.members}


def _spread(
    organisation: FakeOrganisation, planted: Planted
) -> Iterator[tuple[FakeRepository, int]]:
    repositories = _repositories(organisation)
    for number in range(planted.records):
        yield repositories[number * 7 % len(repositories)], number


def _repositories(organisation: FakeOrganisation) -> list[FakeRepository]:
    if not organisation.repositories:
        for name in NAMES:
            organisation.add_repository(name, pushed_at=BORN)
    return organisation.repositories
