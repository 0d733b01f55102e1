"""Streams in each mode, and a connector over pages that a test decides."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from coworker_pipelines.connections.suppression import list_of_people
from coworker_pipelines.extraction.screening import Screen
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.activity import Fact, StoredRecord
from coworker_pipelines.sdk.connector import Connector, ConnectorSettings
from coworker_pipelines.sdk.page import Page, ReadRequest
from coworker_pipelines.sdk.stream import Catalog, Field, IdentifierKind, Stream, SyncMode
from coworker_pipelines.segments.manifest import Manifest, WriteMode

WINDOW = Window(2026, 3)
SUBJECT_KEY = bytes(range(32))
NAMESPACE = "shop"
ORDERS = Stream(
    name="orders",
    fields=(
        Field(name="id", type="integer"),
        Field(name="email", type="string", identifier=IdentifierKind.EMAIL),
        Field(name="buyer", type="string", identifier=IdentifierKind.NAME),
        Field(name="login", type="integer", identifier=IdentifierKind.USER_ID),
        Field(name="note", type="string"),
        Field(name="changed_at", type="string"),
    ),
    primary_key=("id",),
    mode=SyncMode.WINDOW,
    cursor_field="changed_at",
    time_field="changed_at",
    namespace=NAMESPACE,
)
EVENTS = Stream(
    name="events",
    fields=(
        Field(name="hall", type="string"),
        Field(name="number", type="integer"),
        Field(name="at", type="string"),
        Field(name="text", type="string"),
    ),
    primary_key=("hall", "number"),
    mode=SyncMode.SEQUENCE,
    cursor_field="number",
    time_field="at",
)
SHELVES = Stream(
    name="shelves",
    fields=(Field(name="hall", type="string"), Field(name="text", type="string")),
    primary_key=("hall",),
    mode=SyncMode.SNAPSHOT,
)
PEOPLE = Stream(
    name="people",
    fields=(
        Field(name="email", type="string", identifier=IdentifierKind.EMAIL),
        Field(name="text", type="string"),
    ),
    primary_key=("email",),
    mode=SyncMode.SNAPSHOT,
)


def request_for(stream: Stream, *, leave_out: frozenset[str] = frozenset()) -> ReadRequest:
    return ReadRequest(
        stream=stream,
        fields=stream.field_names - leave_out,
        window=WINDOW,
        since=WINDOW.start_at,
        until=WINDOW.end_at,
    )


def screen_for(stream: Stream, suppressed: Iterable[str] = ()) -> Screen:
    """One that screens these subject keys alone."""
    return Screen(list_of_people(suppressed), stream, SUBJECT_KEY, handle="acme.shop")


def manifest_for(stream: Stream, mode: WriteMode | None = None) -> Manifest:
    """An empty one, of the write mode that the stream's own mode asks for."""
    if mode is None:
        is_snapshot = stream.mode is SyncMode.SNAPSHOT
        mode = WriteMode.COMPARED if is_snapshot else WriteMode.VERSIONED
    return Manifest(
        stream=stream.name,
        window=WINDOW,
        sync="y0123456789abcde",
        selection=1,
        epoch=1,
        write_mode=mode,
        extracted_at="2026-03-20T12:00:00Z",
    )


def order(number: int, **changes: Any) -> dict[str, Any]:
    """A record of ``orders`` within the window, of another person for each number."""
    return {
        "id": number,
        "email": f"person{number}@example.org",
        "buyer": f"Person {number}",
        "note": f"number {number}",
        "changed_at": f"2026-03-{number % 28 + 1:02}T08:00:00+00:00",
    } | changes


class SourceLostError(Exception):
    """The source went away in the middle of a read."""


class Settings(ConnectorSettings):
    """There is nothing to set."""


class PagesConnector(Connector[Settings]):
    """Yields pages; a cursor says how many went before. ``lost_at`` are pages that it loses.

    Each loss happens once: who asks again gets behind it.
    """

    kind: ClassVar[str] = "pages"
    description: ClassVar[str] = "Pages in memory."
    settings_type = Settings

    def __init__(self, pages: Sequence[Page], *, lost_at: Sequence[int] = ()) -> None:
        super().__init__(Settings())
        self._pages = pages
        self._lost_at = list(lost_at)
        self.requests: list[ReadRequest] = []

    def check(self) -> None:
        """It answers always."""

    def discover(self) -> Catalog:
        return Catalog((ORDERS, EVENTS, SHELVES, PEOPLE))

    def read(self, request: ReadRequest) -> Iterator[Page]:
        self.requests.append(request)
        first = 0 if request.cursor is None else int(request.cursor["page"])
        for number in range(first, len(self._pages)):
            if number in self._lost_at:
                self._lost_at.remove(number)
                raise SourceLostError
            yield replace(self._pages[number], cursor={"page": number + 1})

    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        assert stream
        assert record
        return iter(())


def page(*records: dict[str, Any], **changes: Any) -> Page:
    return Page(records=records, cursor={}, **changes)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
