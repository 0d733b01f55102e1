"""Reading a connector as extraction does, and comparing what came."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.page import PAGE_RECORDS_MAX, Cursor, Page, ReadRequest, Record
from coworker_pipelines.sdk.stream import Stream

CURSOR_BYTES_MAX: Final = 64 * 2**10
"""A cursor is kept with every segment: it must not grow with the source."""
PAGES_MAX: Final = 100_000


def request(
    stream: Stream,
    window: Window,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: Cursor | None = None,
    fields: frozenset[str] | None = None,
) -> ReadRequest:
    """A request for a whole window and all fields, but for what is given."""
    return ReadRequest(
        stream=stream,
        fields=stream.field_names if fields is None else fields,
        window=window,
        since=window.start_at if since is None else since,
        until=window.end_at if until is None else until,
        cursor=cursor,
    )


def read_pages(connector: Connector[Any], asked: ReadRequest) -> list[Page]:
    """All pages, each held to what a page promises; the connector is closed afterwards."""
    with closing(connector):
        pages = list(_held_to_its_promise(connector.read(asked)))
    assert pages, "A read gives at least one page, so that its cursor is kept."
    return pages


def records_of(pages: Sequence[Page]) -> list[Record]:
    return [record for page in pages for record in page.records]


def key_of(stream: Stream, record: Record) -> tuple[Any, ...]:
    return tuple(record.get(name) for name in stream.primary_key)


def bytes_of(record: Record) -> bytes:
    """The record as extraction hashes it.

    Raises:
        AssertionError: orjson cannot write it.
    """
    try:
        return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise AssertionError(f"A record cannot be written as JSON: {error}.") from error


def as_moment(value: Any) -> datetime:
    """A time field's value: RFC 3339 text with a zone, or an aware datetime."""
    assert isinstance(value, (str, datetime)), f"{value!r} is no time."
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise AssertionError(f"{value!r} is no RFC 3339 time.") from error
    assert moment.tzinfo is not None, f"{value!r} is a time without a zone."
    return moment.astimezone(UTC)


def through_json(cursor: Cursor) -> Cursor:
    """The cursor as it comes back from the database."""
    restored: Cursor = orjson.loads(orjson.dumps(cursor))
    return restored


def _held_to_its_promise(pages: Iterator[Page]) -> Iterator[Page]:
    for number, page in enumerate(pages):
        assert number < PAGES_MAX, f"A read gave {PAGES_MAX} pages and does not end."
        assert len(page.records) <= PAGE_RECORDS_MAX, (
            f"A page holds {len(page.records)} records; {PAGE_RECORDS_MAX} are the most."
        )
        try:
            size = len(orjson.dumps(page.cursor))
        except orjson.JSONEncodeError as error:
            raise AssertionError(f"A cursor is not JSON: {error}.") from error
        assert through_json(page.cursor) == page.cursor, "A cursor comes back changed from JSON."
        assert size <= CURSOR_BYTES_MAX, f"A cursor has {size} bytes; it must stay small."
        yield page
