"""Everything that an environment describes, as the shells use it."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any, Final, Self
from uuid import uuid4

from elasticsearch import Elasticsearch

from coworker_pipelines.assembly.reading import Reading
from coworker_pipelines.assembly.stores import Stores, open_segments, open_stores, own_address
from coworker_pipelines.connections.catalogs import catalog_from_json
from coworker_pipelines.connections.connections import find_connection, list_connections
from coworker_pipelines.connections.due import DueConnection, due_connections, mark_started
from coworker_pipelines.connections.selections import current_selection, selected_streams
from coworker_pipelines.connections.syncs import end_interrupted, end_sync, start_sync
from coworker_pipelines.connectors.registry import connector_class
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.extraction.extract import SEGMENT_BYTES
from coworker_pipelines.kernel.clock import Clock, SystemClock
from coworker_pipelines.kernel.errors import CoworkerError, RetryLaterError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.provisioning.connections import ConnectionMaker, open_connector
from coworker_pipelines.provisioning.indices import ConnectionIndices
from coworker_pipelines.provisioning.selections import SelectionMaker
from coworker_pipelines.provisioning.tenants import tenant_keys
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.stream import Catalog
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.redaction.process import process_redactor
from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.secrets.redaction.stores import RedactedSecretStore
from coworker_pipelines.secrets.store import SecretStore
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.local import LocalServices
from coworker_pipelines.settings import Settings
from coworker_pipelines.syncs import checks
from coworker_pipelines.syncs.context import Step, SyncContext
from coworker_pipelines.syncs.retry import RetryOutcome, retry_rejected
from coworker_pipelines.syncs.run import SyncRun

REJECTED_SHARE_MAX: Final = 0.05
REMOVAL_SHARE_MAX: Final = 0.2


def _silent(_: Step) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Configured:
    """A connection as the database knows it, read once."""

    scope: Scope
    handle: str
    kind: str
    settings: dict[str, Any]
    secret_reference: str
    catalog: Catalog
    limits: dict[str, Any]
    streams: tuple[str, ...]


class Platform:
    """Everything that an environment describes, opened when it is first needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        progress: Callable[[Step], None] = _silent,
        redactor: Redactor | None = None,
    ) -> None:
        self._settings = settings
        self._redactor = redactor or Redactor()
        self._progress = progress
        self._opened = ExitStack()
        self.clock: Clock = clock or SystemClock()

    @classmethod
    def from_environment(cls, *, progress: Callable[[Step], None] = _silent) -> Self:
        """The platform of this process, whose redactor knows what is read of secrets."""
        settings = Settings.from_environment(os.environ)
        return cls(settings, progress=progress, redactor=process_redactor())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back all connections; what is used afterwards is opened anew."""
        self._opened.close()
        for name in ("database", "admin"):
            self.__dict__.pop(name, None)

    @cached_property
    def local(self) -> LocalServices:
        """The services of this machine, for what the settings name no other address of."""
        return LocalServices(
            self._settings.state,
            elasticsearch_port=self._settings.elasticsearch_port,
            environment=os.environ,
            cache=self._settings.cache,
        )

    @cached_property
    def database(self) -> Database:
        url = self._settings.database_url or self.local.database_url()
        self._redactor.register(url)
        return self._opened.enter_context(Database(url))

    @cached_property
    def secrets(self) -> SecretStore:
        state = self._settings.state
        store = FileSecretStore(state / "secrets", state / "secrets.key")
        return RedactedSecretStore(store, self._redactor)

    @cached_property
    def admin(self) -> Elasticsearch:
        """With the control plane's rights, which no run uses."""
        client = open_client(self._elasticsearch())
        self._opened.callback(client.close)
        return client

    @property
    def maker(self) -> ConnectionMaker:
        return ConnectionMaker(
            database=self.database, secrets=self.secrets, indices=self._indices, clock=self.clock
        )

    @property
    def selections(self) -> SelectionMaker:
        return SelectionMaker(
            database=self.database,
            indices=self._indices,
            holdings=self.open_holdings,
            clock=self.clock,
        )

    @contextmanager
    def open_sync(self, handle: str, run_id: str, windows: Sequence[Window]) -> Iterator[SyncRun]:
        """The connection's phases; a sync of that run is recorded, with how it ended.

        Raises:
            TenantActionError: there is no such connection.
        """
        with self._sync_context(handle, run_id, windows) as (context, streams):
            yield SyncRun(context, streams)

    def retry_rejected(self, handle: str, *, stream: str | None) -> RetryOutcome:
        """Try rejected records again, and make the activities of what was taken."""
        window = Window.of(self.clock.now())
        with self.open_reading(handle) as reading:
            if stream is not None:
                reading.catalog.stream(stream)
            if not reading.rejected.list(stream=stream, limit=1):
                return RetryOutcome()
        with self._sync_context(handle, f"retry-{uuid4()}", [window]) as (context, _):
            return retry_rejected(context, stream)

    @contextmanager
    def open_reading(self, handle: str) -> Iterator[Reading]:
        configured = self._configured(handle)
        with self._stores(configured) as stores:
            yield Reading(
                scope=configured.scope,
                streams=configured.streams,
                catalog=configured.catalog,
                documents=stores.reader,
                activities=stores.activities,
                rejected=stores.rejected,
            )

    @contextmanager
    def open_holdings(self, handle: str) -> Iterator[Holdings]:
        """All of a connection's data, with the rights to remove it."""
        configured = self._configured(handle)
        with self._stores(configured) as stores:
            yield Holdings(
                scope=configured.scope,
                kind=configured.kind,
                catalog=configured.catalog,
                connector_class=connector_class(configured.kind),
                subject_key=stores.subject_key,
                database=self.database,
                segments=stores.segments,
                rejected=stores.rejected,
                reader=stores.reader,
                writer=stores.writer,
                activities=stores.activities,
                admin=self.admin,
                replicas=self._settings.replicas,
            )

    def own_address(self, handle: str) -> ElasticsearchAddress:
        """Elasticsearch with the connection's own key: what a run gets, and no more."""
        reference = self._configured(handle).secret_reference
        return own_address(self._elasticsearch(), self.secrets.get(reference))

    def due(self, now: datetime, limit: int) -> list[DueConnection]:
        with self.database.control() as session:
            return due_connections(session, now=now, limit=limit)

    def mark_started(self, due: DueConnection) -> bool:
        with self.database.control() as session:
            return mark_started(session, due, now=self.clock.now())

    def connections(self, kind: str) -> list[str]:
        """Handles of all connections of a kind."""
        with self.database.control() as session:
            return [connection.handle for connection in list_connections(session, kind=kind)]

    def balance_of_last_sync(self, handle: str, stream: str) -> checks.CheckResult:
        configured = self._configured(handle)
        with self.database.tenant(configured.scope.tenant) as session:
            return checks.balance_of_last_sync(session, configured.scope, stream)

    def index_owner(self, handle: str, stream: str) -> checks.CheckResult:
        configured = self._configured(handle)
        with self._stores(configured) as stores:
            return checks.index_owner(stores.client, configured.scope, stream)

    def freshness(self, kind: str) -> checks.CheckResult:
        with self.database.control() as session:
            return checks.freshness(session, kind, now=self.clock.now())

    @contextmanager
    def _sync_context(
        self, handle: str, run_id: str, windows: Sequence[Window]
    ) -> Iterator[tuple[SyncContext, tuple[str, ...]]]:
        configured = self._configured(handle)
        sync = self._start_sync(configured.scope, run_id, windows)
        ended: str | None = "A defect stopped it; the run's log says where."
        try:
            with self._stores(configured) as stores, ExitStack() as source:

                @cache
                def connector() -> Connector[Any]:
                    return source.enter_context(closing(self._open_connector(configured)))

                yield self._context(configured, stores, sync, connector), configured.streams
            ended = None
        except CoworkerError as error:
            ended = str(error)
            raise
        finally:
            self._end_sync(configured.scope, sync, ended)

    def _stores(self, configured: _Configured) -> AbstractContextManager[Stores]:
        return open_stores(
            configured.scope,
            address=own_address(
                self._elasticsearch(), self.secrets.get(configured.secret_reference)
            ),
            keys=tenant_keys(self.secrets, configured.scope.tenant),
            segments=open_segments(self._settings.segments, configured.scope),
            database=self.database,
        )

    def _context(
        self,
        configured: _Configured,
        stores: Stores,
        sync: str,
        connector: Callable[[], Connector[Any]],
    ) -> SyncContext:
        limits = configured.limits
        return SyncContext(
            scope=configured.scope,
            handle=configured.handle,
            kind=configured.kind,
            sync=sync,
            catalog=configured.catalog,
            connector_class=connector_class(configured.kind),
            connector=connector,
            database=self.database,
            segments=stores.segments,
            rejected=stores.rejected,
            writer=stores.writer,
            reader=stores.reader,
            activities=stores.activities,
            subject_key=stores.subject_key,
            clock=self.clock,
            progress=self._progress,
            rejected_share_max=limits.get("rejected_share_max", REJECTED_SHARE_MAX),
            removal_share_max=limits.get("removal_share_max", REMOVAL_SHARE_MAX),
            segment_bytes=limits.get("segment_bytes", SEGMENT_BYTES),
        )

    def _start_sync(self, scope: Scope, run_id: str, windows: Sequence[Window]) -> str:
        now = self.clock.now()
        with self.database.tenant(scope.tenant) as session:
            sync = start_sync(session, scope, run_id=run_id, windows=windows, now=now).id
        try:
            with (
                self.database.connection_lock(scope.connection, wait_s=0),
                self.database.tenant(scope.tenant) as session,
            ):
                end_interrupted(session, scope, current=sync, now=now)
        except RetryLaterError:
            # Somebody works on the connection: its sync is alive.
            return sync
        return sync

    def _end_sync(self, scope: Scope, sync: str, error: str | None) -> None:
        with self.database.tenant(scope.tenant) as session:
            end_sync(session, sync, now=self.clock.now(), error=error)

    def _configured(self, handle: str) -> _Configured:
        with self.database.control() as session:
            connection = find_connection(session, handle)
            selection = current_selection(session, connection.id)
            return _Configured(
                scope=connection.scope,
                handle=connection.handle,
                kind=connection.kind,
                settings=connection.settings,
                secret_reference=connection.secret_reference,
                catalog=catalog_from_json(connection.catalog),
                limits=connection.limits,
                streams=tuple(sorted(selected_streams(selection))),
            )

    def _open_connector(self, configured: _Configured) -> Connector[Any]:
        return open_connector(
            configured.kind,
            configured.settings,
            self.secrets.get(configured.secret_reference),
        )

    @property
    def _indices(self) -> ConnectionIndices:
        return ConnectionIndices(client=self.admin, replicas=self._settings.replicas)

    def _elasticsearch(self) -> ElasticsearchAddress:
        address = self._settings.elasticsearch or self.local.elasticsearch_address()
        if address.user is not None and address.password is not None:
            self._redactor.register_login(address.user, address.password)
        if address.api_key is not None:
            self._redactor.register(address.api_key)
        return address
