"""Sessions: each is one transaction, in one role, with one tenant or the control plane."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Self

from psycopg.errors import (
    InvalidParameterValue,
    LockNotAvailable,
    UndefinedColumn,
    UndefinedFunction,
    UndefinedTable,
)
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from coworker_pipelines.database.url import engine_url
from coworker_pipelines.kernel.errors import (
    DefectError,
    RefusedError,
    RetryLaterError,
    TenantActionError,
)
from coworker_pipelines.kernel.ids import IdPrefix, is_id
from coworker_pipelines.kernel.secret import Secret

RUN_ROLE: Final = "coworker_run"
CONTROL_ROLE: Final = "coworker_control"
LOCATOR_ROLE: Final = "coworker_locator"
PRIVACY_ROLE: Final = "coworker_privacy"
DISPATCH_ROLE: Final = "coworker_dispatch"
TENANT_SETTING: Final = "coworker.tenant"
PASS_SETTING: Final = "coworker.pass"  # noqa: S105 - a name
CONNECT_TIMEOUT_S: Final = 10
STATEMENT_TIMEOUT_S: Final = 120
ROW_LOCK_TIMEOUT_S: Final = 30
RUN_IDLE_TIMEOUT_S: Final = 20
"""A run that is stopped in the middle of a transaction loses it: nobody waits for it for ever."""
LOCK_POLL_S: Final = 0.2
CLEARING_LOCK_S: Final = 2
CLEARING_TRIES: Final = 3
REWRITTEN_BYTES_MAX: Final = 64 * 2**20
"""A table of that size is closed for about a second while it is written anew."""
POOL_SIZE: Final = 4

_NOT_READY: Final = (UndefinedTable, UndefinedColumn, UndefinedFunction, InvalidParameterValue)
"""A database without our tables, of an older revision, or without the roles of a session."""
_SIZE: Final = text("SELECT pg_total_relation_size(CAST(:table AS regclass))")
_SET_ROLE: Final = "permission denied to set role"
"""Other refusals are row-level security's, and a defect of ours."""
_KEEPALIVE: Final = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""A lock's connection is silent for hours; what stands between would take it for dead."""
_BEGIN: Final = text(
    "SELECT set_config('role', :role, true), "
    f"set_config('{TENANT_SETTING}', :tenant, true), set_config('{PASS_SETTING}', :pass, true), "
    "set_config('statement_timeout', :statement, true), set_config('lock_timeout', :lock, true), "
    "set_config('idle_in_transaction_session_timeout', :idle, true), "
    "coworker_tenant()"
)

Passes = Callable[[str], Secret]
"""The pass of a tenant, by its id."""
OpenSession = Callable[[], AbstractContextManager[Session]]
"""A transaction in one role: whose, knows who hands it on."""


def no_pass(_: str) -> Secret:
    """Of whoever works with no tenant's rows."""
    raise DefectError("A tenant's rows were asked for without a pass.")


class Database:
    """One Postgres database; ``passes`` open the rows of tenants.

    Row-level security shows a tenant's rows to the session that names the tenant and gives its
    pass. Naming another tenant is not enough: that one's pass would be needed.

    Raises (from every session): ``RetryLaterError`` where the server cannot be reached, a
    statement took too long, or two transactions stood in each other's way.
    """

    def __init__(self, url: str, passes: Passes = no_pass) -> None:
        address = engine_url(url)
        self._passes = passes
        arguments = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "coworker",
            **_KEEPALIVE,
        }
        self._engine = create_engine(
            address, pool_pre_ping=True, pool_size=POOL_SIZE, connect_args=arguments
        )
        # A lock lives as long as its connection, so locks never share a pool with sessions.
        self._lock_engine = create_engine(
            address, poolclass=NullPool, connect_args=arguments, isolation_level="AUTOCOMMIT"
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
        """A transaction that sees and writes rows of this tenant alone.

        Raises:
            RefusedError: the database does not know the tenant, or takes its pass for a wrong one.
        """
        if not is_id(tenant_id, IdPrefix.TENANT):
            raise DefectError("A session was asked for with a tenant id that is none.")
        beginning = _Beginning(RUN_ROLE, tenant_id, self._passes(tenant_id))
        with self._transaction(beginning) as session:
            yield session

    @contextmanager
    def control(self) -> Iterator[Session]:
        """A transaction of the control plane: it sees all tenants."""
        with self._transaction(_Beginning(CONTROL_ROLE, "", Secret(""))) as session:
            yield session

    @contextmanager
    def locating(self) -> Iterator[Session]:
        """A transaction that sees whose a connection is, of all of them, and nothing else."""
        with self._transaction(_Beginning(LOCATOR_ROLE, "", Secret(""))) as session:
            yield session

    @contextmanager
    def privacy(self) -> Iterator[Session]:
        """A transaction of who carries out orders: it sees all tenants, to take their data away."""
        with self._transaction(_Beginning(PRIVACY_ROLE, "", Secret(""))) as session:
            yield session

    @contextmanager
    def dispatch(self) -> Iterator[Session]:
        """A transaction of who carries out actions: it sees those of all tenants, and no data."""
        with self._transaction(_Beginning(DISPATCH_ROLE, "", Secret(""))) as session:
            yield session

    def clear_away(self, tables: Sequence[str]) -> None:
        """What was deleted from these tables is out of their files, as far as Postgres lets us.

        A small table is written anew, which no byte of a deleted row survives, but for which it
        is closed for a moment; a large one, or one that is in use, loses its dead rows, and their
        bytes are overwritten as its pages fill. Postgres before 17 lets only the owner do it.

        Raises:
            RetryLaterError: the server does not answer.
        """
        with _reachable(), self._lock_engine.connect() as connection:
            connection.execute(text(f"SET ROLE {PRIVACY_ROLE}"))
            connection.execute(text(f"SET lock_timeout = '{CLEARING_LOCK_S}s'"))
            for table in tables:
                size = connection.execute(_SIZE, {"table": table}).scalar_one()
                # Who waits for longer gives way: the one before may be Postgres' own upkeep.
                if size > REWRITTEN_BYTES_MAX or not any(
                    _vacuumed(connection, table, "FULL") for _ in range(CLEARING_TRIES)
                ):
                    _vacuumed(connection, table, "")

    @contextmanager
    def connection_lock(self, connection_id: str, *, wait_s: float) -> Iterator[None]:
        """Hold the connection's lock; it goes with the process, however that ends.

        Raises:
            RetryLaterError: somebody else held it for all of ``wait_s`` seconds, or the
                database broke off while it was held.
        """
        key = _lock_key(connection_id)
        connection = _open(self._lock_engine)
        try:
            _acquire(connection, key, wait_s)
            yield
            # Fails where the lock was lost on the way, so that no such run counts as good.
            with _reachable():
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
        finally:
            # Ends the connection, since no pool keeps it, and the lock with it.
            connection.close()

    @contextmanager
    def _transaction(self, beginning: "_Beginning") -> Iterator[Session]:
        with _reachable(), Session(self._engine) as session:
            # On every begin: a transaction that a caller ends early must not be followed by
            # one with the login's own rights.
            event.listen(session, "after_begin", beginning)
            yield session
            session.commit()


class _Beginning:
    """Gives a transaction its role, its tenant and its limits."""

    def __init__(self, role: str, tenant_id: str, tenant_pass: Secret) -> None:
        self._pass = tenant_pass
        self._values = {
            "role": role,
            "tenant": tenant_id,
            "statement": f"{STATEMENT_TIMEOUT_S}s",
            "lock": f"{ROW_LOCK_TIMEOUT_S}s",
            "idle": f"{RUN_IDLE_TIMEOUT_S if role == RUN_ROLE else 0}s",
        }

    def __call__(self, _session: Session, _transaction: object, connection: Connection) -> None:
        values = {**self._values, "pass": self._pass.get_secret_value()}
        opened = connection.execute(_BEGIN, values).one()[-1]
        if (opened or "") != self._values["tenant"]:
            raise RefusedError(
                "The database does not open this tenant's rows: the tenant is gone, or was made "
                "under another master key."
            )


def _vacuumed(connection: Connection, table: str, how: str) -> bool:
    """Whether it was done; not where somebody else worked with the table all the while."""
    try:
        connection.execute(text(f'VACUUM {f"({how})" if how else ""} "{table}"'))
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            return False
        raise
    return True


def _lock_key(connection_id: str) -> int:
    digest = hashlib.blake2b(connection_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _open(engine: Engine) -> Connection:
    with _reachable():
        return engine.connect()


def _acquire(connection: Connection, key: int, wait_s: float) -> None:
    give_up_at = time.monotonic() + wait_s
    statement = text("SELECT pg_try_advisory_lock(:key)")
    with _reachable():
        while not connection.execute(statement, {"key": key}).scalar_one():
            if time.monotonic() >= give_up_at:
                raise RetryLaterError("Another run is working on this connection.")
            time.sleep(LOCK_POLL_S)


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise RetryLaterError("The database cannot be reached, or broke off.") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise RetryLaterError("The database broke off.") from error
        if isinstance(error.orig, _NOT_READY) or _SET_ROLE in str(error.orig):
            raise TenantActionError(
                "The database is not ready for this version, or its login lacks a right: run "
                "`coworker services up`."
            ) from error
        raise
