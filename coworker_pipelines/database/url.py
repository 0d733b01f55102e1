"""The address of a database, as people write it."""

from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from coworker_pipelines.kernel.errors import TenantActionError

DRIVER: Final = "postgresql+psycopg"
_SCHEMES: Final = frozenset({"postgres", "postgresql", DRIVER})


def engine_url(url: str) -> URL:
    """The address with our driver, also where it names none.

    Raises:
        TenantActionError: it is no address of a Postgres; the sentence does not repeat it,
            because it may hold a password.
    """
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise TenantActionError(
            "The database's address cannot be read: write postgresql://user:password@host/name."
        ) from error
    if address.drivername not in _SCHEMES:
        raise TenantActionError(
            f"The database must be a Postgres (postgresql://...), not {address.drivername!r}."
        )
    return address.set(drivername=DRIVER)
