"""The statements that read a table. Pure.

A read is ordered by the cursor column and the key, and goes on behind a row by comparing with
its values: what was read is neither skipped nor read twice, whatever was written in between.
The comparison is spelled out column by column, because not every database compares rows.
Text is sorted and compared by the column's own collation in both places, so whatever that
collation says, the two agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, Select, TableClause, and_, bindparam, or_
from sqlalchemy.dialects import postgresql

from coworker_pipelines.connectors.sql.dialect import Dialect
from coworker_pipelines.connectors.sql.families import AnyType, Family, item_family
from coworker_pipelines.connectors.sql.positions import Values
from coworker_pipelines.connectors.sql.tables import Column, Table

NATIVE_ITEMS: Final = frozenset({Family.BOOLEAN, Family.INTEGER, Family.FLOAT, Family.BYTES})
"""Items of Postgres' arrays that the driver makes; others come as text and are converted as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Half-open bounds of the first ordering column, as the driver takes them."""

    since: Any
    until: Any


def select_rows(
    table: Table,
    columns: Sequence[Column],
    ordering: Sequence[Column],
    *,
    dialect: Dialect,
    bounds: Bounds | None,
    null_is_left_out: bool,
    after: Values | None,
) -> Select[Any]:
    """The rows behind ``after`` and inside the bounds, in order.

    ``null_is_left_out``: those whose first ordering value is NULL are not among them.

    Columns are selected without their types: values come as the driver gives them.
    """
    conditions = []
    first = _term(ordering[0], dialect)
    if bounds is not None:
        conditions += [
            first >= _value(bounds.since, ordering[0], dialect),
            first < _value(bounds.until, ordering[0], dialect),
        ]
    if null_is_left_out:
        conditions.append(first.is_not(None))
    if after is not None:
        conditions.append(_behind(ordering, after, dialect))
    return (
        sqlalchemy.select(*(_selected(column, dialect) for column in columns))
        .select_from(table_of(table))
        .where(*conditions)
        .order_by(*(_term(column, dialect) for column in ordering))
    )


def table_of(table: Table) -> TableClause:
    return sqlalchemy.table(table.name, schema=table.schema)


def _behind(ordering: Sequence[Column], after: Values, dialect: Dialect) -> ColumnElement[bool]:
    """``(a, b) > (x, y)`` as ``a >= x and (a > x or (a = x and b > y))``.

    The first part follows from the rest; it is what an index can be entered by.
    """
    terms = [_term(column, dialect) for column in ordering]
    values = [_value(value, column, dialect) for value, column in zip(after, ordering, strict=True)]
    later = [
        and_(
            *(term == value for term, value in zip(terms[:place], values[:place], strict=True)),
            terms[place] > values[place],
        )
        for place in range(len(terms))
    ]
    return and_(terms[0] >= values[0], or_(*later))


def _term(column: Column, dialect: Dialect) -> ColumnElement[Any]:
    term = sqlalchemy.column(column.name, _type_of(column, dialect))
    if dialect is Dialect.MYSQL and column.family is Family.WORD:
        # An enum is sorted by its number there and compared with a text by its word.
        return sqlalchemy.cast(term, sqlalchemy.CHAR)
    return term


def _value(value: Any, column: Column, dialect: Dialect) -> ColumnElement[Any]:
    return bindparam(None, value, type_=_type_of(column, dialect))


def _type_of(column: Column, dialect: Dialect) -> AnyType:
    """Postgres is told the type of a value; the others take it as their driver gave it."""
    if dialect in {Dialect.POSTGRESQL, Dialect.OTHER}:
        type_ = column.type
        return type_.data_type if isinstance(type_, postgresql.DOMAIN) else type_
    return sqlalchemy.types.NullType()


def _selected(column: Column, dialect: Dialect) -> ColumnElement[Any]:
    plain: ColumnElement[Any] = sqlalchemy.column(column.name)
    is_array = dialect is Dialect.POSTGRESQL and column.family is Family.ARRAY
    if is_array and item_family(column.type, dialect) not in NATIVE_ITEMS:
        # The driver knows no arrays of types that a database made itself.
        return sqlalchemy.cast(plain, sqlalchemy.ARRAY(sqlalchemy.Text)).label(column.name)
    return plain
