"""Which document a record is, and which version of it."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time
from typing import Any, Final
from uuid import UUID

KEY_BYTES_MAX: Final = 400
"""Elasticsearch takes ids of 512 bytes; longer keys are replaced by their hash."""
VERSION_MAX: Final = 2**63 - 1
_BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
_EDGES: Final = frozenset({MINYEAR, MAXYEAR})
_HASHED_LENGTH: Final = 32
_WHOLE_NUMBERS: Final = frozenset({int})
"""The exact type: truth is a number, too, and its text has letters."""


def key_text(values: Sequence[Any]) -> str | None:
    """The primary key as one text, different for different keys.

    ``None`` if a part is missing, or is a text that has no bytes (half of a surrogate pair). One
    value stands as it is; of several, each ``~`` and ``|`` inside is written ``~0`` and
    ``~1``, and ``|`` stands between them.
    """
    if len(values) == 1:
        return _part(values[0]) or None
    parts = []
    for value in values:
        part = _part(value)
        if part is None:
            return None
        parts.append(part.replace("~", "~0").replace("|", "~1"))
    return "|".join(parts)


def document_key(text: str, *, is_personal: bool, subject_key: bytes) -> str:
    """The document's key: the text where it names nobody and is short enough.

    A key stands in ids, logs and messages, so one that is an identifying field or holds an @
    is replaced by its keyed hash.
    """
    if is_personal or "@" in text:
        digest = hmac.digest(subject_key, b"key:" + text.encode(), "sha256")
        return f"p-{digest.hex()[:_HASHED_LENGTH]}"
    if len(text) * 4 > KEY_BYTES_MAX and len(text.encode()) > KEY_BYTES_MAX:
        return f"l-{hashlib.blake2b(text.encode(), digest_size=_HASHED_LENGTH // 2).hexdigest()}"
    return text


def whole_number_keys(values: Sequence[object]) -> list[str] | None:
    """Keys of records whose key is one whole number each; ``None`` if any is something else.

    A column at once, because that is what most keys are; such a key is its digits.
    """
    if not _WHOLE_NUMBERS.issuperset(map(type, values)):
        return None
    keys = list(map(str, values))
    return keys if max(map(len, keys), default=0) <= KEY_BYTES_MAX else None


def moment_of(value: object) -> datetime | None:
    """A time field's value as a moment; without a zone it is taken as UTC.

    ``None`` where it is no time, or one that UTC's calendar does not have (9999-12-31 in New York).
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value if value.year not in _EDGES or _is_in_calendar(value) else None
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None


def version_of(value: object) -> int | None:
    """A version that grows with the cursor field; ``None`` where the value gives none.

    A number is its own version, if it is not negative; a time is its microseconds.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= VERSION_MAX else None
    moment = moment_of(value)
    return None if moment is None else microseconds(moment)


def microseconds(moment: datetime) -> int:
    """Since the beginning of the year 1 (UTC): never negative, as versions must be."""
    span = moment - _BEGINNING
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def _is_in_calendar(moment: datetime) -> bool:
    try:
        moment.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _part(value: object) -> str | None:
    if type(value) is int:  # what most keys are, without the search through the cases
        return str(value)
    match value:
        case str():
            return value if value.isascii() or _is_unicode(value) else None
        case bool() | int() | float() | UUID():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return None


def _is_unicode(text: str) -> bool:
    """Whether it has bytes: half of a surrogate pair has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
