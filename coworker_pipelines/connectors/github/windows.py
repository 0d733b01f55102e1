"""Streams that are read by time: one pass over all repositories."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from coworker_pipelines.connectors.github.lists import Portion
from coworker_pipelines.connectors.github.passes import Pass, Place, next_pass
from coworker_pipelines.connectors.github.repositories import Repositories, Repository
from coworker_pipelines.sdk.http.client import HttpClient
from coworker_pipelines.sdk.page import Page, ReadRequest, Record

SECOND: Final = timedelta(seconds=1)
"""What GitHub's times are counted in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Half-open, in the stream's time."""

    since: datetime
    until: datetime

    def holds(self, text: str) -> bool:
        return self.since <= moment(text) < self.until


class Reading(ABC):
    """How one stream is read from one repository."""

    def span(self, step: Pass, repository: Repository) -> Span | None:
        """What of it is to be read; ``None``: nothing."""
        since = step.read_from(repository)
        return Span(since=since, until=step.until) if since < step.until else None

    @abstractmethod
    def portions(
        self, client: HttpClient, repository: Repository, span: Span, place: Place | None
    ) -> Iterator[Portion]:
        """Records as portions; a read from any portion's place gives what followed it."""


def read_window(
    client: HttpClient, repositories: Repositories, request: ReadRequest, reading: Reading
) -> Iterator[Page]:
    """Pages from one repository after the other; the last one is empty."""
    step = next_pass(request.cursor, since=request.since, until=request.until, now=repositories)
    for repository, place in step.left(repositories):
        span = reading.span(step, repository)
        if span is None:
            continue
        for portion in reading.portions(client, repository, span, place):
            step = step.at(repository, portion.place)
            if portion.items:
                yield Page(records=chosen(portion.items, request.fields), cursor=step.to_cursor())
    yield Page(records=(), cursor=step.finished().to_cursor())


def chosen(records: list[Record], fields: frozenset[str]) -> list[Record]:
    """The records with the selected fields alone."""
    return [{name: value for name, value in record.items() if name in fields} for record in records]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def as_text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
