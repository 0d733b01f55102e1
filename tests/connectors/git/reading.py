"""Reading a planted repository as extraction does."""

from pathlib import Path
from typing import Any

from coworker_pipelines.connectors.git.connector import GitConnector
from coworker_pipelines.connectors.git.settings import GitSettings
from coworker_pipelines.connectors.git.streams import COMMITS
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.activity import Fact
from coworker_pipelines.sdk.conformance.facts import stored_record
from coworker_pipelines.sdk.conformance.reading import (
    read_pages,
    records_of,
    request,
    through_json,
)
from coworker_pipelines.sdk.page import Cursor, Page, Record
from coworker_pipelines.sdk.stream import Stream
from tests.connectors.git.planting import Repository

JANUARY = Window(2026, 1)


def opened(source: Repository | Path | str, **settings: Any) -> GitConnector:
    place = source.path if isinstance(source, Repository) else source
    return GitConnector(GitSettings(repository=str(place), **settings))


def pages(
    source: Repository | Path | str,
    stream: Stream = COMMITS,
    *,
    window: Window = JANUARY,
    cursor: Cursor | None = None,
    fields: frozenset[str] | None = None,
) -> list[Page]:
    kept = None if cursor is None else through_json(cursor)
    return read_pages(opened(source), request(stream, window, cursor=kept, fields=fields))


def read(
    source: Repository | Path | str, stream: Stream = COMMITS, *, window: Window = JANUARY
) -> dict[str, Record]:
    """The records by their primary key."""
    records = records_of(pages(source, stream, window=window))
    return {record[stream.primary_key[0]]: record for record in records}


def facts(stream: Stream, record: Record) -> list[Fact]:
    return list(GitConnector.derive(stream, stored_record(stream, record)))
