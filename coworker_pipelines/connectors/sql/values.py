"""What becomes of a database's values: JSON types, aware times, and text. Pure.

Whole columns of a page are converted, and those that need nothing are not looked at: a
function is called for a value only where its type asks for it.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any, Final

import orjson

from coworker_pipelines.connectors.sql.dialect import Dialect
from coworker_pipelines.connectors.sql.families import Family, item_family
from coworker_pipelines.connectors.sql.statements import NATIVE_ITEMS
from coworker_pipelines.connectors.sql.tables import Column

Converter = Callable[[Sequence[Any]], Sequence[Any]]
"""From the values of a column in one page to what a record holds."""

INTEGER_MIN: Final = -(2**63)
INTEGER_MAX: Final = 2**64 - 1
"""What orjson writes as a number."""
EXACT_DIGITS: Final = 15
"""So many decimal digits survive a double (C's ``DBL_DIG``)."""

NESTING_SAFE: Final = 200
"""Brackets so few cannot be nested deeper than orjson writes (254)."""

_UNTOUCHED: Final = frozenset({Family.BOOLEAN, Family.INTEGER, Family.TEXT, Family.WORD})
_PLAIN: Final = frozenset({str, int, bool, type(None)})
_DATED: Final = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII
)


def converter_of(column: Column, dialect: Dialect, *, as_moment: bool) -> Converter | None:
    """What turns the column's values into a record's; ``None`` where they stay as they are.

    ``as_moment``: a timestamp without a zone is one in UTC, since the stream goes by it.
    """
    convert = _CONVERTERS.get(column.family)
    if as_moment:
        return _moments
    if convert is not None:
        return _each(convert)
    if column.family is Family.FLOAT:
        return _floats
    if column.family is Family.ARRAY and dialect is Dialect.POSTGRESQL:
        return _each(_items(item_family(column.type, dialect)))
    if column.family is Family.BOOLEAN and dialect is Dialect.SQLITE:
        return _each(_truth)
    is_strict = dialect in {Dialect.POSTGRESQL, Dialect.MYSQL}
    return None if is_strict and column.family in _UNTOUCHED else _by_type


def plain(value: Any) -> Any:
    """A value of any driver's as a record may hold it."""
    convert = _PLAIN_TYPES.get(type(value), str)
    return value if convert is None else convert(value)


def duration(value: timedelta) -> str:
    """As ISO 8601 writes it, in days and seconds: ``P1DT2.5S``, ``-PT1S``."""
    sign = "-" if value < timedelta(0) else ""
    value = abs(value)
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    days = f"{value.days}D" if value.days else ""
    seconds = f"T{value.seconds}{fraction}S" if value.seconds or fraction or not days else ""
    return f"{sign}P{days}{seconds}"


def _by_type(values: Sequence[Any]) -> Sequence[Any]:
    if _PLAIN.issuperset(map(type, values)):
        return values
    return [plain(value) for value in values]


def _each(convert: Callable[[Any], Any]) -> Converter:
    def converted(values: Sequence[Any]) -> Sequence[Any]:
        return [None if value is None else convert(value) for value in values]

    return converted


def _moments(values: Sequence[Any]) -> Sequence[Any]:
    """Each different one is converted once: rows come in the order of time, and many share it."""
    known = {value: _moment(value) for value in set(values) if value is not None}
    return [known.get(value) for value in values]


def _floats(values: Sequence[Any]) -> Sequence[Any]:
    try:
        # What is no number minus itself is not 0, and a column may hold nothing but numbers.
        return [value if value is None or value - value == 0 else str(value) for value in values]
    except TypeError:
        return [plain(value) for value in values]


def _moment(value: Any) -> Any:
    """An aware time in UTC; what no calendar of ours holds (``infinity``) stays text."""
    moment = _read_time(value)
    if not isinstance(moment, datetime):
        return plain(moment)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _local_moment(value: Any) -> Any:
    """ISO text without an offset; with one if the value has one all the same, as SQLite's may."""
    return plain(_read_time(value))


def _read_time(value: Any) -> Any:
    if not isinstance(value, str) or _DATED.fullmatch(value) is None:
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value


def _time_text(value: datetime) -> datetime | str:
    return value.isoformat() if value.tzinfo is None else value.astimezone(UTC)


def _truth(value: Any) -> Any:
    """SQLite keeps truth as 0 and 1."""
    return bool(value) if value in {0, 1} else plain(value)


def _items(family: Family) -> Callable[[Any], Any]:
    """For an array of any number of dimensions."""
    item = _CONVERTERS.get(family, plain) if family not in NATIVE_ITEMS else plain

    def converted(value: Any) -> Any:
        if isinstance(value, list):
            return [converted(each) for each in value]
        return None if value is None else item(value)

    return converted


def _json(value: Any) -> Any:
    """The JSON itself; as text where orjson could not write it again.

    A number that 64 bits or a double do not hold exactly becomes text.
    """
    if not isinstance(value, str):
        return plain(value)
    try:
        content = json.loads(value, parse_int=_json_integer, parse_float=_json_number)
        if _is_doubtful(value):
            # One level deeper, as a field of its record.
            orjson.dumps([content])
    except (ValueError, TypeError, RecursionError):
        return value
    return content


def _is_doubtful(text: str) -> bool:
    """Whether it may hold half a character, which is no text, or be nested too deep."""
    return "\\ud" in text.lower() or text.count("[") + text.count("{") > NESTING_SAFE


def _json_integer(text: str) -> int | str:
    value = int(text)
    return value if INTEGER_MIN <= value <= INTEGER_MAX else text


def _json_number(text: str) -> float | str:
    value = float(text)
    if len(text) <= EXACT_DIGITS and "e" not in text.lower():
        return value
    return value if isfinite(value) and Decimal(repr(value)) == Decimal(text) else text


_CONVERTERS: Final[Mapping[Family, Callable[[Any], Any]]] = {
    Family.MOMENT: _moment,
    Family.LOCAL_MOMENT: _local_moment,
    Family.JSON: _json,
}

_PLAIN_TYPES: Final[Mapping[type, Callable[[Any], Any] | None]] = {
    type(None): None,
    str: None,
    bool: None,
    date: None,
    int: lambda value: value if INTEGER_MIN <= value <= INTEGER_MAX else str(value),
    float: lambda value: value if isfinite(value) else str(value),
    bytes: lambda value: b64encode(value).decode(),
    bytearray: lambda value: b64encode(value).decode(),
    memoryview: lambda value: b64encode(value).decode(),
    datetime: _time_text,
    time: lambda value: value if value.tzinfo is None else value.isoformat(),
    timedelta: duration,
    list: lambda value: [plain(item) for item in value],
    tuple: lambda value: [plain(item) for item in value],
    dict: lambda value: {str(name): plain(item) for name, item in value.items()},
}
"""By the exact type; ``None`` where the value stays. What is not here becomes its text."""
