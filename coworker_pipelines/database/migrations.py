"""Bringing a database to the newest revision, and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from coworker_pipelines.kernel.errors import RetryLaterError

SCRIPTS = Path(__file__).parents[2] / "deploy" / "migrations"
_LOCK = 0x636F776F726B6572
"""Two processes never migrate at once; the number has no meaning but to be ours."""


def migrate(url: str, revision: str = "head") -> None:
    """After this the database is at the revision; from empty, or from any earlier one."""
    with _locked(url) as connection:
        command.upgrade(_config(connection), revision)


def unmigrate(url: str, revision: str = "base") -> None:
    """After this the database is back at an earlier revision; what came later is gone."""
    with _locked(url) as connection:
        command.downgrade(_config(connection), revision)


def is_current(url: str) -> bool:
    """Whether the database is at the newest revision."""
    with _connected(url) as connection:
        heads = ScriptDirectory.from_config(_config(connection)).get_heads()
        return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _locked(url: str) -> Iterator[Connection]:
    with _connected(url) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection
        connection.commit()


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    except OperationalError as error:
        raise RetryLaterError("The database cannot be reached.") from error
    finally:
        engine.dispose()
