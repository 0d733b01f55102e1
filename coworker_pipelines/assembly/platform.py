"""What the control plane does with a deployment: all connections, and each of them."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import uuid4

from coworker_pipelines.access.readings import DocumentReadings
from coworker_pipelines.assembly.acting import Acting
from coworker_pipelines.assembly.credentials import (
    Credentials,
    minted_credentials,
    own_credentials,
    source_secrets,
)
from coworker_pipelines.assembly.deployment import Deployment
from coworker_pipelines.assembly.holding import holdings_of, open_for_removal
from coworker_pipelines.assembly.letting_in import LettingIn
from coworker_pipelines.assembly.reading import Reading
from coworker_pipelines.assembly.retaining import Retaining, Sweeps
from coworker_pipelines.assembly.syncing import (
    Configured,
    Syncing,
    entered_with,
    read_configured,
)
from coworker_pipelines.automation.dispatch.effects import DISPATCHED
from coworker_pipelines.automation.dispatch.leasing import anything_due
from coworker_pipelines.connections.connections import list_connections
from coworker_pipelines.connections.due import DueConnection, due_connections, mark_started
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.clock import OrderClock, order_clock
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.privacy.orders import OrderKind, without_deleted
from coworker_pipelines.privacy.retention.policies import tenants_with_policies
from coworker_pipelines.provisioning.access import RunAddresses
from coworker_pipelines.provisioning.connections import ConnectionMaker
from coworker_pipelines.provisioning.indices import ConnectionIndices
from coworker_pipelines.provisioning.keys import KeyMaker
from coworker_pipelines.provisioning.selections import SelectionMaker
from coworker_pipelines.provisioning.tenants import TenantMaker
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.syncs import checks, decision_checks
from coworker_pipelines.syncs.retry import RetryOutcome, retry_rejected
from coworker_pipelines.syncs.run import SyncRun


class Platform(Deployment):
    """A deployment with everything that is done over all its connections, or over one."""

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
        """All of a connection's data, entered with a key of its own; the control plane removes."""
        configured = self._configured(handle)
        with self._syncing.open_stores(configured) as stores:
            yield holdings_of(
                configured,
                stores,
                database=self.database,
                admin=self.admin,
                replicas=self._settings.replicas,
            )

    @property
    def retention(self) -> Retaining:
        return Retaining(self.database, self.open_holdings, self.clock)

    @property
    def sweeps(self) -> Sweeps:
        """With the rights to remove, which the control plane of a cluster has not."""
        database = self.database
        return Sweeps(
            database,
            partial(open_for_removal, self, self._settings),
            self.clock,
            replace(self.safeguards, session=database.privacy),
        )

    def tenants_with_policies(self, after: str, limit: int) -> list[str]:
        with self.database.control() as session:
            return tenants_with_policies(session, after=after, limit=limit)

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

    @property
    def acting(self) -> Acting:
        """With the dispatcher's rights, which no other process of a cluster has."""
        return Acting(database=self.database, place=self.place, clock=self.clock)

    def actions_are_due(self) -> bool:
        with self.database.control() as session:
            return anything_due(session, now=self.clock.now(), actions=DISPATCHED)

    def dispatch_actions(self) -> dict[str, int]:
        """With the dispatcher's rights; how many came to what."""
        return dict(self.acting.dispatcher.turn())

    def deletion_clock(self) -> OrderClock:
        with self.database.control() as session:
            return order_clock(session, OrderKind.DELETION, now=self.clock.now())

    def erasure_clock(self) -> OrderClock:
        with self.database.control() as session:
            return order_clock(session, OrderKind.ERASURE, now=self.clock.now())

    def own_address(self, handle: str) -> ElasticsearchAddress:
        """Elasticsearch with the connection's own key: what a run gets, and no more."""
        credentials = self.credentials(self._configured(handle).scope)
        return entered_with(self.elasticsearch, credentials.api_key)

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

    def replay_of_the_day(self) -> checks.CheckResult:
        with self.database.control() as session:
            return decision_checks.replay_of_the_day(session, now=self.clock.now())

    def chains_of_the_day(self) -> checks.CheckResult:
        with self.database.control() as session:
            return decision_checks.chains_of_the_day(session, now=self.clock.now())

    def outbox_age(self) -> checks.CheckResult:
        with self.database.control() as session:
            return decision_checks.outbox_age(session, now=self.clock.now())

    def dead_letters(self) -> checks.CheckResult:
        with self.database.control() as session:
            return decision_checks.dead_letters(session, now=self.clock.now())

    @property
    def _syncing(self) -> Syncing:
        return Syncing(
            settings=self._settings,
            database=self.database,
            elasticsearch=self.elasticsearch,
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

    @property
    def _indices(self) -> ConnectionIndices:
        return ConnectionIndices(client=self.admin, replicas=self._settings.replicas)
