"""What a page becomes: documents for a bulk request, and the reasons why records become none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple

import orjson

from coworker_pipelines.connections.kept_out import KeptOut, mark_of
from coworker_pipelines.connections.rejected import RejectReason
from coworker_pipelines.extraction.keys import (
    document_key,
    key_text,
    microseconds,
    moment_of,
    version_of,
    whole_number_keys,
)
from coworker_pipelines.extraction.payload import canonical_payloads, content_hash_of, time_text
from coworker_pipelines.extraction.screening import Screen
from coworker_pipelines.extraction.subjects import People, Subjects
from coworker_pipelines.sdk.page import ReadRequest, Record
from coworker_pipelines.sdk.stream import SyncMode
from coworker_pipelines.segments.manifest import Manifest, WriteMode

DOCUMENT_BYTES_MAX: Final = 10 * 2**20
"""A larger record is rejected: a node takes requests of 100 MB, but not cheaply."""
LETS_ALL_IN: Final = KeptOut()
LINE_END: Final = b"}\n"
"""What a document's line has behind its payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A record that cannot become a document; ``detail`` names fields and types, no values."""

    key: str | None
    reason: RejectReason
    detail: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A record of a person who was erased."""


@dataclass(frozen=True, slots=True)
class Filtered:
    """A record outside the span that was asked for, or that retention keeps out."""


LeftOut = Rejection | Suppressed | Filtered
_SUPPRESSED: Final = Suppressed()
_FILTERED: Final = Filtered()


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents, ready to be sent: four columns of what each consists of.

    Columns, since to make a tuple for each takes 0.3 of some 6 microseconds. A head is the action's
    line and the document's up to its payload; nothing of 1 kB is copied before its block is.
    """

    keys: list[str] = field(default_factory=list)
    content_hashes: list[str] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)

    def lines(self) -> list[bytes]:
        """Of each its action's line and its own."""
        parts = zip(self.heads, self.payloads, strict=True)
        return [head + payload + LINE_END for head, payload in parts]


@dataclass(frozen=True, slots=True)
class PreparedPage:
    """What became of a page's records: each is in one of the two, in their order."""

    documents: Documents = field(default_factory=Documents)
    left_out: list[LeftOut] = field(default_factory=list)


class _Place(NamedTuple):
    """A record's version and moment, as its action's line and its own have them."""

    action_version: bytes
    version: bytes
    occurred_at: bytes


_ACTIONS: Final = {
    WriteMode.VERSIONED: (b"index", b',"version":%d,"version_type":"external"'),
    WriteMode.REWRITE: (b"index", b',"version":%d,"version_type":"external_gte"'),
    WriteMode.COMPARED: (b"index", None),
    WriteMode.CREATED: (b"create", None),
}
_VERSION: Final = b',"version":'
_HEAD: Final = (
    b'{"%b":{"_id":%%b%%b}}\n{"key":%%b%%b,"content_hash":"%%b"%%b,"extracted_at":"%b",'
    b'"window":"%b","sync":"%b","subject_keys":%%b,"payload":'
)


class Preparation:
    """Prepares one stream's records for one manifest."""

    def __init__(
        self,
        request: ReadRequest,
        manifest: Manifest,
        *,
        subject_key: bytes,
        screen: Screen,
        kept_out: KeptOut = LETS_ALL_IN,
    ) -> None:
        stream = request.stream
        self._fields = request.fields
        self._time_field = stream.time_field
        self._cursor_field = stream.cursor_field
        self._is_windowed = stream.mode is SyncMode.WINDOW
        self._bounds = microseconds(request.since), microseconds(request.until)
        self._key_fields = stream.primary_key
        self._primary_key = _values_of(stream.primary_key)
        self._subject_key = subject_key
        self._due_before = kept_out.due_before
        # Where nothing was swept, no record is asked about.
        self._swept = kept_out.swept or None
        self._stream = stream.name
        # Where it screens nobody, no record is asked about.
        self._screen = screen or None
        self._subjects = Subjects(stream, subject_key)
        action, self._action_version = _ACTIONS[manifest.write_mode]
        self._head = _HEAD % (
            action,
            manifest.extracted_at.encode(),
            manifest.window.key.encode(),
            manifest.sync.encode(),
        )
        # Records come in the order of time, and many share their moment with the one before.
        self._last_time: object = None
        self._last_cursor: object = None
        self._last_place = self._place_of(None, None)

    def prepare(self, records: Sequence[Record]) -> PreparedPage:
        """The records with their selected fields alone, each serialised once."""
        if not self._fields.issuperset(chain.from_iterable(records)):
            fields = self._fields
            records = [{name: one[name] for name in one if name in fields} for one in records]
        page = PreparedPage()
        people, keys = self._subjects.identified(records), self._keys(records)
        prepared = zip(records, keys, people, canonical_payloads(records), strict=True)
        for record, key, identified, payload in prepared:
            left_out = self._add(page.documents, record, key, identified, payload)
            if left_out is not None:
                page.left_out.append(self._masked(left_out))
        return page

    def key_of(self, values: Sequence[Any]) -> str | None:
        """The document's key, from the primary key's values."""
        text = key_text(values)
        if text is None:
            return None
        return document_key(
            text, is_personal=self._subjects.is_personal_key, subject_key=self._subject_key
        )

    def _keys(self, records: Sequence[Record]) -> Sequence[str | None]:
        if len(self._key_fields) == 1 and not self._subjects.is_personal_key:
            (name,) = self._key_fields
            keys = whole_number_keys([record.get(name) for record in records])
            if keys is not None:
                return keys
        return [self.key_of(self._primary_key(record)) for record in records]

    def _add(
        self,
        documents: Documents,
        record: Record,
        key: str | None,
        people: People,
        payload: bytes | orjson.JSONEncodeError,
    ) -> LeftOut | None:
        """The record is among the documents afterwards, or comes back as what it is instead."""
        if self._screen is not None and self._screen.leaves_out(people, key):
            return _SUPPRESSED
        if key is None:
            detail = "a part of the key is missing or no text"
            return _rejection(record, None, RejectReason.NO_KEY, detail)
        place = self._place(record)
        if place is None:
            detail = f"{self._cursor_field} is no time and no number"
            return _rejection(record, key, RejectReason.NO_CURSOR, detail)
        if isinstance(place, Filtered):
            return place
        if not isinstance(payload, bytes):
            # The message names a type or a rule, and never a value.
            return _rejection(record, key, RejectReason.NOT_SERIALISABLE, str(payload))
        if len(payload) > DOCUMENT_BYTES_MAX:
            detail = f"{len(payload)} bytes, {DOCUMENT_BYTES_MAX} are the most"
            return _rejection(record, key, RejectReason.TOO_LARGE, detail)
        people = self._subjects.mentioned(people, payload)
        if self._screen is not None and people.keys and self._screen.names_any(people.keys):
            screened = self._screen.screened(payload)
            if screened is None:
                return _SUPPRESSED
            payload, people = screened
        quoted, content_hash = orjson.dumps(key), content_hash_of(payload)
        action_version, version, occurred_at = place
        if self._swept is not None and self._was_swept(key, version, content_hash):
            return _FILTERED
        documents.keys.append(key)
        documents.content_hashes.append(content_hash)
        documents.payloads.append(payload)
        documents.heads.append(
            self._head
            % (
                *(quoted, action_version, quoted, version),
                *(content_hash.encode(), occurred_at, people.text),
            )
        )
        return None

    def _was_swept(self, key: str, version: bytes, content_hash: str) -> bool:
        content = version.removeprefix(_VERSION) or content_hash.encode()
        mark = mark_of(self._subject_key, self._stream, key, content)
        return self._swept is not None and mark in self._swept

    def _masked(self, left_out: LeftOut) -> LeftOut:
        """What is kept of a record that is rejected names nobody who was erased either."""
        if self._screen is None or not isinstance(left_out, Rejection):
            return left_out
        return replace(left_out, payload=self._screen.mask(left_out.payload))

    def _place(self, record: Record) -> _Place | Filtered | None:
        time = None if self._time_field is None else record.get(self._time_field)
        cursor = None if self._cursor_field is None else record.get(self._cursor_field)
        # The same objects: equal ones may be of different types, and only one of them a number.
        if time is not self._last_time or cursor is not self._last_cursor:
            self._last_time, self._last_cursor = time, cursor
            self._last_place = self._place_of(time, cursor)
        return self._last_place

    def _place_of(self, time: object, cursor: object) -> _Place | Filtered | None:
        """``None`` where there has to be a version, and none is."""
        moment = moment_of(time)
        due_before = self._due_before
        if due_before is not None and moment is not None and moment < due_before:
            return _FILTERED
        occurred_at = b"" if moment is None else b',"occurred_at":"%b"' % time_text(moment).encode()
        if self._cursor_field is None:
            return _Place(b"", b"", occurred_at)
        version = (
            microseconds(moment) if moment is not None and cursor is time else version_of(cursor)
        )
        if version is None:
            return None
        # Of a windowed stream the cursor is a time, so its version is its microseconds.
        if self._is_windowed and not self._bounds[0] <= version < self._bounds[1]:
            return _FILTERED
        action_version = b"" if self._action_version is None else self._action_version % version
        return _Place(action_version, b"%b%d" % (_VERSION, version), occurred_at)


def _values_of(names: tuple[str, ...]) -> Callable[[Record], Sequence[Any]]:
    if len(names) == 1:
        name = names[0]
        return lambda record: (record.get(name),)
    getter = itemgetter(*names)

    def values(record: Record) -> Sequence[Any]:
        try:
            found: tuple[Any, ...] = getter(record)
        except KeyError:
            return (None,)
        return found

    return values


def _rejection(record: Record, key: str | None, reason: RejectReason, detail: str) -> Rejection:
    return Rejection(key=key, reason=reason, detail=detail, payload=_readable(record))


def _readable(record: Record) -> bytes:
    """The record as JSON, with text in the place of what is none."""
    try:
        return orjson.dumps(
            record, default=repr, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS
        )
    except orjson.JSONEncodeError:
        return orjson.dumps({str(name): _described(value) for name, value in record.items()})


def _described(value: object) -> str:
    try:
        return ascii(value)
    except RecursionError:
        return f"a {type(value).__name__} that is nested too deep"
