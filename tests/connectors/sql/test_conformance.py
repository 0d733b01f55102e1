"""The sql connector against the kit that holds for every connector, on two databases."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from coworker_pipelines.connectors.sql.connector import SqlConnector
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.conformance import (
    BadForm,
    Planted,
    SettingsConformance,
    SnapshotConformance,
    StreamConformance,
    WindowConformance,
)
from coworker_pipelines.sdk.connector import Connector
from tests.connectors.sql.conftest import Sources
from tests.connectors.sql.planting import TABLES, execute, settings_for, without_password

PASSWORD = "correct-horse-7Jd92k"


class SqlConformance(StreamConformance):
    """Opens the database that its sources make."""

    window = Window(2026, 1)
    sources: Sources

    def open(self, planted: Planted) -> Connector[Any]:
        return SqlConnector(settings_for(self.sources.get(planted), tables=TABLES))


class OnSqlite(SqlConformance):
    @pytest.fixture(autouse=True)
    def _share_sources(self, sqlite_sources: Sources) -> None:
        self.sources = sqlite_sources


class OnPostgres(SqlConformance):
    @pytest.fixture(autouse=True)
    def _share_sources(self, postgres_sources: Sources) -> None:
        self.sources = postgres_sources


class TestSqliteWindow(OnSqlite, WindowConformance):
    stream = "tickets"


class TestSqliteSnapshot(OnSqlite, SnapshotConformance):
    stream = "labels"


class TestSqliteSequence(OnSqlite):
    stream = "events"


class TestPostgresWindow(OnPostgres, WindowConformance):
    stream = "tickets"


class TestPostgresSnapshot(OnPostgres, SnapshotConformance):
    stream = "labels"


class TestPostgresSequence(OnPostgres):
    stream = "events"


class TestSettingsOnSqlite(SettingsConformance):
    connector_type = SqlConnector

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.url = f"sqlite:///{tmp_path}/good.db"
        execute(self.url, "CREATE TABLE things (id integer PRIMARY KEY, at text)")

    def good_form(self) -> Mapping[str, Any]:
        return {"url": self.url}

    def bad_forms(self) -> Sequence[BadForm]:
        (self.folder / "plain.db").write_text("this is no database at all " * 100)
        return (
            _bad("", "at least 1 character"),
            _bad("no url", "no database URL"),
            _bad("nosuch://host/database", "no driver"),
            _bad("postgresql+asyncpg://host/database", "asynchronous"),
            _bad("postgresql+pg8000://host/database", "psycopg only"),
            _bad("sqlite://", "names no file"),
            _bad("postgresql://host/database?passfile=/etc/passwd", "password"),
            _bad("mysql://host/database?read_default_file=/etc/my.cnf", "not allowed"),
            _bad(f"postgresql://bob:{PASSWORD}@host/database", "into the field password", PASSWORD),
            _bad(f"postgresql://host/db?password={PASSWORD}", "into the field password", PASSWORD),
            _bad(f"sqlite:///{self.folder}/absent.db", "no SQLite database"),
            _bad(f"sqlite:///{self.folder}/plain.db", "no SQLite database"),
            self._bad_table({"absent": {}}, "'absent'"),
            self._bad_table({"things": {"cursor_field": "absent"}}, "'absent'"),
            self._bad_table({"things": {"time_field": "id"}}, "no timestamp"),
            self._bad_table({"things": {"identifiers": {"absent": "email"}}}, "'absent'"),
            BadForm(form={"url": self.url, "schemas": ["absent"]}, says="no schema"),
        )

    def _bad_table(self, tables: Mapping[str, Any], says: str) -> BadForm:
        return BadForm(form={"url": self.url, "tables": tables}, says=says)


class TestSettingsOnPostgres(SettingsConformance):
    connector_type = SqlConnector

    @pytest.fixture(autouse=True)
    def _on_a_database(self, database_url: str) -> None:
        self.url = without_password(database_url)
        self.password = make_url(database_url).password

    def good_form(self) -> Mapping[str, Any]:
        return {"url": self.url, "password": self.password}

    def bad_forms(self) -> Sequence[BadForm]:
        user = make_url(self.url).username
        assert user is not None
        absent = make_url(self.url).set(database="absent_database").render_as_string()
        return (
            BadForm(
                form={"url": self.url, "password": PASSWORD},
                says="refuses the user or the password",
                hides=(PASSWORD, user),
            ),
            BadForm(form={"url": self.url}, says="refuses the user or the password"),
            BadForm(
                form={"url": absent, "password": self.password},
                says="no such database",
                hides=("absent_database", str(self.password)),
            ),
        )


def _bad(url: str, says: str, *hides: str) -> BadForm:
    return BadForm(form={"url": url}, says=says, hides=hides)
