"""A connection on real stores, with policies and holds of a test's own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from typing import Any

from coworker_pipelines.activities.derivation import derive_pending
from coworker_pipelines.connections.catalogs import catalog_to_json
from coworker_pipelines.connections.connections import add_connection
from coworker_pipelines.connections.rejected import DatabaseRejectedStore
from coworker_pipelines.connections.retention import Age, Basis
from coworker_pipelines.connections.selections import add_selection
from coworker_pipelines.connections.tenants import add_tenant
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.extraction.payload import time_text
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.privacy.holds import HoldOrder, place_hold
from coworker_pipelines.privacy.retention.judgement import Times
from coworker_pipelines.privacy.retention.policies import set_policy
from coworker_pipelines.privacy.retention.sweep import StreamSweep, sweep_stream
from coworker_pipelines.sdk.stream import Catalog
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.segments.memory import MemorySegmentStore
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.activities.opened import Opened, opened
from tests.activities.shapes import CARDS, KIND, SUBJECT_KEY, BoardConnector, card
from tests.database_fixtures import MASTER
from tests.privacy.receipts.claims import journal
from tests.privacy.retention.worlds import NOW

STREAM = CARDS.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One connection with one stream, which is empty at first."""

    connection: Opened
    holdings: Holdings

    @property
    def scope(self) -> Scope:
        return self.holdings.scope

    @property
    def extent(self) -> Extent:
        return Extent(tenant=self.scope.tenant, connection=self.scope.connection)

    def put(self, documents: Sequence[StoredDocument], *, derived: bool = True) -> None:
        self.connection.put(STREAM, documents)
        if derived:
            derive_pending(
                connector_class=BoardConnector,
                stream=CARDS,
                window=None,
                sync=None,
                scope=self.scope,
                kind=KIND,
                subject_key=SUBJECT_KEY,
                reader=self.holdings.reader,
                store=self.holdings.activities,
            )

    def keep(
        self,
        *,
        days: int,
        grace_days: int = 0,
        basis: Basis = Basis.EVENT,
        now: datetime = NOW,
    ) -> None:
        with self.holdings.database.control() as session:
            set_policy(
                session,
                journal(),
                self.extent,
                basis=basis,
                age=Age(days=days),
                grace_days=grace_days,
                made_by="ann",
                now=now,
            )

    def hold(self, *, since: datetime | None = None, until: datetime | None = None) -> str:
        with self.holdings.database.control() as session:
            return place_hold(session, journal(), self.order(since=since, until=until), now=NOW).id

    def order(self, *, since: datetime | None = None, until: datetime | None = None) -> HoldOrder:
        return HoldOrder(
            extent=self.extent,
            since=since,
            until=until,
            matter="L-7",
            owner="legal",
            reason="a court's order",
            review_at=date(2026, 9, 1),
            placed_by="ann",
        )

    def sweep(self, *, at: datetime = NOW) -> StreamSweep:
        swept = sweep_stream(self.holdings, STREAM, clock=FixedClock(at))
        assert swept is not None
        return swept

    def documents(self) -> dict[str, StoredDocument]:
        pages = self.holdings.reader.scan(STREAM)
        return {document.key: document for page in pages for document in page}

    def activities_of(self) -> set[str]:
        """Keys of the documents that have an activity."""
        pages = self.holdings.activities.scan(STREAM)
        return {event["data"]["document"]["key"] for page in pages for event in page}


@contextmanager
def kept(address: ElasticsearchAddress, database: Database) -> Iterator[Kept]:
    scope = _add_connection(database)
    with opened(address, scope, [STREAM]) as connection:
        yield Kept(
            connection=connection,
            holdings=Holdings(
                scope=scope,
                kind=KIND,
                catalog=Catalog((CARDS,)),
                connector_class=BoardConnector,
                subject_key=SUBJECT_KEY,
                database=database,
                segments=MemorySegmentStore(),
                rejected=DatabaseRejectedStore(database, scope, Cipher(bytes(32))),
                reader=connection.reader,
                writer=connection.writer,
                activities=connection.activities,
                admin=connection.admin,
                replicas=0,
            ),
        )


def stored(number: int, times: Times, **changes: object) -> StoredDocument:
    """A card of these times."""
    occurred_at = times.occurred_at
    content: dict[str, Any] = {
        "occurred_at": None if occurred_at is None else time_text(occurred_at),
        "extracted_at": time_text(times.extracted_at),
        "window": Window.of(occurred_at or times.extracted_at).key,
        "content_hash": blake2b(str(number).encode(), digest_size=16).hexdigest(),
    }
    return card(number, **{**content, **changes})


def _add_connection(database: Database) -> Scope:
    with database.control() as session:
        connection = add_connection(
            session,
            tenant=add_tenant(session, MASTER, slug="acme", name="Acme", now=NOW),
            name="board",
            kind=KIND,
            settings={},
            catalog=catalog_to_json(Catalog((CARDS,))),
            schedule=None,
            now=NOW,
        )
        add_selection(session, connection, {STREAM: None}, made_by="ann", now=NOW)
        return connection.scope
