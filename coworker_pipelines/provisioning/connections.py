"""Making and changing connections: checked at the source, then whole in every store or nowhere."""

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
from coworker_pipelines.connections.tenants import find_tenant, tenant_keys
from coworker_pipelines.connectors.registry import connector_class
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError, TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.failures import not_authorised
from coworker_pipelines.oauth.tokens import token_source
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.orders import refuse_under_order
from coworker_pipelines.provisioning.forms import (
    SplitForm,
    join_form,
    parse_form,
    secret_fields,
    split_form,
)
from coworker_pipelines.provisioning.keys import KeyMaker
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.oauth import TokenSource
from coworker_pipelines.sdk.stream import Catalog
from coworker_pipelines.secrets.fingerprint import fingerprint
from coworker_pipelines.secrets.references import access_reference, source_reference
from coworker_pipelines.secrets.store import SecretReader


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
    """The control plane's hands; ``reader`` is there where it may look at what it wrote."""

    database: Database
    keys: KeyMaker
    reader: SecretReader | None
    clock: Clock

    def make(self, order: ConnectionOrder) -> str:
        """The handle of a new connection.

        The source is asked first; then the row, its indices, its key and its secrets are made
        before the row is committed. If a step fails, what was made is taken back. Where the
        tenant has to let us in by OAuth first, the connection needs attention until that is done.

        Raises:
            TenantActionError: the order cannot be carried out; one sentence says why.
        """
        connector_type = connector_class(order.kind)
        settings = parse_form(connector_type.settings_type, order.form)
        split = split_form(settings)
        is_let_in = not _awaits_consent(connector_type, split)
        catalog = (
            _asked(connector_type(settings)) if is_let_in else _fixed(connector_type, settings)
        )
        streams = sorted(
            (stream.name for stream in catalog) if order.streams is None else set(order.streams)
        )
        with ExitStack() as undo, self.database.control() as session:
            connection = self._row(session, order, dict(split.settings), catalog, streams)
            _refuse_under_order(session, connection)
            scope = connection.scope
            for reference in (source_reference(scope), access_reference(scope)):
                undo.callback(self.keys.secrets.delete, reference)
            undo.callback(self.keys.indices.remove, scope)
            self.keys.indices.make(scope, streams)
            self.keys.hand_over(session, connection, undo)
            self._put_secrets(session, connection, split)
            handle = connection.handle
            if not is_let_in:
                connection.needs_attention = not_authorised(handle)
                connection.needs_attention_at = self.clock.now()
            session.commit()
            undo.pop_all()
        return handle

    def change(self, handle: str, form: Mapping[str, Any]) -> Catalog:
        """Change settings, secrets or both: the source is asked with the new ones first.

        What is not in ``form`` stays. Where the control plane cannot look at its secrets, all of
        them have to be given again as soon as one is, or as the source wants them to be checked.

        Raises:
            TenantActionError: the new settings do not fit, or the source refuses them; the
                connection is then as it was.
        """
        with self.database.control() as session:
            connection = find_connection(session, handle)
            connector_type, before = connector_class(connection.kind), dict(connection.settings)
            kept = self._kept_secrets(connection, form)
            tokens = self._token_source(connection.scope)
        settings_type = connector_type.settings_type
        settings = parse_form(settings_type, {**before, **kept, **form})
        split = split_form(settings)
        catalog = _asked(_entered(connector_type, settings, tokens))
        with self.database.control() as session, ExitStack() as undo:
            connection = find_connection(session, handle)
            _refuse_under_order(session, connection)
            connection.settings = dict(split.settings)
            connection.catalog = catalog_to_json(catalog)
            connection.needs_attention = connection.needs_attention_at = None
            if form.keys() & set(secret_fields(settings_type)):
                if self.reader is not None:
                    undo.callback(self.keys.secrets.put, source_reference(connection.scope), kept)
                self._put_secrets(session, connection, split)
            session.commit()
            undo.pop_all()
        return catalog

    def check(self, handle: str) -> Catalog:
        """Ask the source again; keep and return what it offers now.

        Raises:
            TenantActionError: the source refuses, or the settings no longer fit.
            RetryLaterError: the source does not answer now.
            RefusedError: the secrets cannot be read here.
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
        if self.reader is None:
            raise RefusedError(
                "The control plane cannot read the secrets of connections; a sync, which can, "
                "checks the source before it reads."
            )
        secrets = self.reader.get(source_reference(connection.scope))
        tokens = self._token_source(connection.scope)
        return open_connector(connection.kind, connection.settings, secrets, tokens)

    def _token_source(self, scope: Scope) -> TokenSource:
        return token_source(self.reader, scope, self.clock, wait_s=0)

    def _kept_secrets(self, connection: Connection, form: Mapping[str, Any]) -> dict[str, Secret]:
        if self.reader is not None:
            return self.reader.get(source_reference(connection.scope))
        names = set(secret_fields(connector_class(connection.kind).settings_type))
        if connection.secrets_changed_at is not None and not form.keys() & names:
            raise TenantActionError(
                f"Give {' and '.join(sorted(names))} again, too: the control plane cannot read "
                "them, and checks every change at the source."
            )
        return {}

    def _put_secrets(self, session: Session, connection: Connection, split: SplitForm) -> None:
        self.keys.secrets.put(source_reference(connection.scope), split.secrets)
        keys = tenant_keys(session, self.keys.master, connection.tenant_id)
        connection.secret_fingerprint = fingerprint(split.secrets, keys.subject)
        connection.secrets_changed_at = self.clock.now() if split.secrets else None

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


def _refuse_under_order(session: Session, connection: Connection) -> None:
    """What is being deleted gets nothing new that could survive."""
    refuse_under_order(session, Extent(tenant=connection.tenant_id, connection=connection.id))


def open_connector(
    kind: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, Secret],
    token_source: TokenSource,
) -> Connector[Any]:
    """A source, from the two halves of its form, and whence a kind with OAuth has its token."""
    connector_type = connector_class(kind)
    joined = join_form(connector_type.settings_type, settings, secrets)
    return _entered(connector_type, joined, token_source)


def _entered(
    connector_type: type[Connector[Any]], settings: Any, token_source: TokenSource
) -> Connector[Any]:
    if connector_type.oauth is None:
        return connector_type(settings)
    return connector_type(settings, token_source=token_source)


def offered(connector: Connector[Any]) -> Catalog:
    """What the source offers, once it has answered that we may read it."""
    try:
        connector.check()
        return connector.discover().in_namespace(connector.namespace(connector.settings))
    finally:
        connector.close()


def _awaits_consent(connector_type: type[Connector[Any]], split: SplitForm) -> bool:
    return connector_type.oauth is not None and not split.secrets


def _fixed(connector_type: type[Connector[Any]], settings: Any) -> Catalog:
    catalog = Catalog(streams=connector_type.fixed_streams)
    return catalog.in_namespace(connector_type.namespace(settings))


def _asked(connector: Connector[Any]) -> Catalog:
    try:
        return offered(connector)
    except RetryLaterError as error:
        # Nothing is there yet that could be tried again: whoever ordered has to.
        raise TenantActionError(str(error)) from error
