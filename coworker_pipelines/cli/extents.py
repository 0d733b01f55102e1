"""Whose data a command means: a tenant, a connection, or one stream of that."""

from typing import Annotated

import typer
from sqlalchemy.orm import Session

from coworker_pipelines.connections.catalogs import catalog_from_json
from coworker_pipelines.connections.connections import find_connection, list_connections
from coworker_pipelines.connections.naming import unknown
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.retention.policies import stored_streams

Place = Annotated[
    str, typer.Argument(help="TENANT, or TENANT.NAME of one of its connections.", metavar="PLACE")
]
StreamOption = Annotated[
    str | None, typer.Option("--stream", help="Only this stream of the connection.")
]


def find_extent(session: Session, place: str, stream: str | None) -> Extent:
    """What the two name.

    Raises:
        TenantActionError: there is no such tenant, connection or stream.
    """
    if "." not in place:
        if stream is not None:
            raise TenantActionError("A stream is a connection's: name TENANT.NAME before it.")
        return Extent(tenant=find_tenant(session, place).id)
    connection = find_connection(session, place)
    if stream is not None:
        offered = {one.name for one in catalog_from_json(connection.catalog)}
        known = offered | set(stored_streams(session, connection.id))
        if stream not in known:
            raise unknown("stream", stream, known)
    return Extent(tenant=connection.tenant_id, connection=connection.id, stream=stream)


def connections_in(session: Session, place: str) -> list[Connection]:
    """The connection, or all of the tenant's."""
    if "." in place:
        return [find_connection(session, place)]
    return list(list_connections(session, tenant_id=find_tenant(session, place).id))


def name_extent(session: Session, extent: Extent) -> str:
    """As people write it: handles and not ids, where they are still there."""
    if extent.connection is None:
        return f"tenant {extent.tenant}"
    row = session.get(Connection, extent.connection)
    handle = row.handle if row else extent.connection
    return handle if extent.stream is None else f"{handle} {extent.stream}"
