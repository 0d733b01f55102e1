"""What an order's extent meant when it was confirmed.

Decided: it is written down with the order, because places that know a connection by its handle
have to be cleared and counted when the row that knew the handle is gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.naming import unknown
from coworker_pipelines.connections.rows import Connection, Tenant
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.oauth.grants import OAuthGrant
from coworker_pipelines.privacy.extent import Extent


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedConnection:
    """``grants`` are the ids of its authorisations, each with a secret of its own."""

    id: str
    handle: str
    kind: str
    epoch: int
    grants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """``slug`` is the tenant's name in handles."""

    extent: Extent
    slug: str
    connections: tuple[ReachedConnection, ...] = field(default=())

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """As they were when the order was confirmed: nobody may write in them any more."""
        return tuple(
            Scope(tenant=self.extent.tenant, connection=connection.id, epoch=connection.epoch)
            for connection in self.connections
        )

    @property
    def is_whole_tenant(self) -> bool:
        return self.extent.connection is None

    @property
    def handles(self) -> tuple[str, ...]:
        return tuple(connection.handle for connection in self.connections)

    def to_json(self) -> dict[str, Any]:
        return {
            "slug": self.slug,
            "connections": [
                {
                    "id": connection.id,
                    "handle": connection.handle,
                    "kind": connection.kind,
                    "epoch": connection.epoch,
                    "grants": list(connection.grants),
                }
                for connection in self.connections
            ],
        }

    @classmethod
    def from_json(cls, extent: Extent, content: Mapping[str, Any]) -> Self:
        return cls(
            extent=extent,
            slug=content["slug"],
            connections=tuple(
                ReachedConnection(**{**connection, "grants": tuple(connection["grants"])})
                for connection in content["connections"]
            ),
        )


def reached_by(session: Session, extent: Extent) -> Reached:
    """What the extent means now.

    Raises:
        TenantActionError: there is no such tenant, connection or stream.
    """
    tenant = session.get(Tenant, extent.tenant)
    if tenant is None:
        raise TenantActionError("The tenant is not there any more.")
    statement = (
        select(Connection).where(Connection.tenant_id == extent.tenant).order_by(Connection.id)
    )
    if extent.connection is not None:
        statement = statement.where(Connection.id == extent.connection)
    found = session.scalars(statement).all()
    if extent.connection is not None and not found:
        raise TenantActionError("The connection is not there any more.")
    if extent.stream is not None:
        _require_stream(found[0], extent.stream)
    return Reached(
        extent=extent,
        slug=tenant.slug,
        connections=tuple(_reached(session, connection) for connection in found),
    )


def _require_stream(connection: Connection, stream: str) -> None:
    known = [entry["name"] for entry in connection.catalog["streams"]]
    if stream not in known:
        raise unknown("stream", stream, known)


def _reached(session: Session, connection: Connection) -> ReachedConnection:
    grants = session.scalars(
        select(OAuthGrant.id).where(OAuthGrant.connection_id == connection.id)
    ).all()
    return ReachedConnection(
        id=connection.id,
        handle=connection.handle,
        kind=connection.kind,
        epoch=connection.epoch,
        grants=tuple(sorted(grants)),
    )
