"""What the tests put into databases, and connectors on them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy
from sqlalchemy import NullPool, make_url

from coworker_pipelines.connectors.sql.connector import SqlConnector
from coworker_pipelines.connectors.sql.settings import SqlSettings, TableSettings
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.conformance import Planted

TABLES: Final = {"events": TableSettings(cursor_field="position")}
"""What has to be said about the planted tables."""

_PLANTED: Final = {
    "postgresql": """
        CREATE TABLE tickets (id bigint PRIMARY KEY, title text, email text,
            weight numeric(8, 2), created_at timestamptz, updated_at timestamptz NOT NULL);
        CREATE TABLE labels (space text, name text, tags text[], settings jsonb,
            PRIMARY KEY (space, name));
        CREATE TABLE events (id uuid PRIMARY KEY, position int NOT NULL, at timestamp, data bytea)
        """,
    "sqlite": """
        CREATE TABLE tickets (id integer PRIMARY KEY, title text, email text,
            weight numeric, created_at datetime, updated_at datetime NOT NULL);
        CREATE TABLE labels (space text NOT NULL, name text NOT NULL, tags text, settings json,
            PRIMARY KEY (space, name));
        CREATE TABLE events (id text NOT NULL PRIMARY KEY, position int NOT NULL, at datetime,
            data blob)
        """,
}


def plant(url: str, planted: Planted) -> None:
    """The three tables, one for each mode: ``tickets``, ``labels`` and ``events``."""
    backend = make_url(url).get_backend_name()
    execute(url, *_PLANTED[backend].split(";"))
    is_text = backend == "sqlite"
    insert(url, "tickets", list(_tickets(planted, is_text=is_text)))
    insert(url, "labels", list(_labels(planted, is_text=is_text)))
    insert(url, "events", list(_events(planted, is_text=is_text)))


def execute(url: str, *statements: str) -> None:
    """Run the statements in one transaction, over a connection of its own."""
    engine = sqlalchemy.create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def insert(url: str, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of the same columns; their values go to the driver as they are."""
    if not rows:
        return
    columns: list[sqlalchemy.ColumnClause[Any]] = [sqlalchemy.column(name) for name in rows[0]]
    engine = sqlalchemy.create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        statement = sqlalchemy.insert(sqlalchemy.table(table, *columns))
        connection.execute(statement, list(rows))


def settings_for(url: str, **form: Any) -> SqlSettings:
    """Settings for a test's own database; the password of its URL goes where it belongs."""
    password = make_url(url).password
    return SqlSettings(
        url=without_password(url),
        password=None if password is None else Secret(password),
        **form,
    )


def without_password(url: str) -> str:
    address = make_url(url)
    return sqlalchemy.URL.create(
        address.drivername,
        username=address.username,
        host=address.host,
        port=address.port,
        database=address.database,
        query=address.query,
    ).render_as_string()


def connector_for(url: str, **tables: TableSettings) -> SqlConnector:
    return SqlConnector(settings_for(url, tables=tables))


def _tickets(planted: Planted, *, is_text: bool) -> Iterator[dict[str, Any]]:
    """Their order by key is another than that by time; half of them were never changed."""
    for number in range(planted.records):
        at = planted.at(number)
        created_at = at if number % 2 else planted.instants[0]
        yield {
            "id": number * 7_919 % 1_000_003,
            "title": f"ticket {number} ❄" if number % 7 else None,
            "email": f"person{number % 50}@example.com",
            "weight": number / 4,
            "created_at": _text(created_at) if is_text else created_at,
            "updated_at": _text(at) if is_text else at,
        }


def _labels(planted: Planted, *, is_text: bool) -> Iterator[dict[str, Any]]:
    """A composite key of texts, which collations sort in ways of their own."""
    spaces = ("ä", "A", "a b", "ab", "Z", "z_")
    for number in range(planted.records):
        yield {
            "space": spaces[number % len(spaces)],
            "name": f"{number * 7_919 % 1_000_003:x}",
            "tags": "red" if is_text else ["red", str(number)],
            "settings": f'{{"a": [{number}, 0.5, null]}}',
        }


def _events(planted: Planted, *, is_text: bool) -> Iterator[dict[str, Any]]:
    """Three of them share each position."""
    for number in range(planted.records):
        at = planted.at(number).replace(tzinfo=None)
        yield {
            "id": f"{number * 7_919 % 1_000_003:032x}",
            "position": number // 3,
            "at": _text(at) if is_text else at,
            "data": number.to_bytes(3, "big"),
        }


def _text(moment: datetime) -> str:
    """As SQLite's own functions write it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"
