"""Databases with planted tables, each made once for a module."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from coworker_pipelines.sdk.conformance import Planted
from coworker_pipelines.services.local import Endpoints
from tests.connectors.sql.planting import execute, plant

NewUrl = Callable[[], str]


class Sources:
    """What was planted once is not planted again: the same ``Planted`` means the same content."""

    def __init__(self, new_url: NewUrl) -> None:
        self._new_url = new_url
        self._planted: dict[Planted, str] = {}

    def get(self, planted: Planted) -> str:
        """The URL of a database that holds exactly that."""
        if planted not in self._planted:
            url = self._new_url()
            plant(url, planted)
            self._planted[planted] = url
        return self._planted[planted]


@pytest.fixture(scope="module")
def sqlite_sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    folder = tmp_path_factory.mktemp("sql")
    return Sources(lambda: sqlite_url(folder / f"{secrets.token_hex(6)}.db"))


@pytest.fixture(scope="module")
def postgres_sources(endpoints: Endpoints) -> Iterator[Sources]:
    with ExitStack() as databases:
        yield Sources(lambda: databases.enter_context(_database(endpoints.database_url)))


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """A SQLite database that does not exist yet."""
    return sqlite_url(tmp_path / "test.db")


@pytest.fixture
def postgres_url(module_database_url: str) -> str:
    """A Postgres database with nothing in its schema: emptied, because making one takes longer."""
    execute(module_database_url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    return module_database_url


@pytest.fixture(params=["sqlite", "postgresql"])
def either_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    name = "file_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


@contextmanager
def _database(url: str) -> Iterator[str]:
    address = make_url(url)
    name = f"test_{secrets.token_hex(6)}"
    server = address.set(drivername="postgresql", database="postgres")
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as database:
        database.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield address.set(database=name).render_as_string(hide_password=False)
        finally:
            database.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
