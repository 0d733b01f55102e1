"""Sessions: each is one transaction, in one role, with one tenant or the control plane."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from coworker_pipelines.kernel.errors import DefectError, RetryLaterError
from coworker_pipelines.kernel.ids import IdPrefix, is_id

RUN_ROLE: Final = "coworker_run"
CONTROL_ROLE: Final = "coworker_control"
TENANT_SETTING: Final = "coworker.tenant"
CONNECT_TIMEOUT_S: Final = 10
LOCK_POLL_S: Final = 0.2
POOL_SIZE: Final = 4


class Database:
    """One Postgres database.

    Raises (from every session): ``RetryLaterError`` where the server cannot be reached.
    """

    def __init__(self, url: str) -> None:
        arguments = {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "coworker"}
        self._engine = create_engine(
            url, pool_pre_ping=True, pool_size=POOL_SIZE, connect_args=arguments
        )
        # A lock lives as long as its connection, so locks never share a pool with sessions.
        self._lock_engine = create_engine(
            url, poolclass=NullPool, connect_args=arguments, isolation_level="AUTOCOMMIT"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._engine.dispose()
        self._lock_engine.dispose()

    @contextmanager
    def tenant(self, tenant_id: str) -> Iterator[Session]:
        """A transaction that sees and writes rows of this tenant alone."""
        if not is_id(tenant_id, IdPrefix.TENANT):
            raise DefectError("A session was asked for with a tenant id that is none.")
        with self._transaction(RUN_ROLE, tenant_id) as session:
            yield session

    @contextmanager
    def control(self) -> Iterator[Session]:
        """A transaction of the control plane: it sees all tenants."""
        with self._transaction(CONTROL_ROLE, "") as session:
            yield session

    @contextmanager
    def connection_lock(self, connection_id: str, *, wait_s: float) -> Iterator[None]:
        """Hold the connection's lock; it goes with the process, however that ends.

        Raises:
            RetryLaterError: somebody else held it for all of ``wait_s`` seconds.
        """
        key = int.from_bytes(
            hashlib.blake2b(connection_id.encode(), digest_size=8).digest(), signed=True
        )
        with _reachable(), self._lock_engine.connect() as connection:
            statement = text("SELECT pg_try_advisory_lock(:key)")
            give_up_at = time.monotonic() + wait_s
            while not connection.execute(statement, {"key": key}).scalar_one():
                if time.monotonic() >= give_up_at:
                    raise RetryLaterError("Another run is working on this connection.")
                time.sleep(LOCK_POLL_S)
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})

    @contextmanager
    def _transaction(self, role: str, tenant_id: str) -> Iterator[Session]:
        with _reachable(), Session(self._engine) as session:
            session.execute(text(f"SET LOCAL ROLE {role}"))
            session.execute(
                text("SELECT set_config(:name, :value, true)"),
                {"name": TENANT_SETTING, "value": tenant_id},
            )
            yield session
            session.commit()


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise RetryLaterError("The database cannot be reached or broke off.") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise RetryLaterError("The database broke off.") from error
        raise
