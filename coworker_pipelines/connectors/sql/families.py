"""What a column's type means for reading it. Pure."""

from enum import StrEnum
from typing import Any, Final

from sqlalchemy import types
from sqlalchemy.dialects import mysql, postgresql

from coworker_pipelines.connectors.sql.dialect import Dialect

AnyType = types.TypeEngine[Any]


class Family(StrEnum):
    """Types whose values are sorted, converted and declared alike."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    FLOAT = "float"
    DECIMAL = "decimal"
    TEXT = "text"
    WORD = "word"
    """One of a closed set: an enum."""
    BYTES = "bytes"
    MOMENT = "moment"
    """A timestamp that is one moment everywhere."""
    LOCAL_MOMENT = "local_moment"
    """A timestamp without a zone."""
    DATE = "date"
    TIME = "time"
    DURATION = "duration"
    UUID = "uuid"
    JSON = "json"
    ARRAY = "array"
    OTHER = "other"


MOMENTS: Final = frozenset({Family.MOMENT, Family.LOCAL_MOMENT})
KEYS: Final = frozenset(Family) - {
    # A float may not equal itself behind a driver; the rest has no order that all databases keep.
    Family.FLOAT,
    Family.JSON,
    Family.ARRAY,
    Family.OTHER,
    Family.DURATION,
}
"""Families whose columns may be part of a key: a value compares and sorts alike, and comes back."""

# The first that fits counts: an enum is a text to the library, a float a number.
_FAMILIES: Final[tuple[tuple[type[AnyType], Family], ...]] = (
    (types.Enum, Family.WORD),
    (mysql.SET, Family.WORD),
    (mysql.YEAR, Family.INTEGER),
    (types.Boolean, Family.BOOLEAN),
    (types.Integer, Family.INTEGER),
    (types.Float, Family.FLOAT),
    (types.Numeric, Family.DECIMAL),
    (types.Date, Family.DATE),
    (types.Time, Family.TIME),
    (postgresql.INTERVAL, Family.DURATION),
    (types.Interval, Family.DURATION),
    (types.Uuid, Family.UUID),
    (types.JSON, Family.JSON),
    (types.ARRAY, Family.ARRAY),
    (types.LargeBinary, Family.BYTES),
    (types.BINARY, Family.BYTES),
    (types.VARBINARY, Family.BYTES),
    (mysql.TINYBLOB, Family.BYTES),
    (mysql.MEDIUMBLOB, Family.BYTES),
    (mysql.LONGBLOB, Family.BYTES),
    (types.String, Family.TEXT),
)

_JSON_TYPES: Final = {
    Family.BOOLEAN: "boolean",
    Family.INTEGER: "integer",
    Family.FLOAT: "number",
    Family.JSON: "json",
    Family.ARRAY: "array",
}


def family_of(type_: AnyType, dialect: Dialect) -> Family:
    """The family of a reflected type."""
    if isinstance(type_, postgresql.DOMAIN):
        return family_of(type_.data_type, dialect)
    if isinstance(type_, types.DateTime):
        # MySQL keeps a TIMESTAMP in UTC and shows it in the session's zone, which is ours.
        is_moment = type_.timezone or isinstance(type_, mysql.TIMESTAMP)
        return Family.MOMENT if is_moment else Family.LOCAL_MOMENT
    if dialect is Dialect.MYSQL and isinstance(type_, types.Time):
        return Family.DURATION
    for kind, family in _FAMILIES:
        if isinstance(type_, kind):
            return family
    return Family.OTHER


def item_family(type_: AnyType, dialect: Dialect) -> Family:
    """The family of an array's items."""
    if isinstance(type_, postgresql.DOMAIN):
        return item_family(type_.data_type, dialect)
    assert isinstance(type_, types.ARRAY)
    return family_of(type_.item_type, dialect)


def declared_type(family: Family, dialect: Dialect) -> str:
    """The word for it in the catalog: a JSON Schema type, or ``json`` or ``any``."""
    if dialect is Dialect.SQLITE and family in {Family.OTHER, Family.DECIMAL}:
        # A column there holds whatever was put into it.
        return "number" if family is Family.DECIMAL else "any"
    return _JSON_TYPES.get(family, "string")
