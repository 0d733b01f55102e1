"""Reading the connector as a sync does, one after the other."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from coworker_pipelines.connectors.github.connector import GitHubConnector
from coworker_pipelines.connectors.github.settings import GitHubSettings
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.conformance.reading import (
    read_pages,
    records_of,
    request,
    through_json,
)
from coworker_pipelines.sdk.http.client import Surroundings
from coworker_pipelines.sdk.http.limits import HttpLimits
from coworker_pipelines.sdk.page import Cursor, Page, Record
from coworker_pipelines.sdk.stream import Stream
from tests.connectors.github.planting import settings_for
from tests.fakes.github_server import FakeGitHub
from tests.fakes.github_world import FakeOrganisation, FakeRepository

WINDOW: Final = Window(2026, 1)
NOON: Final = datetime(2026, 1, 15, 12, tzinfo=UTC)
ONE_TRY: Final = HttpLimits(attempts_max=1)
AWAKE: Final = Surroundings(sleep=lambda _: None)


def minutes(count: int) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=count)


@dataclass
class Source:
    """One connection to one organisation, whose stream is synced again and again."""

    github: FakeGitHub
    organisation: FakeOrganisation
    cursor: Cursor | None = None

    @classmethod
    def on(cls, github: FakeGitHub) -> "Source":
        github.now = NOON
        return cls(github=github, organisation=github.organisation("acme"))

    @property
    def settings(self) -> GitHubSettings:
        return settings_for(self.github, self.organisation.login)

    def repository(self, name: str = "code", **values: Any) -> FakeRepository:
        return self.organisation.add_repository(name, **values)

    def connector(self, limits: HttpLimits = ONE_TRY) -> GitHubConnector:
        return GitHubConnector(self.settings, limits=limits, surroundings=AWAKE)

    def pages(self, stream: Stream, fields: frozenset[str] | None = None) -> list[Page]:
        """All pages from the cursor on; the cursor is then behind them."""
        asked = request(stream, WINDOW, cursor=self.cursor, fields=fields)
        pages = read_pages(self.connector(), asked)
        self.cursor = through_json(pages[-1].cursor)
        return pages

    def sync(self, stream: Stream, fields: frozenset[str] | None = None) -> list[Record]:
        return records_of(self.pages(stream, fields))

    def until_it_fails(self, stream: Stream, error: type[Exception]) -> list[Record]:
        """The records of the pages before a failure; the cursor is behind them."""
        records: list[Record] = []
        with closing(self.connector()) as connector:
            try:
                for page in connector.read(request(stream, WINDOW, cursor=self.cursor)):
                    records += page.records
                    self.cursor = through_json(page.cursor)
            except error:
                return records
        raise AssertionError("The read does not fail.")


def numbers(records: Sequence[Record], name: str = "number") -> list[int]:
    return [record[name] for record in records]
