"""Checks that hold for a stream of any mode."""

from abc import ABC, abstractmethod
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from typing import Any, ClassVar

from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.conformance.facts import require_pure_facts
from coworker_pipelines.sdk.conformance.other_process import digest_elsewhere, digest_here
from coworker_pipelines.sdk.conformance.planting import Planted, spread
from coworker_pipelines.sdk.conformance.reading import (
    as_moment,
    bytes_of,
    key_of,
    read_pages,
    records_of,
    request,
    through_json,
)
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.page import Cursor, Page, Record
from coworker_pipelines.sdk.stream import Stream, SyncMode

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
}


class StreamConformance(ABC):
    """Inherit it, name a stream and a window, and say how a source is made and opened.

    ``few`` records fill at least three pages; ``many`` are more than a source gives at once.
    ``resumes_max`` bounds how many page borders are tried; they are spread over the read.
    """

    stream: ClassVar[str]
    window: ClassVar[Window]
    few: ClassVar[int] = 2_500
    many: ClassVar[int] = 10_050
    resumes_max: ClassVar[int] = 20
    chooses_fields: ClassVar[bool] = True
    """Whether the connector promises to deliver selected fields only."""

    @abstractmethod
    def open(self, planted: Planted) -> Connector[Any]:
        """A fresh connector on a source that holds exactly that in the stream."""

    def test_discovery_agrees_with_the_records(self) -> None:
        planted = self._few()
        stream = self._stream(planted)
        records = records_of(self._read(planted, stream))
        assert len(records) == planted.records, (
            f"The source holds {planted.records} records, and {len(records)} are read."
        )
        seen: set[str] = set()
        for record in records:
            seen |= record.keys()
            _require_agreement(stream, record)
        unknown, missing = seen - stream.field_names, stream.field_names - seen
        assert not unknown, f"Records have fields that the stream does not name: {sorted(unknown)}."
        assert not missing, f"The stream names fields that no record has: {sorted(missing)}."
        keys = {key_of(stream, record) for record in records}
        assert len(keys) == len(records), "Two records have the same primary key."

    def test_discovery_is_the_same_twice(self) -> None:
        planted = self._few()
        first, second = self._catalog(planted), self._catalog(planted)
        assert first == second, "Two discoveries of one source differ."
        with closing(self.open(planted)) as connector:
            fixed = type(connector).fixed_streams
        assert not fixed or set(fixed) == set(first), "Discovery differs from the fixed streams."

    def test_a_read_resumes_at_every_page_border(self) -> None:
        planted = self._few()
        stream = self._stream(planted)
        pages = self._read(planted, stream)
        assert len(pages) > 2, f"The case is too small: {len(pages)} pages have no border inside."  # noqa: PLR2004
        borders = range(len(pages) - 1)
        for border in borders[:: max(1, len(borders) // self.resumes_max)]:
            rest = self._read(planted, stream, cursor=through_json(pages[border].cursor))
            expected = [bytes_of(record) for record in records_of(pages[border + 1 :])]
            actual = [bytes_of(record) for record in records_of(rest)]
            assert actual == expected, (
                f"A read that goes on behind page {border + 1} of {len(pages)} gives "
                f"{len(actual)} records where {len(expected)} followed, or others."
            )

    def test_the_same_source_gives_the_same_bytes(self) -> None:
        planted = self._few()
        stream = self._stream(planted)
        asked = request(stream, self.window)
        here = digest_here(self.open(planted), asked)
        assert digest_here(self.open(planted), asked) == here, "Two reads of one source differ."
        with closing(self.open(planted)) as connector:
            for seed in (1, 2):
                assert digest_elsewhere(connector, asked, hash_seed=seed) == here, (
                    f"Another process (PYTHONHASHSEED={seed}) reads other bytes."
                )

    def test_many_records_come_once_each(self) -> None:
        planted = Planted(records=self.many, instants=spread(self.window, 97))
        stream = self._stream(planted)
        keys = [key_of(stream, record) for record in records_of(self._read(planted, stream))]
        assert self.many > 10_000, "The case is too small: many are more than 10,000."  # noqa: PLR2004
        assert len(set(keys)) == len(keys), f"{len(keys) - len(set(keys))} records come twice."
        assert len(keys) == self.many, f"Of {self.many} records {len(keys)} are read."

    def test_an_empty_source_gives_one_empty_page(self) -> None:
        planted = Planted(records=0, instants=spread(self.window, 2))
        pages = self._read(planted, self._stream(planted))
        assert not records_of(pages), "An empty source gives records."

    def test_fields_that_are_not_selected_are_not_delivered(self) -> None:
        planted = self._few()
        stream = self._stream(planted)
        optional = sorted(stream.field_names - stream.required_fields)
        whole = records_of(self._read(planted, stream))
        for chosen in (frozenset(), frozenset(optional[::2]), frozenset(optional[1::2])):
            fields = stream.required_fields | chosen
            records = records_of(self._read(planted, stream, fields=fields))
            if self.chooses_fields:
                extra = {name for record in records for name in record} - fields
                assert not extra, f"Fields that are not selected are delivered: {sorted(extra)}."
            assert [bytes_of(_only(record, fields)) for record in records] == [
                bytes_of(_only(record, fields)) for record in whole
            ], "What is selected comes out otherwise when the rest is left out."

    def test_facts_are_pure(self) -> None:
        planted = self._few()
        stream = self._stream(planted)
        records = records_of(self._read(planted, stream))
        with closing(self.open(planted)) as connector:
            for record in (*records[:200], *records[-200:]):
                require_pure_facts(type(connector), stream, record)

    def _few(self) -> Planted:
        return Planted(records=self.few, instants=spread(self.window, self.few // 3))

    def _catalog(self, planted: Planted) -> tuple[Stream, ...]:
        with closing(self.open(planted)) as connector:
            return connector.discover().streams

    def _stream(self, planted: Planted) -> Stream:
        with closing(self.open(planted)) as connector:
            return connector.discover().stream(self.stream)

    def _read(
        self,
        planted: Planted,
        stream: Stream,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        window: Window | None = None,
        cursor: Cursor | None = None,
        fields: frozenset[str] | None = None,
    ) -> list[Page]:
        asked = request(
            stream, window or self.window, since=since, until=until, cursor=cursor, fields=fields
        )
        return read_pages(self.open(planted), asked)


def _require_agreement(stream: Stream, record: Record) -> None:
    bytes_of(record)
    for name in stream.primary_key:
        assert record.get(name) is not None, f"A record has no {name}, which is part of its key."
    if stream.cursor_field is not None:
        assert record.get(stream.cursor_field) is not None, "A record has no cursor value."
        if stream.mode is SyncMode.WINDOW:
            as_moment(record[stream.cursor_field])
    for time in (stream.time_field, stream.created_field):
        if time is not None and record.get(time) is not None:
            as_moment(record[time])
    for field in stream.fields:
        _require_type(field.name, field.type, record.get(field.name))


def _require_type(name: str, declared: str, value: Any) -> None:
    allowed = _JSON_TYPES.get(declared)
    if allowed is None or value is None:
        return
    is_right = isinstance(value, allowed) and (declared == "boolean" or not isinstance(value, bool))
    # A time, a date or a UUID becomes text when it is written.
    is_text = declared == "string" and not isinstance(value, (bool, int, float, list, tuple, dict))
    assert is_right or is_text, (
        f"{name} is declared as {declared} and holds {type(value).__name__}."
    )


def _only(record: Record, fields: frozenset[str]) -> Record:
    return {name: value for name, value in record.items() if name in fields}


def borders_between_equal_values(pages: list[Page], field: str) -> int:
    """How many page borders fall between two records with the same value."""
    filled = [page for page in pages if page.records]
    return sum(
        before.records[-1][field] == after.records[0][field] for before, after in pairwise(filled)
    )
