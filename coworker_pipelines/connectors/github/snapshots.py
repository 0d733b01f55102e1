"""Streams that are read whole each time: repositories, releases, users.

What is not listed any more is found by comparison, behind the page that says *complete*.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from coworker_pipelines.connectors.github.failures import ABSENT
from coworker_pipelines.connectors.github.lists import Portion, read_list
from coworker_pipelines.connectors.github.records import (
    Item,
    release_record,
    repository_record,
    user_record,
)
from coworker_pipelines.connectors.github.repositories import (
    PER_PAGE,
    Repositories,
    organisation_query,
)
from coworker_pipelines.connectors.github.settings import GitHubSettings
from coworker_pipelines.connectors.github.streams import PROFILE_FIELDS
from coworker_pipelines.connectors.github.windows import chosen
from coworker_pipelines.sdk.http.client import HttpClient
from coworker_pipelines.sdk.page import Page, ReadRequest, Record

WHOLE: Final = Page(records=(), cursor={}, complete=True)
"""The end of a snapshot; the next one begins at the beginning."""


def read_repositories(
    client: HttpClient, settings: GitHubSettings, request: ReadRequest
) -> Iterator[Page]:
    if settings.organisation is None:
        portions = _named(client, settings, request)
    else:
        portions = read_list(
            client,
            f"/orgs/{settings.organisation}/repos",
            organisation_query(),
            place=_place(request),
        )
    yield from _pages(portions, request, repository_record)


def read_releases(
    client: HttpClient, repositories: Repositories, request: ReadRequest
) -> Iterator[Page]:
    reached = (request.cursor or {}).get("repository")
    for repository in repositories.all:
        place = None
        if reached is not None and repository.id <= reached:
            place = _place(request)
            if repository.id < reached or place is None:
                continue
        for portion in read_list(
            client,
            f"/repos/{repository.full_name}/releases",
            {"per_page": PER_PAGE},
            place=place,
            repository=repository,
        ):
            records = [release_record(repository, item) for item in portion.items]
            yield Page(
                records=chosen(records, request.fields),
                cursor={"repository": repository.id, "place": portion.place},
            )
    yield WHOLE


def read_users(
    client: HttpClient, settings: GitHubSettings, request: ReadRequest
) -> Iterator[Page]:
    if settings.organisation is None:
        yield WHOLE
        return
    with_profile = bool(request.fields & PROFILE_FIELDS)

    def record_of(member: Item) -> Record:
        return user_record(member, _profile(client, member) if with_profile else {})

    portions = read_list(
        client,
        f"/orgs/{settings.organisation}/members",
        {"per_page": PER_PAGE},
        place=_place(request),
    )
    yield from _pages(portions, request, record_of)


def _pages(
    portions: Iterator[Portion], request: ReadRequest, record_of: Callable[[Item], Record]
) -> Iterator[Page]:
    for portion in portions:
        yield Page(
            records=chosen([record_of(item) for item in portion.items], request.fields),
            cursor={} if portion.place is None else {"place": portion.place},
            complete=portion.place is None,
        )


def _named(client: HttpClient, settings: GitHubSettings, request: ReadRequest) -> Iterator[Portion]:
    names, done = settings.repositories, (_place(request) or {}).get("done", 0)
    while done < len(names):
        some = names[done : done + PER_PAGE]
        items = [client.get(f"/repos/{name}").json() for name in some]
        done += len(some)
        yield Portion(items, None if done >= len(names) else {"done": done})


def _profile(client: HttpClient, member: Item) -> Item:
    answer = client.get(f"/users/{member['login']}", accepted=ABSENT)
    profile: Item = {} if answer.status in ABSENT else answer.json()
    return profile


def _place(request: ReadRequest) -> dict[str, Any] | None:
    return (request.cursor or {}).get("place")
