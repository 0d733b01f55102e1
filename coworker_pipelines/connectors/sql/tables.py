"""The tables and views of a database, as reflection finds them."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy
from sqlalchemy import Connection, Inspector
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import NoSuchTableError, SAWarning, UnreflectableTableError

from coworker_pipelines.connectors.sql.dialect import Dialect
from coworker_pipelines.connectors.sql.failures import translated
from coworker_pipelines.connectors.sql.families import AnyType, Family, family_of
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.log import get_logger

log = get_logger(__name__)

TABLES_MAX: Final = 10_000

_HIDDEN: Final = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
    AND (c.relispartition OR NOT has_table_privilege(c.oid, 'SELECT'))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    type: AnyType
    family: Family
    nullable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table or view. ``schema`` is ``None`` in the default one.

    ``key`` is empty if none is known; else it is the primary key, else the first unique constraint
    over columns that are never NULL.
    """

    schema: str | None
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def stream_name(self) -> str:
        return self.name if self.schema is None else f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reflected:
    """What the library says of one table."""

    columns: Sequence[Mapping[str, Any]]
    primary_key: Sequence[str]
    unique: Sequence[Mapping[str, Any]]


def reflect_tables(connection: Connection, schemas: Sequence[str]) -> Iterator[Table]:
    """All tables and views of the schemas (none: the default one) that may be read, by name.

    Raises:
        TenantActionError: there is no such schema, or there are too many tables.
    """
    inspector = sqlalchemy.inspect(connection)
    count = 0
    for schema in _chosen(inspector, schemas):
        for table in _tables_of(connection, inspector, schema):
            count += 1
            if count > TABLES_MAX:
                raise TenantActionError(
                    f"The chosen schemas hold more than {TABLES_MAX} tables: name fewer of them."
                )
            yield table


def reflect_table(connection: Connection, schemas: Sequence[str], stream: str) -> Table:
    """The columns of a stream's table as they are now, without its key.

    Raises:
        TenantActionError: it is gone, or its schema is not chosen.
    """
    inspector = sqlalchemy.inspect(connection)
    dialect = Dialect.of(connection.dialect.name)
    for schema in sorted(_chosen(inspector, schemas), key=lambda name: -len(name or "")):
        name = stream if schema is None else stream.removeprefix(f"{schema}.")
        if schema is not None and name == stream:
            continue
        try:
            with _unknown_types_expected():
                columns = inspector.get_columns(name, schema)
        except NoSuchTableError:
            continue
        return Table(schema=schema, name=name, columns=_columns(columns, dialect), key=())
    raise TenantActionError(
        f"There is no table {stream!r} in the chosen schemas (any more): discover again."
    )


def _chosen(inspector: Inspector, schemas: Sequence[str]) -> list[str | None]:
    """The schemas; ``None`` for the default one."""
    if not schemas:
        return [None]
    known = set(inspector.get_schema_names())
    for schema in schemas:
        if schema not in known:
            raise TenantActionError(f"The database has no schema {schema!r}.")
    default = inspector.default_schema_name
    return [None if schema == default else schema for schema in dict.fromkeys(schemas)]


def _tables_of(connection: Connection, inspector: Inspector, schema: str | None) -> Iterator[Table]:
    dialect = Dialect.of(connection.dialect.name)
    found = (
        _found_at_once(connection, inspector, schema)
        if dialect is Dialect.POSTGRESQL
        else _found_singly(inspector, schema)
    )
    for name, reflected in sorted(found.items()):
        columns = _columns(reflected.columns, dialect)
        yield Table(
            schema=schema,
            name=name,
            columns=columns,
            key=tuple(reflected.primary_key) or _unique_key(columns, reflected.unique),
        )


def _found_at_once(
    connection: Connection, inspector: Inspector, schema: str | None
) -> dict[str, _Reflected]:
    """In a handful of statements, however many tables there are.

    Without those that we may not read, and without partitions, whose rows their table has.
    """
    hidden = {
        row.relname
        for row in connection.exec_driver_sql(_HIDDEN)
        if row.nspname == (schema or inspector.default_schema_name)
    }
    with _unknown_types_expected():
        columns = inspector.get_multi_columns(schema=schema, kind=ObjectKind.ANY)
        keys = inspector.get_multi_pk_constraint(schema=schema, kind=ObjectKind.ANY)
        unique = inspector.get_multi_unique_constraints(schema=schema, kind=ObjectKind.ANY)
    return {
        place[1]: _Reflected(
            columns=columns[place],
            primary_key=keys[place]["constrained_columns"] if place in keys else (),
            unique=unique.get(place, ()),
        )
        for place in columns
        if place[1] not in hidden
    }


def _found_singly(inspector: Inspector, schema: str | None) -> dict[str, _Reflected]:
    """One by one: a view whose table is gone, or that is closed to us, spoils itself alone."""
    found = {}
    views = inspector.get_view_names(schema)
    for name in (*inspector.get_table_names(schema), *views):
        try:
            with translated(), _unknown_types_expected():
                found[name] = _Reflected(
                    columns=inspector.get_columns(name, schema),
                    primary_key=inspector.get_pk_constraint(name, schema)["constrained_columns"],
                    unique=() if name in views else inspector.get_unique_constraints(name, schema),
                )
        except (TenantActionError, NoSuchTableError, UnreflectableTableError) as error:
            reason = str(error) if isinstance(error, TenantActionError) else "it cannot be read"
            log.warning("table_left_out", table=name, reason=reason)
    return found


def _columns(found: Sequence[Mapping[str, Any]], dialect: Dialect) -> tuple[Column, ...]:
    return tuple(
        Column(
            name=column["name"],
            type=column["type"],
            family=family_of(column["type"], dialect),
            nullable=column["nullable"],
        )
        for column in found
    )


def _unique_key(
    columns: tuple[Column, ...], constraints: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    never_null = {column.name for column in columns if not column.nullable}
    fitting = [
        tuple(constraint["column_names"])
        for constraint in constraints
        if constraint["column_names"] and never_null.issuperset(constraint["column_names"])
    ]
    return min(fitting, key=lambda names: (len(names), names), default=())


@contextmanager
def _unknown_types_expected() -> Iterator[None]:
    """A type that the library does not know is text to us, and no reason for a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        yield
