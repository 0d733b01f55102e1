"""Reading a table: one statement, its rows in pages."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from itertools import repeat
from math import ceil
from typing import Any, Final

from sqlalchemy import Connection, CursorResult

from coworker_pipelines.connectors.sql.database import hang_up
from coworker_pipelines.connectors.sql.plan import ReadPlan, plan_read
from coworker_pipelines.connectors.sql.positions import Position, start_of
from coworker_pipelines.connectors.sql.tables import Table
from coworker_pipelines.connectors.sql.values import Converter
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.sdk.page import Page, ReadRequest, Record
from coworker_pipelines.sdk.stream import SyncMode

PAGE_BYTES: Final = 4 * 2**20
FIRST_ROWS: Final = 250
"""So many are fetched before anything is known about their size."""
GROWTH_MAX: Final = 4
FETCHED_ROWS_MAX: Final = 1_000
PAGE_ROWS: Final = 500
"""Small pages of 1 kB rows are worked on faster than those of 2,000, by up to a tenth (measured on
a busy machine); more rows are fetched at once, since a server may be far away."""
VALUE_BYTES: Final = 16
"""What a value counts for beside the length of a text."""
_TEXTS: Final = frozenset({str, bytes, type(None)})

Row = Sequence[Any]


def read_table(
    connection: Connection, table: Table, request: ReadRequest, *, key_is_claimed: bool
) -> Iterator[Page]:
    """Pages in the order of the cursor column and the key; the last one is empty.

    ``key_is_claimed``: the settings name the key, and no constraint holds the rows to it.

    Raises:
        TenantActionError: a column is gone, or the key is NULL or not unique.
    """
    plan = plan_read(connection, table, request)
    position = start_of(request, plan.ordering)
    converters, names = plan.converters(), plan.names
    with closing(_fetched(connection, plan, position)) as fetched:
        for rows in fetched:
            _require_key(plan, rows, position, key_is_claimed=key_is_claimed)
            records = _records(rows, names, converters)
            position = _behind(plan, position, rows[-1], records[-1])
            yield Page(records=records, cursor=position.to_cursor())
    yield _last_page(request, position)


def _records(
    rows: Sequence[Row], names: Sequence[str], converters: Mapping[int, Converter]
) -> list[Record]:
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for place, convert in converters.items():
        columns[place] = convert(columns[place])
    # All of it in C: there are as many columns as names, and as many values in each as rows.
    return list(map(dict, map(zip, repeat(names), zip(*columns, strict=True))))


def _fetched(
    connection: Connection, plan: ReadPlan, position: Position
) -> Generator[list[Row], None, None]:
    """The rows, as many at once as make a page, going by the size of those before."""
    statement = plan.statement(position.after)
    with connection.execute(statement, execution_options={"stream_results": True}) as result:
        try:
            yield from _chunks(result, plan)
        except GeneratorExit:
            hang_up(connection, result)
            raise


def _chunks(result: CursorResult[Any], plan: ReadPlan) -> Iterator[list[Row]]:
    count = FIRST_ROWS
    while rows := result.fetchmany(count):
        weight = _weight(rows, plan.sized_places)
        pages = ceil(weight / PAGE_BYTES)
        size = min(PAGE_ROWS, ceil(len(rows) / pages))
        for start in range(0, len(rows), size):
            yield list(rows[start : start + size])
        fitting = max(1, len(rows) * PAGE_BYTES // weight)
        count = min(FETCHED_ROWS_MAX, count * GROWTH_MAX, fitting)


def _weight(rows: Sequence[Row], sized: Sequence[int]) -> int:
    """About the bytes that the rows take."""
    texts = sum(_length([row[place] for row in rows]) for place in sized)
    return texts + VALUE_BYTES * len(rows) * len(rows[0])


def _length(values: Sequence[Any]) -> int:
    """Of a column's texts; of what is neither text nor bytes, as it would be written."""
    if not _TEXTS.issuperset(map(type, values)):
        values = [
            value if isinstance(value, (str, bytes)) else str(value)
            for value in values
            if value is not None
        ]
    return sum(map(len, filter(None, values)))


def _require_key(
    plan: ReadPlan, rows: Sequence[Row], position: Position, *, key_is_claimed: bool
) -> None:
    places = plan.key_places
    keys = [tuple(row[place] for place in places) for row in rows] if key_is_claimed else []
    nullable = [place for place in places if plan.columns[place].nullable]
    if any(row[place] is None for place in nullable for row in rows):
        raise TenantActionError(f"The key of {plan.stream.name!r} is NULL in some of its rows.")
    # In other modes the twins may be far from each other; the later one then stands.
    if plan.stream.mode is SyncMode.SNAPSHOT and (
        len(set(keys)) < len(keys) or (keys and keys[0] == position.after)
    ):
        raise TenantActionError(
            f"The primary_key that the settings give {plan.stream.name!r} is not unique."
        )


def _behind(plan: ReadPlan, position: Position, row: Row, record: Record) -> Position:
    after = tuple(row[place] for place in plan.ordering_places)
    if plan.stream.mode is not SyncMode.WINDOW:
        return Position(after=after)
    assert plan.stream.cursor_field is not None
    at = record[plan.stream.cursor_field]
    if not isinstance(at, datetime):
        raise TenantActionError(
            f"{plan.stream.cursor_field!r} of {plan.stream.name!r} holds a time that is none."
        )
    return Position(after=after, since=position.since, at=at)


def _last_page(request: ReadRequest, position: Position) -> Page:
    if request.stream.mode is not SyncMode.SNAPSHOT:
        return Page(records=(), cursor=position.to_cursor())
    # Without a position: the next snapshot begins at the beginning.
    return Page(records=(), cursor=Position().to_cursor(), complete=True)
