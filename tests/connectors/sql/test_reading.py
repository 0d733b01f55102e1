"""Reads go on behind a row, inside their bounds, whatever the rows look like."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coworker_pipelines.connectors.sql import reading
from coworker_pipelines.connectors.sql.connector import SqlConnector
from coworker_pipelines.connectors.sql.settings import TableSettings
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.conformance import Planted
from coworker_pipelines.sdk.conformance.planting import spread
from coworker_pipelines.sdk.conformance.reading import (
    bytes_of,
    key_of,
    read_pages,
    records_of,
    request,
    through_json,
)
from coworker_pipelines.sdk.page import Page
from tests.connectors.sql.conftest import sqlite_url
from tests.connectors.sql.planting import connector_for, execute, insert, plant, settings_for

WINDOW = Window(2026, 1)
_AFFIXES = st.sampled_from(("", "a", "A", "ä", "_", " ", "a b", "aB", "Z", "-", "0"))


@settings(max_examples=15, deadline=None)
@given(
    rows=st.sets(
        st.tuples(st.integers(0, 3), _AFFIXES, st.integers(-2, 2), st.booleans()),
        min_size=1,
        max_size=60,
    ),
    border=st.integers(0, 59),
)
def test_a_position_behind_any_row_splits_the_rows(
    module_database_url: str, rows: set[tuple[int, str, int, bool]], border: int
) -> None:
    """With equal cursor values on both sides of the border, and keys of several columns."""
    with TemporaryDirectory() as folder:
        for url in (sqlite_url(Path(folder) / "test.db"), module_database_url):
            _plant_keys(url, rows)
            connector = connector_for(url, things=TableSettings(cursor_field="position"))
            _require_split(connector, border % len(rows), len(rows))


def _plant_keys(url: str, rows: set[tuple[int, str, int, bool]]) -> None:
    execute(
        url,
        "DROP TABLE IF EXISTS things",
        "CREATE TABLE things (position int NOT NULL, name varchar(9) NOT NULL,"
        " number int NOT NULL, flag boolean NOT NULL, PRIMARY KEY (flag, name, number, position))",
    )
    names = ("position", "name", "number", "flag")
    insert(url, "things", [dict(zip(names, row, strict=True)) for row in rows])


def _require_split(connector: SqlConnector, border: int, count: int) -> None:
    stream = connector.discover().stream("things")
    whole = records_of(read_pages(connector, request(stream, WINDOW)))
    assert len({key_of(stream, record) for record in whole}) == len(whole) == count
    row = whole[border]
    cursor = {"after": [row["position"], row["flag"], row["name"], row["number"]]}
    rest = records_of(read_pages(connector, request(stream, WINDOW, cursor=through_json(cursor))))
    assert list(map(bytes_of, rest)) == list(map(bytes_of, whole[border + 1 :]))


@pytest.mark.parametrize(
    ("declared", "written"),
    (
        ("uuid", "md5(n::text)::uuid"),
        ("numeric(20, 3)", "n - 100.125"),
        ("timestamptz", "'2026-01-01'::timestamptz + n * interval '1 us'"),
        ("timestamp", "'0001-01-01 BC'::timestamp + n * interval '1 year'"),
        ("date", "'2026-01-01'::date + n"),
        ("bytea", r"decode(lpad(to_hex(n), 4, '0'), 'hex')"),
        ("time", "'00:00'::time + n * interval '1 us'"),
        ("char(9)", "'k' || n"),
        ("text", "'k' || n"),
        ("size", "(ARRAY['small', 'large', 'huge']::size[])[n]"),
        ("amount", "n / 4.0"),
        ("bigint", "9223372036854775807 - n"),
    ),
)
def test_keys_of_every_type_go_on(postgres_url: str, declared: str, written: str) -> None:
    count = 3 if declared == "size" else 260
    execute(
        postgres_url,
        "CREATE TYPE size AS ENUM ('small', 'large', 'huge')",
        "CREATE DOMAIN amount AS numeric(10, 2)",
        f"CREATE TABLE things (id {declared} PRIMARY KEY)",
        f"INSERT INTO things SELECT {written} FROM generate_series(1, {count}) n",  # noqa: S608
    )
    connector = connector_for(postgres_url)
    stream = connector.discover().stream("things")
    pages = read_pages(connector, request(stream, WINDOW))
    whole = records_of(pages)
    rest = read_pages(connector, request(stream, WINDOW, cursor=through_json(pages[0].cursor)))

    assert len(whole) == count
    assert [*pages[0].records, *records_of(rest)] == whole


def test_a_sync_that_was_narrowed_hides_nothing_from_the_next(either_url: str) -> None:
    plant(either_url, Planted(records=310, instants=spread(WINDOW, 31)))
    connector = connector_for(either_url)
    stream = connector.discover().stream("tickets")
    middle = datetime(2026, 1, 10, tzinfo=UTC)
    late = datetime(2026, 1, 20, tzinfo=UTC)

    narrow = read_pages(connector, request(stream, WINDOW, since=middle, until=late))
    narrowed = through_json(narrow[-1].cursor)
    later = read_pages(connector, request(stream, WINDOW, since=late, cursor=narrowed))
    whole = read_pages(connector, request(stream, WINDOW, cursor=narrowed))
    onwards = read_pages(connector, request(stream, WINDOW, since=middle, cursor=narrowed))

    assert 0 < len(records_of(narrow)) < 310
    assert records_of(later) == records_of(onwards)
    assert len(records_of(narrow)) + len(records_of(later)) < len(records_of(whole)) == 310
    skipped = through_json(_first(connector, stream, since=late).cursor)
    assert len(records_of(read_pages(connector, request(stream, WINDOW, cursor=skipped)))) == 310


def test_what_is_written_behind_the_cursor_is_read_next(either_url: str) -> None:
    plant(either_url, Planted(records=10, instants=(datetime(2026, 1, 5, tzinfo=UTC),)))
    connector = connector_for(either_url)
    stream = connector.discover().stream("tickets")
    cursor = read_pages(connector, request(stream, WINDOW))[-1].cursor
    execute(
        either_url,
        "UPDATE tickets SET updated_at = '2026-01-06 00:00:00' WHERE id = 7919",
        "INSERT INTO tickets (id, updated_at) VALUES (1000004, '2026-01-05 00:00:00')",
    )

    read = records_of(read_pages(connector, request(stream, WINDOW, cursor=through_json(cursor))))

    assert [record["id"] for record in read] == [1000004, 7919]


def test_pages_stay_small_where_rows_are_large(either_url: str) -> None:
    execute(either_url, "CREATE TABLE things (id int PRIMARY KEY, content text)")
    size = reading.PAGE_BYTES // 10
    insert(either_url, "things", [{"id": n, "content": "x" * size} for n in range(60)])
    connector = connector_for(either_url)

    pages = read_pages(connector, request(connector.discover().stream("things"), WINDOW))

    assert len(records_of(pages)) == 60
    for page in pages:
        assert len(orjson.dumps(list(page.records))) < 1.3 * reading.PAGE_BYTES


def test_a_source_is_asked_for_the_selected_columns_alone(postgres_url: str) -> None:
    """The other column could not be read: whoever asks for it fails."""
    execute(
        postgres_url,
        "CREATE TABLE numbers (id int PRIMARY KEY, divisor int NOT NULL)",
        "INSERT INTO numbers VALUES (1, 0)",
        "CREATE VIEW things AS SELECT id, 1 / divisor AS share FROM numbers",
    )
    connector = connector_for(postgres_url, things=TableSettings(primary_key=("id",)))
    stream = connector.discover().stream("things")

    asked = request(stream, WINDOW, fields=frozenset({"id"}))
    assert records_of(read_pages(connector, asked)) == [{"id": 1}]
    with pytest.raises(TenantActionError):
        read_pages(connector, request(stream, WINDOW))


@pytest.mark.parametrize(
    ("rows", "says"),
    (((("a", 1), ("a", 2)), "not unique"), (((None, 1), ("a", 2)), "NULL")),
)
def test_a_claimed_key_that_is_none_is_refused(
    either_url: str, rows: Sequence[tuple[Any, int]], says: str
) -> None:
    execute(either_url, "CREATE TABLE things (name text, number int)")
    insert(either_url, "things", [{"name": name, "number": number} for name, number in rows])
    connector = connector_for(either_url, things=TableSettings(primary_key=("name",)))

    with pytest.raises(TenantActionError, match=says):
        read_pages(connector, request(connector.discover().stream("things"), WINDOW))


def test_a_column_that_is_gone_is_passed_over_unless_it_is_needed(either_url: str) -> None:
    plant(either_url, Planted(records=2, instants=(WINDOW.start_at,)))
    connector = connector_for(either_url)
    stream = connector.discover().stream("tickets")

    execute(either_url, "ALTER TABLE tickets DROP COLUMN title")
    records = records_of(read_pages(connector, request(stream, WINDOW)))
    assert records[0].keys() == stream.field_names - {"title"}

    execute(either_url, "ALTER TABLE tickets DROP COLUMN updated_at")
    with pytest.raises(TenantActionError, match="no column 'updated_at' any more"):
        read_pages(connector, request(stream, WINDOW))

    execute(either_url, "DROP TABLE tickets")
    with pytest.raises(TenantActionError, match="no table 'tickets'"):
        read_pages(connector, request(stream, WINDOW))


def test_rows_without_a_cursor_value_are_passed_over(either_url: str) -> None:
    execute(either_url, "CREATE TABLE things (id int PRIMARY KEY, position int)")
    insert(either_url, "things", [{"id": n, "position": n % 2 or None} for n in range(6)])
    connector = connector_for(either_url, things=TableSettings(cursor_field="position"))

    pages = read_pages(connector, request(connector.discover().stream("things"), WINDOW))

    assert [record["id"] for record in records_of(pages)] == [1, 3, 5]


def test_reading_cannot_write(postgres_url: str) -> None:
    """A view may call what writes; the transaction does not let it."""
    execute(
        postgres_url,
        "CREATE TABLE traces (id int)",
        "CREATE FUNCTION trace() RETURNS int LANGUAGE sql AS"
        " 'INSERT INTO traces VALUES (1) RETURNING id'",
        "CREATE VIEW things AS SELECT trace() AS id",
    )
    connector = connector_for(postgres_url, things=TableSettings(primary_key=("id",)))

    with pytest.raises(TenantActionError, match="refuses to be read"):
        read_pages(connector, request(connector.discover().stream("things"), WINDOW))


def test_a_read_that_is_left_leaves_no_connection(postgres_url: str) -> None:
    plant(postgres_url, Planted(records=3_000, instants=spread(WINDOW, 100)))
    connector = SqlConnector(settings_for(postgres_url))
    pages = connector.read(request(connector.discover().stream("tickets"), WINDOW))
    next(pages)
    connector.close()

    # Refused while anybody else is connected to it.
    execute(postgres_url, "DROP TABLE tickets")
    assert not list(pages)


def _first(connector: SqlConnector, stream: Any, *, since: datetime) -> Page:
    asked = request(stream, WINDOW, since=since, until=since + timedelta(days=5))
    return read_pages(connector, asked)[0]
