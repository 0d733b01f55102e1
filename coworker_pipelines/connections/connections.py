"""Connections: configured sources."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from coworker_pipelines.connections.naming import checked_name, unknown
from coworker_pipelines.connections.rows import Connection, Tenant
from coworker_pipelines.connections.schedules import Schedule, next_due
from coworker_pipelines.connections.stream_states import fence_key
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope


def add_connection(
    session: Session,
    *,
    tenant: Tenant,
    name: str,
    kind: str,
    settings: dict[str, Any],
    catalog: dict[str, Any],
    schedule: Schedule | None,
    now: datetime,
) -> Connection:
    """A new connection in its first epoch; with a schedule it is due at once.

    Raises:
        TenantActionError: the name is malformed or taken.
    """
    handle = f"{tenant.slug}.{checked_name(name, 'connection')}"
    connection_id = new_id(IdPrefix.CONNECTION)
    connection = Connection(
        id=connection_id,
        tenant_id=tenant.id,
        name=name,
        handle=handle,
        kind=kind,
        settings=settings,
        epoch=1,
        schedule=schedule.to_json() if schedule else None,
        due_at=now if schedule else None,
        catalog=catalog,
        limits={},
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(connection)
    except IntegrityError as error:
        raise TenantActionError(f"There is a connection {handle!r} already.") from error
    return connection


def find_connection(session: Session, handle: str) -> Connection:
    """The connection of that handle or id.

    Raises:
        TenantActionError: there is none.
    """
    connection = session.scalar(
        select(Connection).where(or_(Connection.handle == handle, Connection.id == handle))
    )
    if connection is None:
        raise unknown("connection", handle, session.scalars(select(Connection.handle)))
    return connection


def list_connections(
    session: Session, *, tenant_id: str | None = None, kind: str | None = None
) -> Sequence[Connection]:
    statement = select(Connection).order_by(Connection.handle)
    if tenant_id is not None:
        statement = statement.where(Connection.tenant_id == tenant_id)
    if kind is not None:
        statement = statement.where(Connection.kind == kind)
    return session.scalars(statement).all()


def pause(connection: Connection, *, now: datetime) -> None:
    """Scheduled syncs stop; a second pause changes nothing."""
    connection.paused_at = connection.paused_at or now


def resume(connection: Connection, *, now: datetime) -> None:
    """Scheduled syncs go on from the next due time; what was missed is not made up for."""
    connection.paused_at = None
    reschedule(connection, schedule_of(connection), now=now)


def reschedule(connection: Connection, schedule: Schedule | None, *, now: datetime) -> None:
    connection.schedule = schedule.to_json() if schedule else None
    connection.due_at = next_due(schedule, after=now, connection_id=connection.id)


def raise_epoch(session: Session, connection: Connection) -> Scope:
    """Shut out every writer that started before; the scope that holds from now on.

    Waits for the writers' open transactions: after this, none of them commits any more.
    """
    session.execute(select(func.pg_advisory_xact_lock(fence_key(connection.id))))
    session.refresh(connection, ["epoch"], with_for_update=True)
    connection.epoch += 1
    session.flush()
    return connection.scope


def schedule_of(connection: Connection) -> Schedule | None:
    return Schedule.from_json(connection.schedule) if connection.schedule else None
