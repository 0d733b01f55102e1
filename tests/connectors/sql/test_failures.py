"""Who must act, and what is not said."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError
from pymysql import err  # type: ignore[import-untyped]  # it ships none
from sqlalchemy import make_url

from coworker_pipelines.connectors.sql.connector import SqlConnector
from coworker_pipelines.connectors.sql.failures import failure
from coworker_pipelines.connectors.sql.settings import SqlSettings
from coworker_pipelines.kernel.errors import CoworkerError, RetryLaterError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.conformance.reading import read_pages, request
from tests.connectors.sql.planting import connector_for, execute, settings_for

PASSWORD = "correct-horse-7Jd92k"


@pytest.mark.parametrize(
    "url",
    (
        "postgresql://reader@127.0.0.1:1/shop",
        "mysql://reader@127.0.0.1:1/shop",
        "postgresql://reader@no-such-host.invalid/shop",
    ),
)
def test_a_database_that_does_not_answer_is_tried_again_later(url: str) -> None:
    connector = SqlConnector(SqlSettings(url=url, password=Secret(PASSWORD)))
    with closing(connector), pytest.raises(RetryLaterError) as raised:
        connector.check()
    assert not {"reader", PASSWORD, "shop"} & set(str(raised.value).split())
    # What the driver said is not chained where a log would show it.
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_password_is_shown_nowhere(postgres_url: str) -> None:
    settings = settings_for(postgres_url)
    password = make_url(postgres_url).password
    assert password is not None
    connector = SqlConnector(settings)
    connector.check()

    for shown in (repr(settings), str(settings), repr(settings.address), repr(vars(connector))):
        assert password not in shown
    with pytest.raises(PydanticSerializationError) as refused:
        settings.model_dump_json()
    assert password not in str(refused.value)


def test_a_refused_form_does_not_repeat_the_password() -> None:
    with pytest.raises(ValidationError) as raised:
        SqlSettings(url=f"postgresql://bob:{PASSWORD}@host/shop")
    assert PASSWORD not in str(raised.value)
    assert "bob" not in str(raised.value)


def test_rows_are_not_told(postgres_url: str) -> None:
    execute(
        postgres_url,
        "CREATE TABLE words (id int PRIMARY KEY, word text)",
        "INSERT INTO words VALUES (1, 'bob@example.com')",
        "CREATE VIEW things AS SELECT id, word::int FROM words",
    )
    connector = SqlConnector(settings_for(postgres_url, tables={"things": {"primary_key": ["id"]}}))

    with pytest.raises(TenantActionError) as raised:
        read_pages(connector, request(connector.discover().stream("things"), Window(2026, 1)))
    assert "bob" not in str(raised.value)


def test_text_in_another_encoding_is_the_tenants_to_mend(file_url: str) -> None:
    execute(
        file_url,
        "CREATE TABLE things (id integer PRIMARY KEY, word text)",
        "INSERT INTO things VALUES (1, CAST(x'626f62ff' AS text))",
    )
    connector = connector_for(file_url)

    with pytest.raises(TenantActionError, match="encoding") as raised:
        read_pages(connector, request(connector.discover().stream("things"), Window(2026, 1)))
    assert "bob" not in str(raised.value)


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(TenantActionError, match="no SQLite database"):
        connector_for(f"sqlite:///{tmp_path}/absent.db").check()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "verdict", "says"),
    (
        (psycopg.errors.QueryCanceled(), RetryLaterError, "too busy"),
        (psycopg.errors.LockNotAvailable(), RetryLaterError, "too busy"),
        (psycopg.errors.AdminShutdown(), RetryLaterError, "too busy"),
        (psycopg.errors.TooManyConnections(), RetryLaterError, "too busy"),
        (psycopg.errors.InsufficientPrivilege(), TenantActionError, "permission"),
        (psycopg.errors.UndefinedTable(), TenantActionError, "discover again"),
        (psycopg.errors.ReadOnlySqlTransaction(), TenantActionError, "refuses"),
        (psycopg.OperationalError("FATAL:  too many clients"), RetryLaterError, "too busy"),
        (psycopg.OperationalError("SSL error: bad"), TenantActionError, "secure"),
        (psycopg.OperationalError("FATAL:  irgendetwas"), TenantActionError, "refuses"),
        (psycopg.OperationalError("something else"), RetryLaterError, "too busy"),
        (err.OperationalError(1045, "Access denied"), TenantActionError, "password"),
        (err.OperationalError(1044, "Access denied"), TenantActionError, "no such database"),
        (err.OperationalError(1049, "Unknown"), TenantActionError, "no such database"),
        (err.OperationalError(2013, "Lost connection"), RetryLaterError, "too busy"),
        (err.ProgrammingError(1146, "No table"), TenantActionError, "discover again"),
        (sqlite3.OperationalError("no code"), TenantActionError, "refuses"),
    ),
)
def test_complaints_say_who_must_act(
    error: Exception, verdict: type[CoworkerError], says: str
) -> None:
    told = failure(error, disconnected=False)

    assert type(told) is verdict
    assert says in str(told)


def test_a_locked_file_is_tried_again_later(file_url: str) -> None:
    execute(file_url, "CREATE TABLE things (id integer PRIMARY KEY)")
    path = make_url(file_url).database
    assert path is not None
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        reader = sqlite3.connect(path, timeout=0)
        with closing(reader), pytest.raises(sqlite3.OperationalError) as raised:
            reader.execute("SELECT * FROM things")
        writer.rollback()
    assert isinstance(failure(raised.value, disconnected=False), RetryLaterError)
