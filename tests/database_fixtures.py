"""A migrated database for each test, copied from one that was migrated once."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from coworker_pipelines.database.database import Database
from coworker_pipelines.database.migrations import migrate
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.services.local import Endpoints

__all__ = ["database", "migrated_template", "migrated_url"]
MASTER = MasterKey(b"the master key of every test :-)")
"""Opens the rows of all tenants that tests make by themselves."""


def opened_database(url: str) -> Database:
    return Database(url, MASTER.database_pass)


@pytest.fixture(scope="session")
def migrated_template(endpoints: Endpoints) -> Iterator[str]:
    """The name of a database at the newest revision; nobody connects to it."""
    with made_database(endpoints.database_url) as name:
        migrate(named_url(endpoints.database_url, name))
        yield name


@pytest.fixture
def migrated_url(endpoints: Endpoints, migrated_template: str) -> Iterator[str]:
    """A fresh database at the newest revision."""
    with made_database(endpoints.database_url, migrated_template) as name:
        yield named_url(endpoints.database_url, name)


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    """The same, opened."""
    with opened_database(migrated_url) as opened:
        yield opened


@contextmanager
def made_database(url: str, template: str = "template1") -> Iterator[str]:
    """The name of a database beside that of the URL, for as long as the block lasts."""
    name = f"test_{secrets.token_hex(6)}"
    server = named_url(url, "postgres").replace("+psycopg", "")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        try:
            yield name
        finally:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


def named_url(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    prefix, question, parameters = url.partition("?")
    return f"{prefix.rpartition('/')[0]}/{name}{question}{parameters}"
