"""Which repositories a connection reads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from coworker_pipelines.connectors.github.settings import GitHubSettings
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.sdk.http.answers import Answer
from coworker_pipelines.sdk.http.client import HttpClient

PER_PAGE: Final = 100
"""The most that the API gives at once."""
REPOSITORIES_MAX: Final = 20_000
"""They are held in memory, some 200 bytes each; larger organisations need several connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """``pushed_at`` is when any branch last moved; ``None`` where nothing was ever pushed."""

    id: int
    full_name: str
    default_branch: str
    pushed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repositories:
    """All that were there at ``listed_at`` (GitHub's clock), in the order of their ids."""

    listed_at: datetime
    all: tuple[Repository, ...]


def list_repositories(client: HttpClient, settings: GitHubSettings) -> Repositories:
    """Ask for those that the settings mean.

    Raises:
        RefusedError: there are more than can be read by one connection.
        TenantActionError: one of those that are named cannot be read.
    """
    listed_at: datetime | None = None
    found: dict[int, Repository] = {}
    for answer in _answers(client, settings):
        listed_at = listed_at or answer.date
        content = answer.json()
        for item in content if isinstance(content, list) else [content]:
            found[item["id"]] = _repository(item)
        if len(found) > REPOSITORIES_MAX:
            raise RefusedError(
                f"The organisation has more than {REPOSITORIES_MAX} repositories: make several "
                "connections, each with a list of repositories."
            )
    if listed_at is None:
        raise TenantActionError("What answers at base_url does not say what time it is: no GitHub.")
    return Repositories(listed_at=listed_at, all=tuple(found[key] for key in sorted(found)))


def organisation_query() -> Mapping[str, str | int]:
    """In the order in which they were made: a new one comes last and moves no other."""
    return {"type": "all", "sort": "created", "direction": "asc", "per_page": PER_PAGE}


def _answers(client: HttpClient, settings: GitHubSettings) -> Iterator[Answer]:
    if settings.organisation is not None:
        yield from client.pages(f"/orgs/{settings.organisation}/repos", organisation_query())
    for name in settings.repositories:
        yield client.get(f"/repos/{name}")


def _repository(item: Mapping[str, Any]) -> Repository:
    pushed_at = item.get("pushed_at")
    return Repository(
        id=item["id"],
        full_name=item["full_name"],
        default_branch=item.get("default_branch") or "",
        pushed_at=None if pushed_at is None else datetime.fromisoformat(pushed_at),
    )
