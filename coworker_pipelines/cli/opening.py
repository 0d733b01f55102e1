"""Opening the platform for one command."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.exc import DataError, ProgrammingError

from coworker_pipelines.assembly import Platform
from coworker_pipelines.connections.rows import Tenant
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.settings import SecretsIn, Settings


@contextmanager
def opened() -> Iterator[Platform]:
    """The platform that the environment describes, closed when the command ends.

    Raises:
        TenantActionError: its database cannot be reached, or is not ready.
    """
    with Platform.from_environment() as platform:
        _require_database(platform)
        yield platform


@contextmanager
def reaching_database() -> Iterator[None]:
    """Who gives a command can put the database's address right; a run can only try again later."""
    try:
        yield
    except RetryLaterError as error:
        raise TenantActionError(
            "The database cannot be reached: start it with `coworker services up`, or correct "
            "COWORKER_DATABASE_URL."
        ) from error


def publish(platform: Platform) -> None:
    """After this what the command ordered rests in the journal, too.

    Raises:
        TenantActionError: the journal cannot be written; the order stands all the same.
    """
    try:
        with platform.database.control() as session:
            platform.safeguards.journal.publish(session)
    except RetryLaterError as error:
        raise TenantActionError(
            "What you ordered stands, so do not order it again; but a backup that is put back "
            "would not know of it, because the journal cannot be written. Put its place right: it "
            f"is written with the next order. {error}"
        ) from error


def operator() -> str:
    """Who gave the command: the name that history keeps."""
    return getpass.getuser()


def in_cluster() -> bool:
    """Whether only a run's own service account may remove data, and not who gives a command."""
    return Settings.from_environment(os.environ).secrets is SecretsIn.KUBERNETES


def _require_database(platform: Platform) -> None:
    try:
        with reaching_database(), platform.database.control() as session:
            session.execute(select(Tenant.id).limit(1))
    except (DataError, ProgrammingError) as error:
        raise TenantActionError(
            "The database is not ready: bring it to the newest revision with "
            "`coworker services up`."
        ) from error
