"""A platform of a test's own on the suite's servers, and what must be true of it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from coworker_pipelines.activities.derive import derive_messages
from coworker_pipelines.activities.store import Span
from coworker_pipelines.assembly import Platform
from coworker_pipelines.connections.catalogs import catalog_of
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.message_numbers import last_published
from coworker_pipelines.connections.rows import StreamState, SyncStream
from coworker_pipelines.connections.syncs import find_sync, list_syncs, sync_parts
from coworker_pipelines.connectors.registry import connector_class
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.extraction.payload import canonical_payload
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.provisioning.connections import ConnectionOrder
from coworker_pipelines.sdk.page import ReadRequest
from coworker_pipelines.settings import Settings

MARCH = Window(2026, 3)
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
PHASES = ("extract", "store", "derive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Payloads by stream and key; how often which activity is there."""

    payloads: Mapping[tuple[str, str], bytes]
    activities: Counter[tuple[str, str, int | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``settings`` name the suite's servers, a database and a folder of the test's own."""

    settings: Settings

    @contextmanager
    def opened(self, *, url: str | None = None, at: datetime = NOW) -> Iterator[Platform]:
        """The platform at a standing moment; ``url`` puts something before Elasticsearch."""
        with Platform(self.behind(url), clock=FixedClock(at)) as platform:
            yield platform

    def behind(self, url: str | None) -> Settings:
        if url is None:
            return self.settings
        assert self.settings.elasticsearch is not None
        address = replace(self.settings.elasticsearch, url=url)
        return replace(self.settings, elasticsearch=address)

    def add_tenant(self, slug: str = "acme") -> str:
        with self.opened() as platform:
            return platform.tenants.make(slug=slug, name=slug)

    def add_connection(
        self,
        form: Mapping[str, Any],
        *,
        tenant: str = "acme",
        name: str = "shop",
        kind: str = "sql",
        limits: Mapping[str, float] | None = None,
    ) -> str:
        """The handle of a new connection that takes in all that the source offers."""
        with self.opened() as platform:
            handle = platform.maker.make(
                ConnectionOrder(
                    tenant=tenant,
                    name=name,
                    kind=kind,
                    form=form,
                    schedule=None,
                    streams=None,
                    ordered_by="ann",
                )
            )
            with platform.database.control() as session:
                find_connection(session, handle).limits = dict(limits or {})
        return handle

    def sync(
        self, handle: str, *windows: Window, run: str, url: str | None = None, at: datetime = NOW
    ) -> None:
        with self.opened(url=url, at=at) as platform:
            sync_all(platform, handle, windows or (MARCH,), run=run)

    def stored(self, handle: str, stream: str) -> dict[str, StoredDocument]:
        with self.opened() as platform, platform.open_reading(handle) as reading:
            pages = list(reading.documents.scan(stream))
        documents = [document for page in pages for document in page]
        found = {document.key: document for document in documents}
        assert len(found) == len(documents)
        return found

    def content(self, handle: str, *streams: str) -> "Content":
        """All that is stored, without what differs between two connections to one source."""
        with self.opened() as platform, platform.open_reading(handle) as reading:
            payloads = {
                (stream, document.key): document.payload_bytes
                for stream in streams
                for page in reading.documents.scan(stream)
                for document in page
            }
            activities = Counter(
                (
                    message["subject"],
                    message["data"]["verb"],
                    message["data"]["document"]["version"],
                )
                for page in reading.activities.scan()
                for message in page
            )
        return Content(payloads=payloads, activities=activities)

    def activity_ids(self, handle: str) -> Counter[str]:
        with self.opened() as platform, platform.open_reading(handle) as reading:
            return Counter(message["id"] for page in reading.activities.scan() for message in page)

    def source(self, handle: str, stream: str, window: Window = MARCH) -> dict[str, bytes]:
        """What the source holds now: canonical payloads by key, asked without our pipeline."""
        with self.opened() as platform, platform.database.control() as session:
            connection = find_connection(session, handle)
            connector = platform.maker.open_connector(connection)
        with closing(connector):
            known = connector.discover().stream(stream)
            pages = connector.read(
                ReadRequest(
                    stream=known,
                    fields=known.field_names,
                    window=window,
                    since=window.start_at,
                    until=window.end_at,
                )
            )
            (key,) = known.primary_key
            return {
                str(record[key]): canonical_payload(record)
                for page in pages
                for record in page.records
            }

    def require_equal_to_source(self, handle: str, *streams: str) -> None:
        """Every stored payload is the source's, byte for byte, and each has its activities."""
        expected_activities: Counter[str] = Counter()
        for stream in streams:
            stored = self.stored(handle, stream)
            expected = self.source(handle, stream)
            assert stored.keys() == expected.keys()
            assert all(stored[key].payload_bytes == expected[key] for key in expected)
            expected_activities += self._activities_of(handle, stream, stored)
        found = self.activity_ids(handle)
        assert not expected_activities - found, "activities are missing"
        assert not found - expected_activities, "there are activities that no document makes"

    def require_numbered(self, handle: str) -> None:
        """Every message has a number of its own, up to the one that is published."""
        with self.opened() as platform:
            with platform.database.control() as session:
                last = last_published(session, find_connection(session, handle).scope)
            with platform.open_reading(handle) as reading:
                pages = list(reading.activities.in_order(Span(), up_to=last))
        numbers = [message.sequence for page in pages for message in page]
        assert None not in numbers
        assert len(set(numbers)) == len(numbers) == self.activity_ids(handle).total()

    def require_own_activities(self, handle: str, *streams: str) -> None:
        """Every stored document has its activities, and there is no other."""
        expected: Counter[str] = Counter()
        for stream in streams:
            expected += self._activities_of(handle, stream, self.stored(handle, stream))
        assert self.activity_ids(handle) == expected

    def require_balance(self, handle: str, **read: int) -> None:
        """Every sync balances, and the states have counted each record once."""
        with self.opened() as platform, platform.database.control() as session:
            connection = find_connection(session, handle)
            for sync in list_syncs(session, connection_id=connection.id, limit=1_000):
                assert all(part.counts.balanced for part in sync_parts(session, sync.id))
            states = session.query(StreamState).filter_by(connection_id=connection.id)
            totals: dict[str, Counts] = {}
            for state in states:
                totals[state.stream] = totals.get(state.stream, Counts()) + state.counts
        assert all(counts.balanced for counts in totals.values())
        assert {stream: totals[stream].read for stream in read} == read

    def counts_of(self, run: str) -> dict[str, SyncStream]:
        """What a run's sync did, by stream; its windows are expected to be one."""
        with self.opened() as platform, platform.database.control() as session:
            parts = sync_parts(session, find_sync(session, run).id)
            session.expunge_all()
        return {part.stream: part for part in parts}

    def remove(self, handle: str) -> None:
        """Free the node of a connection that is done with."""
        with self.opened() as platform:
            with platform.database.control() as session:
                scope = find_connection(session, handle).scope
            platform.keys.indices.remove(scope)

    def _activities_of(
        self, handle: str, stream: str, stored: Mapping[str, StoredDocument]
    ) -> Counter[str]:
        with self.opened() as platform:
            with platform.database.control() as session:
                connection = find_connection(session, handle)
                scope, kind = connection.scope, connection.kind
                session.expunge(connection)
            catalog = catalog_of(connection)
            subject_key = platform.credentials(scope).keys.subject
        return Counter(
            message.id
            for document in stored.values()
            for message in derive_messages(
                connector_class(kind),
                catalog.stream(stream),
                document,
                scope=scope,
                kind=kind,
                subject_key=subject_key,
            )
        )


def sync_all(
    platform: Platform,
    handle: str,
    windows: tuple[Window, ...],
    *,
    run: str,
    entered: Callable[[int], None] = lambda _: None,
) -> None:
    """The phases over every selected stream and window, as a Dagster run calls them.

    ``entered`` is told the number of each of ``PHASES`` when it begins; deciding, which comes to
    nothing without rules, is a part of the last.
    """
    with platform.open_sync(handle, run, windows) as sync:
        for number, phase in enumerate((sync.extract, sync.store, sync.derive)):
            entered(number)
            for stream in sync.streams:
                for window in windows:
                    phase(stream, window)
        for stream in sync.streams:
            for window in windows:
                sync.decide(stream, window)
