"""Working on one connection with what is its own: the half that every process of ours shares."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, Final

from sqlalchemy.orm import Session

from coworker_pipelines.assembly.credentials import Credentials
from coworker_pipelines.assembly.stores import Stores, open_segments, open_stores
from coworker_pipelines.connections.catalogs import catalog_of
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.selections import current_selection, selected_streams
from coworker_pipelines.connections.syncs import end_interrupted, end_sync, start_sync
from coworker_pipelines.connectors.registry import connector_class
from coworker_pipelines.database.database import Database
from coworker_pipelines.extraction.extract import SEGMENT_BYTES
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import CoworkerError, RetryLaterError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.oauth.tokens import token_source
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.orders import refuse_under_order
from coworker_pipelines.privacy.retention.truth import as_check, measure
from coworker_pipelines.provisioning.connections import open_connector
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.stream import Catalog
from coworker_pipelines.secrets.store import SecretReader
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.settings import Settings
from coworker_pipelines.syncs import checks
from coworker_pipelines.syncs.context import Step, SyncContext
from coworker_pipelines.syncs.fenced import FencedSegmentStore
from coworker_pipelines.syncs.run import SyncRun

REJECTED_SHARE_MAX: Final = 0.05
REMOVAL_SHARE_MAX: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A connection as the database knows it, read once."""

    scope: Scope
    handle: str
    kind: str
    settings: dict[str, Any]
    catalog: Catalog
    limits: dict[str, Any]
    streams: tuple[str, ...]


def read_configured(session: Session, handle: str) -> Configured:
    connection = find_connection(session, handle)
    selection = current_selection(session, connection.id)
    return Configured(
        scope=connection.scope,
        handle=connection.handle,
        kind=connection.kind,
        settings=connection.settings,
        catalog=catalog_of(connection),
        limits=connection.limits,
        streams=tuple(sorted(selected_streams(selection))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Syncing:
    """``elasticsearch`` is only an address: it is entered with what ``credentials`` gives.

    ``configured`` finds a connection by its handle, ``source_secrets`` what its source wants,
    ``token_reader`` reads what the refresher puts away for one that was let in by OAuth.
    """

    settings: Settings
    database: Database
    elasticsearch: ElasticsearchAddress
    configured: Callable[[str], Configured]
    credentials: Callable[[Scope], Credentials]
    source_secrets: Callable[[Scope], Mapping[str, Secret]]
    token_reader: SecretReader | None
    clock: Clock
    progress: Callable[[Step], None]

    @contextmanager
    def open_sync(self, handle: str, run_id: str, windows: Sequence[Window]) -> Iterator[SyncRun]:
        """The connection's phases; a sync of that run is recorded, with how it ended.

        Raises:
            TenantActionError: there is no such connection.
        """
        with self.open_context(handle, run_id, windows) as (context, streams):
            yield SyncRun(context, streams)

    @contextmanager
    def open_context(
        self, handle: str, run_id: str, windows: Sequence[Window]
    ) -> Iterator[tuple[SyncContext, tuple[str, ...]]]:
        """The same, for work that is no phase; with the selected streams."""
        configured = self.configured(handle)
        self._refuse_under_order(configured.scope)
        sync = self._start_sync(configured.scope, run_id, windows)
        ended: str | None = "A defect stopped it; the run's log says where."
        try:
            with self.open_stores(configured) as stores, ExitStack() as source:

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

    def open_stores(self, configured: Configured) -> AbstractContextManager[Stores]:
        credentials = self.credentials(configured.scope)
        return open_stores(
            configured.scope,
            address=entered_with(self.elasticsearch, credentials.api_key),
            keys=credentials.keys,
            segments=open_segments(self.settings.segments, configured.scope),
            database=self.database,
        )

    def balance_of_last_sync(self, handle: str, stream: str) -> checks.CheckResult:
        configured = self.configured(handle)
        with self.database.tenant(configured.scope.tenant) as session:
            return checks.balance_of_last_sync(session, configured.scope, stream)

    def index_owner(self, handle: str, stream: str) -> checks.CheckResult:
        configured = self.configured(handle)
        with self.open_stores(configured) as stores:
            return checks.index_owner(stores.client, configured.scope, stream)

    def retention_truth(self, handle: str, stream: str) -> checks.CheckResult:
        configured = self.configured(handle)
        with self.open_stores(configured) as stores:
            return as_check(
                measure(
                    stores.client,
                    partial(self.database.tenant, configured.scope.tenant),
                    configured.scope,
                    stream,
                    now=self.clock.now(),
                )
            )

    def _context(
        self,
        configured: Configured,
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
            segments=FencedSegmentStore(stores.segments, self.database, configured.scope),
            rejected=stores.rejected,
            writer=stores.writer,
            reader=stores.reader,
            activities=stores.activities,
            subject_key=stores.subject_key,
            clock=self.clock,
            progress=self.progress,
            rejected_share_max=limits.get("rejected_share_max", REJECTED_SHARE_MAX),
            removal_share_max=limits.get("removal_share_max", REMOVAL_SHARE_MAX),
            segment_bytes=limits.get("segment_bytes", SEGMENT_BYTES),
        )

    def _open_connector(self, configured: Configured) -> Connector[Any]:
        secrets = self.source_secrets(configured.scope)
        tokens = token_source(self.token_reader, configured.scope, self.clock)
        return open_connector(configured.kind, configured.settings, secrets, tokens)

    def _refuse_under_order(self, scope: Scope) -> None:
        """After the epoch was read: whoever raises it has confirmed his order before."""
        with self.database.tenant(scope.tenant) as session:
            refuse_under_order(session, Extent(tenant=scope.tenant, connection=scope.connection))

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


def entered_with(address: ElasticsearchAddress, api_key: Secret) -> ElasticsearchAddress:
    """The cluster, to be entered with one connection's own key and nothing else."""
    return replace(address, user=None, password=None, api_key=api_key)
