"""What one read of a table will ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Select

from coworker_pipelines.connectors.sql.dialect import Dialect
from coworker_pipelines.connectors.sql.families import Family
from coworker_pipelines.connectors.sql.positions import Values
from coworker_pipelines.connectors.sql.sqlite_times import time_shape
from coworker_pipelines.connectors.sql.statements import Bounds, select_rows
from coworker_pipelines.connectors.sql.tables import Column, Table
from coworker_pipelines.connectors.sql.values import Converter, converter_of
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.sdk.page import ReadRequest
from coworker_pipelines.sdk.stream import Stream, SyncMode

log = get_logger(__name__)

_SIZED: Final = frozenset(
    {Family.TEXT, Family.BYTES, Family.JSON, Family.ARRAY, Family.OTHER, Family.DECIMAL}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan:
    """The columns of a read, those that it is ordered by, and the bounds of the first of these."""

    stream: Stream
    table: Table
    dialect: Dialect
    columns: tuple[Column, ...]
    ordering: tuple[Column, ...]
    bounds: Bounds | None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def ordering_places(self) -> tuple[int, ...]:
        """Where the ordering columns are in a row."""
        return tuple(self.columns.index(column) for column in self.ordering)

    @property
    def key_places(self) -> tuple[int, ...]:
        return tuple(self.names.index(name) for name in self.stream.primary_key)

    @property
    def sized_places(self) -> tuple[int, ...]:
        """Where the columns are whose values may be large."""
        return tuple(place for place, column in enumerate(self.columns) if column.family in _SIZED)

    def converters(self) -> dict[int, Converter]:
        """By place in a row; columns that stay as they are are missing."""
        stream = self.stream
        moments = {stream.time_field, stream.created_field}
        if stream.mode is SyncMode.WINDOW:
            moments.add(stream.cursor_field)
        found = (
            converter_of(column, self.dialect, as_moment=column.name in moments)
            for column in self.columns
        )
        return {place: convert for place, convert in enumerate(found) if convert is not None}

    def statement(self, after: Values | None) -> Select[Any]:
        return select_rows(
            self.table,
            self.columns,
            self.ordering,
            dialect=self.dialect,
            bounds=self.bounds,
            # Bounds leave it out by themselves; a key that is NULL is an error to be found.
            null_is_left_out=self.stream.mode is SyncMode.SEQUENCE and self.ordering[0].nullable,
            after=after,
        )


def plan_read(connection: Connection, table: Table, request: ReadRequest) -> ReadPlan:
    """The plan for a table as it is now. A selected column that is gone is logged and passed over.

    Raises:
        TenantActionError: a column without which a row has no place is gone, or holds no times.
    """
    stream = request.stream
    dialect = Dialect.of(connection.dialect.name)
    wanted = (request.fields & stream.field_names) | stream.required_fields
    for name in sorted(wanted - {column.name for column in table.columns}):
        if name in stream.required_fields:
            raise TenantActionError(
                f"The table {stream.name!r} has no column {name!r} any more: discover again."
            )
        log.warning("column_gone", table=stream.name, column=name)
    ordering = _columns(table, dict.fromkeys((*_cursor(stream), *stream.primary_key)))
    return ReadPlan(
        stream=stream,
        table=table,
        dialect=dialect,
        columns=tuple(column for column in table.columns if column.name in wanted),
        ordering=ordering,
        bounds=_bounds(connection, table, ordering[0], request, dialect),
    )


def _cursor(stream: Stream) -> tuple[str, ...]:
    return () if stream.cursor_field is None else (stream.cursor_field,)


def _columns(table: Table, names: Sequence[str] | dict[str, None]) -> tuple[Column, ...]:
    found = tuple(column for name in names if (column := table.column(name)) is not None)
    assert len(found) == len(names), "a column that orders a read is required"
    return found


def _bounds(
    connection: Connection, table: Table, cursor: Column, request: ReadRequest, dialect: Dialect
) -> Bounds | None:
    if request.stream.mode is not SyncMode.WINDOW:
        return None
    since, until = request.since.astimezone(UTC), request.until.astimezone(UTC)
    if dialect is Dialect.SQLITE:
        shape = time_shape(connection, table, cursor.name)
        if shape is None:
            raise TenantActionError(
                f"The column {cursor.name!r} of {request.stream.name!r} does not hold times in UTC "
                "that are all written alike: set it to be read as a snapshot."
            )
        return Bounds(since=shape.bound(since), until=shape.bound(until))
    is_local = dialect is Dialect.MYSQL or cursor.family is Family.LOCAL_MOMENT
    return (
        Bounds(since=_without_zone(since), until=_without_zone(until))
        if is_local
        else Bounds(since=since, until=until)
    )


def _without_zone(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
