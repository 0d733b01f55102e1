"""A small good connector, in memory, and bad ones: each has one defect.

The kit opens them by their settings in another process too, so the source is a function of
the settings: record ``n`` of ``records`` stands at the ``n``-th of some instants.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import count
from typing import Any, ClassVar, Final

from pydantic import field_validator

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.activity import Actor, Fact, StoredRecord, Verb
from coworker_pipelines.sdk.connector import Connector, ConnectorSettings
from coworker_pipelines.sdk.page import PAGE_RECORDS_MAX, Cursor, Page, ReadRequest, Record
from coworker_pipelines.sdk.stream import Catalog, Field, IdentifierKind, Stream, SyncMode

PAGE: Final = 400
PASSWORD: Final = "open-sesame-4711"
_FIELDS: Final = (
    Field(name="id", type="integer"),
    Field(name="at", type="string"),
    Field(name="title", type="string"),
    Field(name="author", type="string", identifier=IdentifierKind.EMAIL),
    Field(name="words", type="array"),
)
LOANS: Final = Stream(
    name="loans",
    fields=_FIELDS,
    primary_key=("id",),
    mode=SyncMode.WINDOW,
    cursor_field="at",
    time_field="at",
)
BOOKS: Final = Stream(
    name="books", fields=_FIELDS, primary_key=("id",), mode=SyncMode.SNAPSHOT, time_field="at"
)


class ShelfSettings(ConnectorSettings):
    records: int = 0
    instants: tuple[datetime, ...] = ()
    password: Secret = Secret(PASSWORD)

    @field_validator("records")
    @classmethod
    def _not_negative(cls, value: int) -> int:
        if value < 0:
            raise ValueError("It must not be negative")
        return value


class Shelf(Connector[ShelfSettings]):
    """The good one: in the order of time and id, so that a position is both."""

    kind: ClassVar[str] = "shelf"
    description: ClassVar[str] = "Books and their loans, in memory."
    fixed_streams: ClassVar[tuple[Stream, ...]] = (LOANS, BOOKS)
    settings_type = ShelfSettings

    def check(self) -> None:
        if self.settings.password.get_secret_value() != PASSWORD:
            raise TenantActionError("The shelf is locked: give the right password.")

    def discover(self) -> Catalog:
        self.check()
        return Catalog((LOANS, BOOKS))

    def read(self, request: ReadRequest) -> Iterator[Page]:
        rows = sorted(self.rows(request), key=self.place)
        after = self.position(request.cursor)
        rest = [row for row in rows if after is None or self.place(row) > after]
        for start in count(0, PAGE):
            piece, is_last = rest[start : start + PAGE], start + PAGE >= len(rest)
            is_snapshot = request.stream.mode is SyncMode.SNAPSHOT
            yield Page(
                records=[self.chosen(row, request.fields) for row in piece],
                cursor=self.cursor(piece, request, whole=is_last and is_snapshot),
                complete=self.completes(is_last=is_last) and is_snapshot,
            )
            if is_last:
                return

    def rows(self, request: ReadRequest) -> list[Record]:
        every = (self.row(number) for number in range(self.settings.records))
        if request.stream.mode is SyncMode.SNAPSHOT:
            return list(every)
        return [row for row in every if self.inside(datetime.fromisoformat(row["at"]), request)]

    def inside(self, moment: datetime, request: ReadRequest) -> bool:
        return request.since <= moment < request.until

    def row(self, number: int) -> Record:
        moment = self.settings.instants[number % len(self.settings.instants)]
        return {
            "id": number,
            "at": moment.isoformat(),
            "title": f"Volume {number}",
            "author": f"writer{number}@example.com",
            "words": ["once", "upon", "a", "time"],
        }

    def place(self, row: Record) -> tuple[Any, ...]:
        return row["at"], row["id"]

    def position(self, cursor: Cursor | None) -> tuple[Any, ...] | None:
        return tuple(cursor["after"]) if cursor and cursor["after"] else None

    def cursor(self, piece: list[Record], request: ReadRequest, *, whole: bool) -> Cursor:
        if whole:
            return {"after": None}
        return {"after": list(self.place(piece[-1]))} if piece else dict(request.cursor or _START)

    def chosen(self, row: Record, fields: frozenset[str]) -> Record:
        return {name: value for name, value in row.items() if name in fields}

    def completes(self, *, is_last: bool) -> bool:
        return is_last

    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        author = record.payload.get("author")
        assert stream.name in {fixed.name for fixed in cls.fixed_streams}
        yield Fact(
            verb=Verb.ADD,
            at=record.occurred_at,
            object_type="book",
            object_id=record.key,
            actor=Actor(kind=IdentifierKind.EMAIL, value=author) if author else None,
        )


_START: Final[Mapping[str, Any]] = {"after": None}


class LosesEqualTimes(Shelf):
    """Goes on behind the last time, and passes the rest of that second by."""

    def position(self, cursor: Cursor | None) -> tuple[Any, ...] | None:
        found = super().position(cursor)
        return None if found is None else (found[0], 10**12)


class DoublesEqualTimes(Shelf):
    """Goes on at the last time, and reads that second again."""

    def position(self, cursor: Cursor | None) -> tuple[Any, ...] | None:
        found = super().position(cursor)
        return None if found is None else (found[0], -1)


class HashOrder(Shelf):
    """Writes a set's members in the order that the process gives them."""

    def row(self, number: int) -> Record:
        row = super().row(number)
        return {**row, "words": list(set(row["words"]))}


class TimeOfReading(Shelf):
    """Two reads of the same thing are two things."""

    def row(self, number: int) -> Record:
        return {**super().row(number), "title": f"{next(_ticks)}"}


class TakesTheEndIn(Shelf):
    """A record of midnight is in both months."""

    def inside(self, moment: datetime, request: ReadRequest) -> bool:
        return request.since <= moment <= request.until


class IgnoresTheWindow(Shelf):
    def inside(self, moment: datetime, request: ReadRequest) -> bool:
        return bool(moment and request)


class GivesAllFields(Shelf):
    def chosen(self, row: Record, fields: frozenset[str]) -> Record:
        return row if fields else {}


class ForgetsAField(Shelf):
    def row(self, number: int) -> Record:
        row = super().row(number)
        del row["words"]
        return row


class AddsAField(Shelf):
    def chosen(self, row: Record, fields: frozenset[str]) -> Record:
        return {**super().chosen(row, fields), "extra": 1}


class OtherTypes(Shelf):
    def row(self, number: int) -> Record:
        return {**super().row(number), "title": number}


class SameKeys(Shelf):
    def row(self, number: int) -> Record:
        return {**super().row(number), "id": number // 2}


class NotJson(Shelf):
    def row(self, number: int) -> Record:
        return {**super().row(number), "title": object()}


class StopsEarly(Shelf):
    """Ten thousand is what the source gives at once."""

    def rows(self, request: ReadRequest) -> list[Record]:
        return super().rows(request)[:10_000]


class CursorThatGrows(Shelf):
    def cursor(self, piece: list[Record], request: ReadRequest, *, whole: bool) -> Cursor:
        seen = [row["title"] * 100 for row in piece]
        return {**super().cursor(piece, request, whole=whole), "seen": seen}


class CursorOfTuples(Shelf):
    """Comes back as something else from the database."""

    def cursor(self, piece: list[Record], request: ReadRequest, *, whole: bool) -> Cursor:
        found = super().cursor(piece, request, whole=whole)["after"]
        return {"after": found and tuple(found)}


class OneGreatPage(Shelf):
    def read(self, request: ReadRequest) -> Iterator[Page]:
        pages = list(super().read(request))
        records = [record for page in pages for record in page.records]
        assert len(records) > PAGE_RECORDS_MAX or not records
        yield Page(records=records, cursor=pages[-1].cursor, complete=pages[-1].complete)


class NoLastPage(Shelf):
    """Nothing new, and so no page and no cursor."""

    def read(self, request: ReadRequest) -> Iterator[Page]:
        return (page for page in super().read(request) if page.records)


class StartsAgain(Shelf):
    """A cursor that nobody reads."""

    def position(self, cursor: Cursor | None) -> tuple[Any, ...] | None:
        return None if cursor is not None else super().position(cursor)


class CompleteTooEarly(Shelf):
    def completes(self, *, is_last: bool) -> bool:
        return is_last or True


class NeverComplete(Shelf):
    def completes(self, *, is_last: bool) -> bool:
        return not is_last and False


class SnapshotThatEndsForEver(Shelf):
    """The next snapshot begins behind the last: all would count as gone."""

    def cursor(self, piece: list[Record], request: ReadRequest, *, whole: bool) -> Cursor:
        return super().cursor(piece, request, whole=whole and not piece)


class DiscoversOther(Shelf):
    """What it says of itself is not what it finds."""

    def discover(self) -> Catalog:
        return Catalog((LOANS, BOOKS) if next(_ticks) % 2 else (BOOKS, LOANS))


class TellsThePassword(Shelf):
    def check(self) -> None:
        secret = self.settings.password.get_secret_value()
        if secret != PASSWORD:
            raise TenantActionError(f"The right password is not {secret}.")


class ChecksNothing(Shelf):
    def check(self) -> None:
        return


class OpenSettings(ShelfSettings):
    """A password that any log may print."""

    api_key: str = ""


class ShowsItsSecret(Shelf):
    settings_type = OpenSettings


_ticks: Final = count()
