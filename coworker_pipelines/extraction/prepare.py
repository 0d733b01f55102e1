"""What a record becomes: an operation of a bulk request, or the reason why it does not."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple

import orjson

from coworker_pipelines.connections.rejected import RejectReason
from coworker_pipelines.extraction.identifiers import addresses_in, subject_key_of
from coworker_pipelines.extraction.keys import (
    document_key,
    key_text,
    microseconds,
    moment_of,
    version_of,
)
from coworker_pipelines.sdk.page import ReadRequest, Record
from coworker_pipelines.sdk.stream import IdentifierKind, Stream, SyncMode
from coworker_pipelines.segments.manifest import Manifest, WriteMode

DOCUMENT_BYTES_MAX: Final = 10 * 2**20
"""A larger record is rejected: a node takes requests of 100 MB, but not cheaply."""
PEOPLE_CACHED: Final = 20_000
_HASH_BYTES: Final = 16


class Operation(NamedTuple):
    """A document, ready to be sent: ``lines`` are its action's line and its own.

    A tuple, since one is made for every record, and a frozen dataclass takes twice the time.
    """

    key: str
    content_hash: str
    lines: bytes


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
    """A record that does not lie in the span that was asked for."""


Prepared = Operation | Rejection | Suppressed | Filtered
_SUPPRESSED: Final = Suppressed()
_FILTERED: Final = Filtered()
_VERSIONED: Final = (
    b'{"index":{"_id":%%b,"version":%%d,"version_type":"%b"}}\n{"key":%%b,"version":%%d'
)
_UNVERSIONED: Final = b'{"%b":{"_id":%%b}}\n{"key":%%b%%b'
_ENVELOPE: Final = (
    b',"content_hash":"%%b"%%b,"extracted_at":"%b","window":"%b","sync":"%b"'
    b',"subject_keys":%%b,"payload":%%b}\n'
)


class Preparation:
    """Prepares one stream's records for one manifest."""

    def __init__(
        self,
        request: ReadRequest,
        manifest: Manifest,
        *,
        subject_key: bytes,
        suppressed: Collection[str],
    ) -> None:
        stream = request.stream
        self._stream = stream
        self._fields = request.fields
        self._is_windowed = stream.mode is SyncMode.WINDOW
        self._primary_key = _values_of(stream.primary_key)
        self._subject_key = subject_key
        self._suppressed = frozenset(suppressed)
        self._subjects = Subjects(stream, subject_key)
        self._template = _template_of(manifest)
        self._is_versioned = manifest.write_mode in {WriteMode.VERSIONED, WriteMode.REWRITE}
        self._bounds = microseconds(request.since), microseconds(request.until)
        self._last_moment: datetime | None = None
        self._last_occurred = b""

    def prepare(self, record: Record) -> Prepared:
        """The record with its selected fields alone, serialised once."""
        stream = self._stream
        if not record.keys() <= self._fields:
            record = {name: record[name] for name in record if name in self._fields}
        key = self.key_of(self._primary_key(record))
        if key is None:
            return _rejection(
                record, None, RejectReason.NO_KEY, "a part of the key is missing or no text"
            )
        version: int | None = None
        occurred_at: datetime | None = None
        if stream.time_field is not None:
            occurred_at = moment_of(record.get(stream.time_field))
        if stream.cursor_field is not None:
            version = self._version(record, stream.cursor_field, occurred_at)
            if version is None:
                detail = f"{stream.cursor_field} is no time and no number"
                return _rejection(record, key, RejectReason.NO_CURSOR, detail)
            # Of a windowed stream the cursor is a time, so its version is its microseconds.
            if self._is_windowed and not self._bounds[0] <= version < self._bounds[1]:
                return _FILTERED
        try:
            payload = canonical_payload(record)
        except orjson.JSONEncodeError as error:
            # The message names a type or a rule, and never a value.
            return _rejection(record, key, RejectReason.NOT_SERIALISABLE, str(error))
        if len(payload) > DOCUMENT_BYTES_MAX:
            detail = f"{len(payload)} bytes, {DOCUMENT_BYTES_MAX} are the most"
            return _rejection(record, key, RejectReason.TOO_LARGE, detail)
        subjects = self._subjects.of(record, payload)
        if self._suppressed and not self._suppressed.isdisjoint(subjects):
            return _SUPPRESSED
        return self._operation(key, version, occurred_at, payload, subjects)

    def key_of(self, values: Sequence[Any]) -> str | None:
        """The document's key, from the primary key's values."""
        text = key_text(values)
        if text is None:
            return None
        return document_key(
            text, is_personal=self._subjects.is_personal_key, subject_key=self._subject_key
        )

    def _version(self, record: Record, field: str, occurred_at: datetime | None) -> int | None:
        if occurred_at is not None and field == self._stream.time_field:
            return microseconds(occurred_at)
        return version_of(record.get(field))

    def _operation(
        self,
        key: str,
        version: int | None,
        occurred_at: datetime | None,
        payload: bytes,
        subjects: Sequence[str],
    ) -> Operation:
        content_hash = content_hash_of(payload)
        quoted = orjson.dumps(key)
        identity: tuple[Any, ...] = (quoted, version, quoted, version)
        if not self._is_versioned:
            identity = quoted, quoted, b"" if version is None else b',"version":%d' % version
        lines = self._template % (
            *identity,
            content_hash.encode(),
            b"" if occurred_at is None else self._occurred(occurred_at),
            orjson.dumps(subjects),
            payload,
        )
        return Operation(key, content_hash, lines)

    def _occurred(self, moment: datetime) -> bytes:
        # Records come in the order of time, and many share their moment with the one before.
        if moment != self._last_moment:
            self._last_moment = moment
            self._last_occurred = b',"occurred_at":"%b"' % time_text(moment).encode()
        return self._last_occurred


class Subjects:
    """Finds the people that a stream's records are about."""

    def __init__(self, stream: Stream, subject_key: bytes) -> None:
        self._identifying = tuple(
            (field.name, field.identifier)
            for field in stream.fields
            if field.identifier not in {None, IdentifierKind.NAME}
        )
        """A name is shared by many people, so it finds nobody: it makes no subject key."""
        personal = {field.name for field in stream.fields if field.identifier is not None}
        self.is_personal_key = not personal.isdisjoint(stream.primary_key)
        self._subject_key = subject_key
        self._known = lru_cache(PEOPLE_CACHED)(self._identified)

    def of(self, record: Mapping[str, Any], payload: bytes) -> list[str]:
        """Subject keys, sorted: from identifying fields and from every address in the payload."""
        found: set[str] = set()
        addresses = 0
        for name, kind in self._identifying:
            value = record.get(name)
            if value is not None and isinstance(value, (str, int)):
                key, is_address = self._known(kind, value)
                if key is not None:
                    found.add(key)
                    addresses += is_address
        # Where each @ belongs to a field that is an address and nothing else, none is left over.
        if payload.count(b"@") != addresses:
            known = (self._known(IdentifierKind.EMAIL, one)[0] for one in addresses_in(payload))
            found.update(key for key in known if key is not None)
        return sorted(found)

    def _identified(self, kind: IdentifierKind, value: object) -> tuple[str | None, bool]:
        """Its subject key, and whether the value is one plain e-mail address."""
        text = str(value)
        is_address = (
            kind is IdentifierKind.EMAIL
            and text.isascii()
            and list(addresses_in(text.encode())) == [text]
        )
        return subject_key_of(kind, value, self._subject_key), is_address


def subject_keys_of(
    stream: Stream, record: Mapping[str, Any], payload: bytes, subject_key: bytes
) -> list[str]:
    """The same of a single record."""
    return Subjects(stream, subject_key).of(record, payload)


def canonical_payload(record: Mapping[str, Any]) -> bytes:
    """The record as JSON with sorted names: equal bytes for equal content.

    Raises:
        orjson.JSONEncodeError: it holds what is no JSON.
    """
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)


def content_hash_of(payload: bytes) -> str:
    """BLAKE2b of 16 bytes, as 32 hexadecimal digits."""
    return hashlib.blake2b(payload, digest_size=_HASH_BYTES).hexdigest()


def time_text(moment: datetime) -> str:
    """RFC 3339, UTC, with a ``Z``; microseconds where there are any."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat()[:-6] + "Z"


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


def _template_of(manifest: Manifest) -> bytes:
    """Both lines of an operation, but for what differs from record to record."""
    match manifest.write_mode:
        case WriteMode.VERSIONED:
            lines = _VERSIONED % b"external"
        case WriteMode.REWRITE:
            lines = _VERSIONED % b"external_gte"
        case WriteMode.COMPARED:
            lines = _UNVERSIONED % b"index"
        case WriteMode.CREATED:
            lines = _UNVERSIONED % b"create"
    return lines + _ENVELOPE % (
        manifest.extracted_at.encode(),
        manifest.window.key.encode(),
        manifest.sync.encode(),
    )


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
