"""Whose a connection is, and nothing else of it: all that who launches runs may know."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A connection's ids and its kind."""

    scope: Scope
    kind: str


def locate_connection(session: Session, handle: str) -> Located:
    """The connection of that handle.

    Raises:
        TenantActionError: there is none.
    """
    found = session.execute(
        select(Connection.tenant_id, Connection.id, Connection.epoch, Connection.kind).where(
            Connection.handle == handle
        )
    ).one_or_none()
    if found is None:
        raise TenantActionError(f"There is no connection {handle!r}.")
    return Located(
        scope=Scope(tenant=found.tenant_id, connection=found.id, epoch=found.epoch),
        kind=found.kind,
    )
