"""Connections to the database: read-only, bounded in time, one for each read."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from psycopg import Connection as PostgresConnection
from psycopg.types.string import TextLoader
from sqlalchemy import URL, Connection, CursorResult, Engine, NullPool, create_engine, event

from coworker_pipelines.connectors.sql.dialect import Dialect
from coworker_pipelines.connectors.sql.failures import translated

CONNECT_TIMEOUT_S: Final = 10
STATEMENT_TIMEOUT_S: Final = 900
"""For one answer: of a long read each fetch, the first one with the sort that it may need."""
LOCK_TIMEOUT_S: Final = 30
APPLICATION_NAME: Final = "coworker"

_POSTGRES_ARGUMENTS: Final = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "application_name": APPLICATION_NAME,
    # A server that vanishes without a word is noticed after about a minute.
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
_MYSQL_ARGUMENTS: Final = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "read_timeout": STATEMENT_TIMEOUT_S,
    "write_timeout": STATEMENT_TIMEOUT_S,
}

_POSTGRES_TRANSACTION: Final = {
    "transaction_read_only": "on",
    "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
    "lock_timeout": f"{LOCK_TIMEOUT_S}s",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "1",
}
# For the transaction alone: a pooler would hand a session's settings on to others.
_POSTGRES_BEGIN: Final = "SELECT " + ", ".join(
    f"set_config('{name}', '{value}', true)" for name, value in _POSTGRES_TRANSACTION.items()
)
_MYSQL_BEGIN: Final = (
    "SET SESSION TRANSACTION READ ONLY",
    "SET SESSION time_zone = '+00:00'",
    f"SET SESSION lock_wait_timeout = {LOCK_TIMEOUT_S}",
    # The server gives a reader that pauses that long before it hangs up.
    f"SET SESSION net_write_timeout = {STATEMENT_TIMEOUT_S}",
)
# Their values in Python lose something (infinity, JSON's numbers), or orjson can't write them;
# a UUID that identifies a person is looked for as text.
_POSTGRES_TEXTS: Final = (
    *("date", "time", "timetz", "timestamp", "timestamptz", "interval"),
    *("numeric", "json", "jsonb", "uuid", "inet", "cidr", "oid"),
    *("int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange"),
    *("int4multirange", "int8multirange", "nummultirange"),
    *("datemultirange", "tsmultirange", "tstzmultirange"),
)


class Database:
    """The database of one connection. Nothing is opened before it is needed."""

    def __init__(self, address: URL) -> None:
        self._dialect = Dialect.of(address.get_backend_name())
        self._address = address
        self._engine: Engine | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in a read-only transaction, closed behind the block.

        Raises:
            TenantActionError: the database refuses; so does everything in the block.
            RetryLaterError: it does not answer now.
        """
        with translated(), self._open() as connection:
            if self._dialect is Dialect.POSTGRESQL:
                connection.exec_driver_sql(_POSTGRES_BEGIN)
            yield connection

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _open(self) -> Connection:
        if self._engine is None:
            self._engine = _engine(self._address, self._dialect)
        return self._engine.connect()


def hang_up(connection: Connection, result: CursorResult[Any]) -> None:
    """The connection is cut in the middle of an answer, and nothing more of it is fetched."""
    # PyMySQL would read all the rest of it before it closes; it has no public way to stop that.
    answer = getattr(result.cursor, "_result", None)
    if answer is not None and hasattr(answer, "unbuffered_active"):
        answer.unbuffered_active = False
    connection.invalidate()


def _engine(address: URL, dialect: Dialect) -> Engine:
    arguments: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
    match dialect:
        case Dialect.POSTGRESQL:
            engine = create_engine(address, connect_args=_POSTGRES_ARGUMENTS, **arguments)
            event.listen(engine, "connect", _load_as_text)
        case Dialect.MYSQL:
            engine = create_engine(address, connect_args=_MYSQL_ARGUMENTS, **arguments)
            event.listen(engine, "connect", _begin_mysql)
        case Dialect.SQLITE:
            assert address.database is not None
            creator = partial(_open_file, address.database)
            engine = create_engine(address, creator=creator, **arguments)
        case Dialect.OTHER:
            engine = create_engine(address, **arguments)
    return engine


def _load_as_text(connection: PostgresConnection, _record: object) -> None:
    for name in _POSTGRES_TEXTS:
        if connection.adapters.types.get(name) is not None:
            connection.adapters.register_loader(name, TextLoader)


def _begin_mysql(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        for statement in _MYSQL_BEGIN:
            cursor.execute(statement)


def _open_file(path: str) -> sqlite3.Connection:
    # Read-only, because opening would otherwise make the file where there is none.
    address = f"file:{quote(path)}?mode=ro"
    return sqlite3.connect(address, uri=True, timeout=LOCK_TIMEOUT_S, check_same_thread=False)
