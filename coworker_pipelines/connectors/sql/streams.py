"""What a table is as a stream. Pure.

Settings go first; what they don't say is found by the names and types of the columns.
"""

from dataclasses import dataclass
from typing import Final

from coworker_pipelines.connectors.sql.dialect import Dialect
from coworker_pipelines.connectors.sql.families import KEYS, MOMENTS, Family, declared_type
from coworker_pipelines.connectors.sql.settings import TableSettings
from coworker_pipelines.connectors.sql.tables import Column, Table
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.sdk.stream import Field, IdentifierKind, Stream, SyncMode

CHANGED_NAMES: Final = (
    "updated_at",
    "modified_at",
    "last_modified_at",
    "last_modified",
    "last_updated",
    "changed_at",
    "updated_on",
    "modified_on",
    "date_modified",
    "updatedat",
    "updated",
    "modified",
    "changed",
)
"""Names of columns that say when a row was last changed; earlier ones are preferred."""
CREATED_NAMES: Final = (
    "created_at",
    "inserted_at",
    "created_on",
    "date_created",
    "createdat",
    "created",
)
_IDENTIFIERS: Final = {
    **dict.fromkeys(("email", "e_mail", "mail", "email_address"), IdentifierKind.EMAIL),
    **dict.fromkeys(("phone", "mobile", "phone_number"), IdentifierKind.PHONE),
    **dict.fromkeys(("login", "username", "user_name"), IdentifierKind.LOGIN),
    **dict.fromkeys(("user_id", "userid"), IdentifierKind.USER_ID),
    **dict.fromkeys(("name", "first_name", "last_name", "full_name"), IdentifierKind.NAME),
}
_IDENTIFIER_ENDS: Final = {
    "_email": IdentifierKind.EMAIL,
    "_phone": IdentifierKind.PHONE,
    "_login": IdentifierKind.LOGIN,
}
"""``customer_email``, ``billing_phone``: whose it is does not change what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A table that is no stream, and why."""

    reason: str


def stream_of(
    table: Table, settings: TableSettings, dialect: Dialect, times: frozenset[str]
) -> Stream | LeftOut:
    """The table's stream. ``times`` names the columns that hold nothing but times.

    Raises:
        TenantActionError: the settings name a column that is not there, or does not fit.
    """
    for name in settings.columns:
        _require(table, name)
    key = settings.primary_key or table.key
    if not key:
        return LeftOut(reason="it has no primary key: name one in the settings")
    if not all(_require(table, name).family in KEYS for name in key):
        return LeftOut(reason="its key has a type that cannot be compared safely")
    shape = _Times(table, settings, times)
    mode, cursor = shape.cursor()
    return Stream(
        name=table.stream_name,
        fields=tuple(_field(column, settings, dialect) for column in table.columns),
        primary_key=tuple(key),
        mode=mode,
        cursor_field=cursor,
        time_field=shape.time_field(mode, cursor),
        created_field=shape.created_field(cursor),
    )


@dataclass(frozen=True, slots=True)
class _Times:
    """Finds the columns that a stream goes by."""

    table: Table
    settings: TableSettings
    times: frozenset[str]

    def cursor(self) -> tuple[SyncMode, str | None]:
        if self.settings.snapshot:
            return SyncMode.SNAPSHOT, None
        name = self.settings.cursor_field
        if name is None:
            found = self._first_of(CHANGED_NAMES, never_null=True)
            return (SyncMode.WINDOW, found) if found else (SyncMode.SNAPSHOT, None)
        column = _require(self.table, name)
        if self._is_time(column):
            return SyncMode.WINDOW, name
        if column.family is Family.INTEGER:
            return SyncMode.SEQUENCE, name
        raise TenantActionError(
            f"{name!r} of {self.table.stream_name!r} cannot be its cursor_field: "
            "it is neither an integer nor a timestamp (in SQLite: always written alike)."
        )

    def time_field(self, mode: SyncMode, cursor: str | None) -> str | None:
        if self.settings.time_field is None:
            return cursor if mode is SyncMode.WINDOW else None
        return self._time_of(self.settings.time_field)

    def created_field(self, cursor: str | None) -> str | None:
        if self.settings.created_field is not None:
            return self._time_of(self.settings.created_field)
        found = self._first_of(CREATED_NAMES, never_null=False)
        return None if found == cursor else found

    def _time_of(self, name: str) -> str:
        if not self._is_time(_require(self.table, name)):
            raise TenantActionError(
                f"{name!r} of {self.table.stream_name!r} is no timestamp (in SQLite: always "
                "written alike): choose another column for its time."
            )
        return name

    def _first_of(self, names: tuple[str, ...], *, never_null: bool) -> str | None:
        by_name = {
            column.name.lower(): column
            for column in reversed(self.table.columns)
            if self._is_time(column) and not (never_null and column.nullable)
        }
        return next((by_name[name].name for name in names if name in by_name), None)

    def _is_time(self, column: Column) -> bool:
        return column.name in self.times


def time_candidates(table: Table, settings: TableSettings, dialect: Dialect) -> frozenset[str]:
    """Columns that may hold times: in SQLite texts, which have to be looked at first."""
    if dialect is not Dialect.SQLITE:
        return frozenset(column.name for column in table.columns if column.family in MOMENTS)
    named = {settings.cursor_field, settings.time_field, settings.created_field}
    return frozenset(
        column.name
        for column in table.columns
        if column.family in {*MOMENTS, Family.TEXT}
        and (column.name in named or column.name.lower() in {*CHANGED_NAMES, *CREATED_NAMES})
    )


def _field(column: Column, settings: TableSettings, dialect: Dialect) -> Field:
    identifier = settings.identifiers.get(column.name) or _identifier(column.name.lower())
    return Field(
        name=column.name,
        type=declared_type(column.family, dialect),
        identifier=identifier,
        # A schema does not say it: two columns of a row may name two people.
        person=settings.persons.get(column.name),
    )


def _identifier(name: str) -> IdentifierKind | None:
    ends = (kind for end, kind in _IDENTIFIER_ENDS.items() if name.endswith(end))
    return _IDENTIFIERS.get(name) or next(ends, None)


def _require(table: Table, name: str) -> Column:
    column = table.column(name)
    if column is None:
        raise TenantActionError(
            f"The settings name a column {name!r}, which {table.stream_name!r} does not have."
        )
    return column
