"""One list of the API, read to its end though it changes meanwhile.

Lists are paged by number: what is deleted, or moves away, from a page that was read pulls what
follows one place forward, past the border, and a reader never sees it. In a snapshot it would
then be taken for deleted. So behind each page the one before it is asked for again, on
condition that it has changed: as long as it has not, nothing slipped by. The answer "not
modified" costs no part of the hourly rate.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from coworker_pipelines.connectors.github.failures import ABSENT, skip_absent
from coworker_pipelines.connectors.github.passes import Place
from coworker_pipelines.connectors.github.repositories import Repository
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError
from coworker_pipelines.sdk.http.answers import Answer
from coworker_pipelines.sdk.http.client import HttpClient

RESTARTS_MAX: Final = 5
PAGES_MAX: Final = 10_000

Query = Mapping[str, str | int]


class Portion(NamedTuple):
    """Some items of a list, and the place behind them; ``None``: it ends there."""

    items: list[dict[str, Any]]
    place: Place | None


def read_list(
    client: HttpClient,
    target: str,
    query: Query,
    *,
    place: Place | None = None,
    repository: Repository | None = None,
) -> Iterator[Portion]:
    """A whole list. If it changes under the reader, it begins again: items may come twice.

    The list of a ``repository`` is empty where that has gone meanwhile.

    Raises:
        RetryLaterError: it changes faster than it can be read.
    """
    page, restarts = (place["page"] if place else 0), 0
    while True:
        require_page(page)
        accepted = () if repository is None else ABSENT
        answer = client.get(target, {**query, "page": page + 1}, accepted=accepted)
        if repository is not None and answer.status in ABSENT:
            skip_absent(client, repository, answer)
            return
        items: list[dict[str, Any]] = answer.json()
        if page and place and not is_steady(client, target, query, place):
            page, place, restarts = 0, None, counted(restarts)
            continue
        page += 1
        place = place_behind(page, answer, items)
        yield Portion(items, place)
        if place is None:
            return


def counted(restarts: int) -> int:
    """One restart more.

    Raises:
        RetryLaterError: that is too many.
    """
    if restarts >= RESTARTS_MAX:
        raise RetryLaterError("A list on GitHub changes faster than it can be read.")
    return restarts + 1


def require_page(page: int) -> None:
    """Raise RefusedError if a list has more pages than any honest one."""
    if page > PAGES_MAX:
        raise RefusedError(f"A list on GitHub has more than {PAGES_MAX} pages.")


def place_behind(page: int, answer: Answer, items: list[dict[str, Any]]) -> Place | None:
    if answer.next_url is None or not items:
        return None
    return {"page": page, "etag": answer.etag, "last": items[-1]["id"]}


def is_steady(client: HttpClient, target: str, query: Query, place: Place) -> bool:
    """Whether the page of a place still ends with what it ended with."""
    answer = client.get(target, {**query, "page": place["page"]}, etag=place["etag"])
    if answer.is_unchanged:
        return True
    items = answer.json()
    return bool(items) and items[-1]["id"] == place["last"]
