"""Which tables become streams, and of what mode."""

import logging
from typing import Any

import pytest
from sqlalchemy import make_url

from coworker_pipelines.connectors.sql.connector import SqlConnector
from coworker_pipelines.connectors.sql.settings import TableSettings
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.conformance.reading import read_pages, records_of, request
from coworker_pipelines.sdk.stream import IdentifierKind, Stream, SyncMode
from tests.connectors.sql.planting import connector_for, execute, insert, settings_for

WINDOW = Window(2026, 1)


def test_tables_and_views_are_streams_if_their_rows_have_a_key(
    either_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    execute(
        either_url,
        "CREATE TABLE keyed (a int NOT NULL, b int NOT NULL, PRIMARY KEY (b, a))",
        "CREATE TABLE uniquely (a int UNIQUE, b int NOT NULL, c int NOT NULL, UNIQUE (c, b))",
        "CREATE TABLE keyless (a int)",
        "CREATE VIEW seen AS SELECT a, b FROM keyed",
        "CREATE VIEW claimed AS SELECT a, b FROM keyed",
        "CREATE TABLE floating (a float PRIMARY KEY)",
    )
    connector = connector_for(either_url, claimed=TableSettings(primary_key=("a",)))

    with caplog.at_level(logging.WARNING):
        catalog = connector.discover()

    assert {stream.name: stream.primary_key for stream in catalog} == {
        "claimed": ("a",),
        "keyed": ("b", "a"),
        "uniquely": ("c", "b"),
    }
    left_out = [line for line in caplog.messages if "table_left_out" in line]
    assert sorted(line.partition("table=")[2].split()[0] for line in left_out) == [
        "'floating'",
        "'keyless'",
        "'seen'",
    ]


@pytest.mark.parametrize(
    ("columns", "mode", "cursor", "created"),
    (
        ("updated_at timestamp NOT NULL", SyncMode.WINDOW, "updated_at", None),
        ("Modified_At timestamp NOT NULL, created timestamp", SyncMode.WINDOW, None, "created"),
        ("updated_at timestamp", SyncMode.SNAPSHOT, None, None),
        ("updated_at int NOT NULL", SyncMode.SNAPSHOT, None, None),
        ("created_at timestamp NOT NULL", SyncMode.SNAPSHOT, None, "created_at"),
        (
            "changed timestamp NOT NULL, last_modified timestamp NOT NULL",
            SyncMode.WINDOW,
            "last_modified",
            None,
        ),
    ),
)
def test_a_cursor_is_found_by_its_name_and_type(
    either_url: str, columns: str, mode: SyncMode, cursor: str | None, created: str | None
) -> None:
    stream = _discovered(either_url, columns)

    assert (stream.mode, stream.created_field) == (mode, created)
    assert stream.time_field == stream.cursor_field
    if cursor is not None:
        assert stream.cursor_field == cursor


def test_settings_go_before_what_is_found(either_url: str) -> None:
    columns = "n int, seen timestamp, born timestamp, updated_at timestamp NOT NULL"

    by_number = _discovered(either_url, columns, cursor_field="n", time_field="seen")
    assert (by_number.mode, by_number.time_field) == (SyncMode.SEQUENCE, "seen")

    by_time = _discovered(either_url, columns, cursor_field="seen", created_field="born")
    assert (by_time.mode, by_time.cursor_field) == (SyncMode.WINDOW, "seen")
    assert by_time.created_field == "born"

    assert _discovered(either_url, columns, snapshot=True).mode is SyncMode.SNAPSHOT
    with pytest.raises(TenantActionError, match="cannot be its cursor_field"):
        _discovered(either_url, "share float", cursor_field="share")


def test_columns_that_say_who_a_person_is_are_marked(either_url: str) -> None:
    stream = _discovered(
        either_url,
        "Email text, full_name text, user_id int, mobile text, login text, handle text, title text",
        identifiers={"handle": IdentifierKind.LOGIN, "login": IdentifierKind.USER_ID},
    )

    assert {field.name.lower(): field.identifier for field in stream.fields} == {
        "id": None,
        "email": IdentifierKind.EMAIL,
        "full_name": IdentifierKind.NAME,
        "user_id": IdentifierKind.USER_ID,
        "mobile": IdentifierKind.PHONE,
        "login": IdentifierKind.USER_ID,
        "handle": IdentifierKind.LOGIN,
        "title": None,
    }


def test_only_the_chosen_schemas_are_offered_and_read(database_url: str) -> None:
    execute(
        database_url,
        'CREATE SCHEMA "the shop"',
        "CREATE SCHEMA hidden",
        "CREATE TABLE things (id int PRIMARY KEY)",
        'CREATE TABLE "the shop".things (id int PRIMARY KEY)',
        "CREATE TABLE hidden.things (id int PRIMARY KEY)",
        'INSERT INTO "the shop".things VALUES (7)',
    )
    connector = SqlConnector(settings_for(database_url, schemas=("the shop", "public")))
    catalog = connector.discover()

    assert sorted(stream.name for stream in catalog) == ["the shop.things", "things"]
    asked = request(catalog.stream("the shop.things"), WINDOW)
    assert records_of(read_pages(connector, asked)) == [{"id": 7}]
    with pytest.raises(TenantActionError, match=r"no table 'the shop\.things'"):
        read_pages(connector_for(database_url), asked)


def test_a_table_that_may_not_be_read_is_not_offered(database_url: str) -> None:
    """Its grants are asked, since reflection shows it all the same."""
    role = f"reader_{make_url(database_url).database}"
    execute(
        database_url,
        "CREATE TABLE open (id int PRIMARY KEY)",
        "CREATE TABLE closed (id int PRIMARY KEY)",
        f"CREATE ROLE {role} LOGIN PASSWORD 'pw-reader-1'",
        f"GRANT SELECT ON open TO {role}",
    )
    try:
        url = make_url(database_url).set(username=role, password="pw-reader-1")
        connector = connector_for(url.render_as_string(hide_password=False))
        stream = connector.discover().stream("open")
        assert [found.name for found in connector.discover()] == ["open"]
        execute(database_url, f"REVOKE ALL ON open FROM {role}")
        with pytest.raises(TenantActionError, match="no permission"):
            read_pages(connector, request(stream, WINDOW))
    finally:
        execute(database_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_partitions_are_read_with_their_table(postgres_url: str) -> None:
    execute(
        postgres_url,
        "CREATE TABLE things (id int PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE things_1 PARTITION OF things FOR VALUES FROM (0) TO (10)",
        "INSERT INTO things VALUES (7)",
    )
    connector = connector_for(postgres_url)
    catalog = connector.discover()

    assert [stream.name for stream in catalog] == ["things"]
    asked = request(catalog.stream("things"), WINDOW)
    assert records_of(read_pages(connector, asked)) == [{"id": 7}]


def test_names_of_any_letters_are_read(either_url: str) -> None:
    table, column = 'a%b ("c")', "100% :x 'y' {z}"
    quoted = ['"' + name.replace('"', '""').replace("%", "%%") + '"' for name in (table, column)]
    if either_url.startswith("sqlite"):
        quoted = [name.replace("%%", "%") for name in quoted]
    execute(either_url, "CREATE TABLE {} ({} int PRIMARY KEY)".format(*quoted))
    insert(either_url, table, [{column: n} for n in range(3)])
    connector = connector_for(either_url)
    stream = connector.discover().stream(table)

    asked = request(stream, WINDOW, cursor={"after": [0]})
    assert records_of(read_pages(connector, asked)) == [{column: 1}, {column: 2}]


def test_a_broken_view_spoils_itself_alone(file_url: str) -> None:
    execute(
        file_url,
        "CREATE TABLE gone (id integer PRIMARY KEY)",
        "CREATE TABLE things (id integer PRIMARY KEY)",
        "CREATE VIEW broken AS SELECT id FROM gone",
        "DROP TABLE gone",
    )

    assert [stream.name for stream in connector_for(file_url).discover()] == ["things"]


@pytest.mark.parametrize(
    ("times", "mode"),
    (
        ((), SyncMode.WINDOW),
        (("2026-01-05 00:00:00", "2026-01-06 00:00:00.5"), SyncMode.WINDOW),
        (("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z"), SyncMode.WINDOW),
        (("2026-01-05T00:00:00.000Z", "2026-01-06T00:00:00.999Z"), SyncMode.WINDOW),
        (("2026-01-05T00:00:00+00:00", "2026-01-06T00:00:00.9+00:00"), SyncMode.WINDOW),
        (("2026-01-05T00:00:00Z", "2026-01-06T00:00:00.5Z"), SyncMode.SNAPSHOT),
        (("2026-01-05 00:00:00", "2026-01-06T00:00:00"), SyncMode.SNAPSHOT),
        (("2026-01-05 00:00:00", "2026-01-06 00:00:00+01:00"), SyncMode.SNAPSHOT),
        (("2026-01-05 00:00:00", "2026-01-06 00:00:00.1234567"), SyncMode.SNAPSHOT),
        (("2026-01-05 00:00:00+02:00",), SyncMode.SNAPSHOT),
        (("2026-01-05",), SyncMode.SNAPSHOT),
        ((1767225600,), SyncMode.SNAPSHOT),
    ),
)
@pytest.mark.parametrize("declared", ("text", "datetime"))
def test_times_of_sqlite_are_a_cursor_if_they_are_written_alike(
    file_url: str, declared: str, times: tuple[Any, ...], mode: SyncMode
) -> None:
    execute(
        file_url, f"CREATE TABLE things (id integer PRIMARY KEY, updated_at {declared} NOT NULL)"
    )
    insert(file_url, "things", [{"id": n, "updated_at": at} for n, at in enumerate(times)])
    connector = connector_for(file_url)
    stream = connector.discover().stream("things")
    middle = WINDOW.start_at.replace(day=5, microsecond=1)

    early = records_of(read_pages(connector, request(stream, WINDOW, until=middle)))
    late = records_of(read_pages(connector, request(stream, WINDOW, since=middle)))

    assert stream.mode is mode
    if mode is SyncMode.WINDOW:
        assert [len(early), len(late)] == ([1, 1] if times else [0, 0])


def test_a_cursor_that_is_written_otherwise_later_is_refused(file_url: str) -> None:
    execute(file_url, "CREATE TABLE things (id integer PRIMARY KEY, updated_at text NOT NULL)")
    connector = connector_for(file_url)
    stream = connector.discover().stream("things")
    execute(file_url, "INSERT INTO things VALUES (1, '2026-01-05T00:00:00+05:30')")

    with pytest.raises(TenantActionError, match="all written alike"):
        read_pages(connector, request(stream, WINDOW))


def _discovered(url: str, columns: str, **own: Any) -> Stream:
    execute(url, "DROP TABLE IF EXISTS things")
    execute(url, f"CREATE TABLE things (id int PRIMARY KEY, {columns})")
    return connector_for(url, things=TableSettings(**own)).discover().stream("things")
