"""Bringing a database to the newest revision, and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from coworker_pipelines.database.database import CONNECT_TIMEOUT_S
from coworker_pipelines.database.url import engine_url
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError

VERSION_TABLE = "coworker_revision"
"""Not Alembic's default, which Dagster uses: both may be given one database."""
SCRIPTS = Path(__file__).parents[2] / "deploy" / "migrations"
_LOCK = 0x636F776F726B6572
"""Two processes never migrate at once; the number has no meaning but to be ours."""
_ONE_THREAD = Lock()
"""Alembic's scripts speak to whichever database the process opened last."""


def migrate(url: str, revision: str = "head") -> None:
    """After this the database is at the revision; from empty, or from any earlier one."""
    with _locked(url) as connection:
        command.upgrade(_config(connection), revision)


def unmigrate(url: str, revision: str = "base") -> None:
    """After this the database is back at an earlier revision; what came later is gone."""
    with _locked(url) as connection:
        command.downgrade(_config(connection), revision)


def pending(url: str) -> tuple[str, ...]:
    """Revisions that ``migrate`` would apply, in their order; none where all is done."""
    with _connected(url) as connection:
        scripts = ScriptDirectory.from_config(_config(connection))
        current = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE}
        ).get_current_heads()
        missing = scripts.iterate_revisions("heads", current or "base")
        return tuple(reversed([script.revision for script in missing]))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    return config


@contextmanager
def _locked(url: str) -> Iterator[Connection]:
    with _ONE_THREAD, _connected(url) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection
        connection.commit()


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(
        engine_url(url), poolclass=NullPool, connect_args={"connect_timeout": CONNECT_TIMEOUT_S}
    )
    try:
        with engine.connect() as connection:
            yield connection
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        reason = str(error.orig).partition("\n")[0]
        raise TenantActionError(f"The database's login lacks a right: {reason}.") from error
    except OperationalError as error:
        raise RetryLaterError("The database cannot be reached, or broke off.") from error
    finally:
        engine.dispose()
