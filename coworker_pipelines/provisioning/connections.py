"""Making a connection: checked at its source, then whole in every store, or nowhere."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from coworker_pipelines.connections.catalogs import catalog_to_json
from coworker_pipelines.connections.connections import add_connection, find_connection
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.connections.schedules import Schedule
from coworker_pipelines.connections.selections import add_selection
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.connectors.registry import connector_class
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.forms import join_form, parse_form, split_form
from coworker_pipelines.provisioning.indices import ConnectionIndices
from coworker_pipelines.provisioning.tenants import tenant_keys
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.stream import Catalog
from coworker_pipelines.secrets.fingerprint import fingerprint
from coworker_pipelines.secrets.store import SecretStore

ELASTICSEARCH_API_KEY = "elasticsearch_api_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOrder:
    """What somebody asks for. ``streams`` of ``None`` selects all that the source offers."""

    tenant: str
    name: str
    kind: str
    form: Mapping[str, Any]
    schedule: Schedule | None
    streams: Sequence[str] | None
    ordered_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionMaker:
    """The control plane's hands: database, secrets and indices of one platform."""

    database: Database
    secrets: SecretStore
    indices: ConnectionIndices
    clock: Clock

    def make(self, order: ConnectionOrder) -> str:
        """The handle of a new connection.

        The source is asked first; then the row, its indices, its key and its secrets are made
        before the row is committed. If a step fails, what was made is taken back.

        Raises:
            TenantActionError: the order cannot be carried out; one sentence says why.
        """
        connector_type = connector_class(order.kind)
        settings = parse_form(connector_type.settings_type, order.form)
        split = split_form(settings)
        try:
            catalog = offered(connector_type(settings))
        except RetryLaterError as error:
            # Nothing is there yet that could be tried again: whoever ordered has to.
            raise TenantActionError(str(error)) from error
        streams = sorted(
            (stream.name for stream in catalog) if order.streams is None else set(order.streams)
        )
        with ExitStack() as undo, self.database.control() as session:
            connection = self._row(session, order, dict(split.settings), catalog, streams)
            scope = connection.scope
            undo.callback(self.secrets.delete, connection.secret_reference)
            undo.callback(self.indices.remove, scope)
            self.indices.make(scope, streams)
            key = self.indices.mint_key(scope)
            self.secrets.put(
                connection.secret_reference, {**split.secrets, ELASTICSEARCH_API_KEY: key}
            )
            subject_key, _ = tenant_keys(self.secrets, scope.tenant)
            connection.secret_fingerprint = fingerprint(split.secrets, subject_key)
            handle = connection.handle
            session.commit()
            undo.pop_all()
        return handle

    def check(self, handle: str) -> Catalog:
        """Ask the source again; keep and return what it offers now.

        Raises:
            TenantActionError: the source refuses, or the settings no longer fit.
            RetryLaterError: the source does not answer now.
        """
        with self.database.control() as session:
            connection = find_connection(session, handle)
            connector = self.open_connector(connection)
        catalog = offered(connector)
        with self.database.control() as session:
            find_connection(session, handle).catalog = catalog_to_json(catalog)
        return catalog

    def open_connector(self, connection: Connection) -> Connector[Any]:
        """The connection's source, with its secrets."""
        return open_connector(
            connection.kind, connection.settings, self.secrets.get(connection.secret_reference)
        )

    def _row(
        self,
        session: Session,
        order: ConnectionOrder,
        settings: dict[str, Any],
        catalog: Catalog,
        streams: Sequence[str],
    ) -> Connection:
        now = self.clock.now()
        connection = add_connection(
            session,
            tenant=find_tenant(session, order.tenant),
            name=order.name,
            kind=order.kind,
            settings=settings,
            catalog=catalog_to_json(catalog),
            schedule=order.schedule,
            now=now,
        )
        add_selection(
            session,
            connection,
            dict.fromkeys(streams),
            made_by=order.ordered_by,
            now=now,
        )
        return connection


def open_connector(
    kind: str, settings: Mapping[str, Any], secrets: Mapping[str, Secret]
) -> Connector[Any]:
    """A source, from the two halves of its form."""
    connector_type = connector_class(kind)
    return connector_type(join_form(connector_type.settings_type, settings, secrets))


def offered(connector: Connector[Any]) -> Catalog:
    """What the source offers, once it has answered that we may read it."""
    try:
        connector.check()
        return connector.discover()
    finally:
        connector.close()
