"""Everything that an environment describes, as the control plane uses it."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from functools import cached_property
from typing import Self
from uuid import uuid4

from elasticsearch import Elasticsearch

from coworker_pipelines.access.readings import DocumentReadings
from coworker_pipelines.assembly.credentials import (
    Credentials,
    minted_credentials,
    own_credentials,
    source_secrets,
)
from coworker_pipelines.assembly.letting_in import LettingIn
from coworker_pipelines.assembly.places import (
    SecretPlace,
    in_the_cluster,
    on_this_machine,
    open_own_cluster,
    redacted,
)
from coworker_pipelines.assembly.reading import Reading
from coworker_pipelines.assembly.retaining import Retaining
from coworker_pipelines.assembly.safeguards import Safeguards
from coworker_pipelines.assembly.stores import open_file_store
from coworker_pipelines.assembly.syncing import (
    Configured,
    Syncing,
    entered_with,
    read_configured,
)
from coworker_pipelines.cluster.client import Cluster
from coworker_pipelines.connections.connections import list_connections
from coworker_pipelines.connections.due import DueConnection, due_connections, mark_started
from coworker_pipelines.connectors.registry import connector_class
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.kernel.clock import Clock, SystemClock
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.clock import DeletionClock, order_clock
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.privacy.orders import OrderKind, without_deleted
from coworker_pipelines.provisioning.access import RunAddresses
from coworker_pipelines.provisioning.connections import ConnectionMaker
from coworker_pipelines.provisioning.indices import ConnectionIndices
from coworker_pipelines.provisioning.keys import KeyMaker
from coworker_pipelines.provisioning.selections import SelectionMaker
from coworker_pipelines.provisioning.tenants import TenantMaker
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.key_file import read_master_key
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.secrets.redaction.process import process_redactor
from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.local import LocalServices
from coworker_pipelines.settings import SecretsIn, Settings
from coworker_pipelines.syncs import checks
from coworker_pipelines.syncs.context import Step
from coworker_pipelines.syncs.retry import RetryOutcome, retry_rejected
from coworker_pipelines.syncs.run import SyncRun


def silent(_: Step) -> None:
    """Progress that nobody watches."""


class Platform:
    """Everything that an environment describes, opened when it is first needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        progress: Callable[[Step], None] = silent,
        redactor: Redactor | None = None,
    ) -> None:
        self._settings = settings
        self._redactor = redactor or Redactor()
        self._progress = progress
        self._opened = ExitStack()
        self.clock: Clock = clock or SystemClock()

    @classmethod
    def from_environment(cls, *, progress: Callable[[Step], None] = silent) -> Self:
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
        for name in ("database", "admin", "cluster"):
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
        return self._opened.enter_context(Database(url, self._pass_of))

    @cached_property
    def master(self) -> MasterKey:
        return read_master_key(self._settings.master_key_file)

    @property
    def safeguards(self) -> Safeguards:
        return Safeguards(self._settings, self.database, lambda: self.master, lambda: self.admin)

    @cached_property
    def file_secrets(self) -> FileSecretStore:
        """The store of this machine, which only a deployment without a cluster has."""
        return open_file_store(self._settings)

    @cached_property
    def cluster(self) -> Cluster:
        return self._opened.enter_context(open_own_cluster(self._settings))

    @property
    def place(self) -> SecretPlace:
        """Where the secrets of connections rest; what passes is masked from then on."""
        match self._settings.secrets:
            case SecretsIn.FILE:
                place = on_this_machine(self.file_secrets)
            case SecretsIn.KUBERNETES:
                place = in_the_cluster(self.cluster, self._settings)
        return redacted(place, self._redactor)

    @cached_property
    def admin(self) -> Elasticsearch:
        """With the control plane's rights, which no run uses."""
        client = open_client(self._elasticsearch())
        self._opened.callback(client.close)
        return client

    @property
    def tenants(self) -> TenantMaker:
        return TenantMaker(
            database=self.database, master=self.master, house=self.place.house, clock=self.clock
        )

    @property
    def maker(self) -> ConnectionMaker:
        return ConnectionMaker(
            database=self.database, keys=self.keys, reader=self.place.reader, clock=self.clock
        )

    @property
    def keys(self) -> KeyMaker:
        return KeyMaker(
            database=self.database,
            secrets=self.place.writer,
            indices=self._indices,
            master=self.master,
            clock=self.clock,
            addresses=RunAddresses(
                database_url=self._settings.run_database_url,
                dagster_database_url=self._settings.run_dagster_database_url,
            ),
        )

    @property
    def selections(self) -> SelectionMaker:
        return SelectionMaker(
            database=self.database,
            indices=self._indices,
            holdings=self.open_holdings,
            clock=self.clock,
        )

    def open_sync(
        self, handle: str, run_id: str, windows: Sequence[Window]
    ) -> AbstractContextManager[SyncRun]:
        self.safeguards.require_current()
        return self._syncing.open_sync(handle, run_id, windows)

    def balance_of_last_sync(self, handle: str, stream: str) -> checks.CheckResult:
        return self._syncing.balance_of_last_sync(handle, stream)

    def index_owner(self, handle: str, stream: str) -> checks.CheckResult:
        return self._syncing.index_owner(handle, stream)

    def retention_truth(self, handle: str, stream: str) -> checks.CheckResult:
        return self._syncing.retention_truth(handle, stream)

    def retry_rejected(self, handle: str, *, stream: str | None) -> RetryOutcome:
        """Try rejected records again, and make the activities of what was taken."""
        window = Window.of(self.clock.now())
        with self.open_reading(handle) as reading:
            if stream is not None:
                reading.catalog.stream(stream)
            if not reading.rejected.list(stream=stream, limit=1):
                return RetryOutcome()
        with self._syncing.open_context(handle, f"retry-{uuid4()}", [window]) as (context, _):
            return retry_rejected(context, stream)

    @contextmanager
    def open_reading(self, handle: str) -> Iterator[Reading]:
        self.safeguards.require_current()
        configured = self._configured(handle)
        with self._syncing.open_stores(configured) as stores:
            yield Reading(
                scope=configured.scope,
                streams=configured.streams,
                catalog=configured.catalog,
                documents=stores.reader,
                activities=stores.activities,
                rejected=stores.rejected,
                readings=DocumentReadings(
                    self.database, configured.scope, configured.handle, stores.cipher
                ),
            )

    @contextmanager
    def open_holdings(self, handle: str) -> Iterator[Holdings]:
        """All of a connection's data, with the rights to remove it."""
        configured = self._configured(handle)
        with self._syncing.open_stores(configured) as stores:
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

    @property
    def retention(self) -> Retaining:
        return Retaining(self.database, self.open_holdings, self.clock, self.safeguards)

    def tenants_with_policies(self, after: str, limit: int) -> list[str]:
        return self.retention.tenants(after, limit)

    def due(self, now: datetime, limit: int) -> list[DueConnection]:
        with self.database.control() as session:
            return due_connections(session, now=now, limit=limit)

    def mark_started(self, due: DueConnection) -> bool:
        with self.database.control() as session:
            return mark_started(session, due, now=self.clock.now())

    def connections(self, kind: str) -> list[str]:
        """Handles of all connections of a kind, without those that are being deleted."""
        with self.database.control() as session:
            found = list_connections(session, kind=kind)
            return [one.handle for one in without_deleted(session, found)]

    def rotate_expiring_keys(self, limit: int) -> list[str]:
        """Handles of the connections whose key was about to expire and is new now."""
        return self.keys.rotate_expiring(limit=limit)

    @property
    def letting_in(self) -> LettingIn:
        return LettingIn(database=self.database, place=self.place, clock=self.clock)

    def tokens_are_due(self) -> bool:
        return self.letting_in.tokens_are_due()

    def refresh_tokens(self) -> dict[str, int]:
        """With the refresher's rights, which no other process has; how many ended how."""
        return self.letting_in.refresh_tokens()

    def deletion_clock(self) -> DeletionClock:
        with self.database.control() as session:
            return order_clock(session, OrderKind.DELETION, now=self.clock.now())

    def erasure_clock(self) -> DeletionClock:
        with self.database.control() as session:
            return order_clock(session, OrderKind.ERASURE, now=self.clock.now())

    def own_address(self, handle: str) -> ElasticsearchAddress:
        """Elasticsearch with the connection's own key: what a run gets, and no more."""
        credentials = self.credentials(self._configured(handle).scope)
        return entered_with(self._elasticsearch(), credentials.api_key)

    def scope_of(self, handle: str) -> Scope:
        return self._configured(handle).scope

    def credentials(self, scope: Scope) -> Credentials:
        """A connection's own where they can be read, else what is minted for a short visit."""
        reader = self.place.reader
        if reader is not None:
            return own_credentials(reader, scope)
        return minted_credentials(self.database, self.master, self.admin, scope)

    def freshness(self, kind: str) -> checks.CheckResult:
        with self.database.control() as session:
            return checks.freshness(session, kind, now=self.clock.now())

    @property
    def _syncing(self) -> Syncing:
        return Syncing(
            settings=self._settings,
            database=self.database,
            elasticsearch=self._elasticsearch(),
            configured=self._configured,
            credentials=self.credentials,
            source_secrets=lambda scope: source_secrets(self.place.reader, scope),
            token_reader=self.place.reader,
            clock=self.clock,
            progress=self._progress,
        )

    def _configured(self, handle: str) -> Configured:
        with self.database.control() as session:
            return read_configured(session, handle)

    def _pass_of(self, tenant: str) -> Secret:
        # Who works with no tenant's rows, as sensors do, needs no master key.
        database_pass = self.master.database_pass(tenant)
        self._redactor.register(database_pass)
        return database_pass

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
