"""A connection with something in every place that a deselection must reach."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

from coworker_pipelines.activities.derivation import derive_pending
from coworker_pipelines.connections.catalogs import catalog_to_json
from coworker_pipelines.connections.connections import add_connection
from coworker_pipelines.connections.derivations import pending_derivations
from coworker_pipelines.connections.rejected import (
    DatabaseRejectedStore,
    RejectedEntry,
    RejectReason,
)
from coworker_pipelines.connections.rows import Connection, StreamState
from coworker_pipelines.connections.selections import Streams, add_selection
from coworker_pipelines.connections.stream_states import await_activities, stream_state
from coworker_pipelines.connections.tenants import add_tenant
from coworker_pipelines.database.database import Database
from coworker_pipelines.database.migrations import migrate
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.slug import stream_slug
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.sdk.stream import Catalog, IdentifierKind
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.segments.store import SegmentStore
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.activities.opened import Opened, opened
from tests.activities.shapes import CARDS, KIND, SUBJECT_KEY, BoardConnector, card
from tests.database_fixtures import MASTER, opened_database

NOTES = replace(CARDS, name="Notes of the board")
CATALOG = Catalog((CARDS, NOTES))
WINDOW = Window(2026, 1)
NOW = datetime(2026, 2, 1, tzinfo=UTC)
CARDS_STORED = 2_300
"""More than a block and more than two pages of a scan."""
NOTES_STORED = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocked:
    connection: Opened
    holdings: Holdings

    @property
    def scope(self) -> Scope:
        return self.holdings.scope

    def select(self, streams: Streams, *, keep: bool = False) -> None:
        """A new version of the selection, as the control plane makes it."""
        with self.holdings.database.control() as session:
            row = session.get_one(Connection, self.scope.connection)
            selection = add_selection(session, row, streams, made_by="ann", now=NOW)
            if keep:
                selection.applied_at = NOW

    def documents(self, stream: str) -> dict[str, StoredDocument]:
        pages = self.connection.reader.scan(stream)
        return {document.key: document for page in pages for document in page}

    def bytes_returned(self) -> bytes:
        """Everything that any index of the connection gives back."""
        self.connection.admin.indices.refresh(index=self.pattern)
        parts = self.connection.admin.search(index=self.pattern, size=10_000)["hits"]["hits"]
        assert len(parts) < 10_000
        return str(parts).encode()

    def people_found(self, number: int) -> int:
        """Documents and messages that the e-mail address of a card's author leads to."""
        self.connection.admin.indices.refresh(index=self.pattern)
        key = subject_key_of(IdentifierKind.EMAIL, address_of(number), SUBJECT_KEY)
        answer = self.connection.admin.count(
            index=self.pattern, query={"term": {"subject_keys": key}}
        )
        return int(answer["count"])

    @property
    def pattern(self) -> str:
        return f"cw.{self.scope.tenant}.{self.scope.connection}.*"

    def waits(self, stream: str) -> bool:
        with self.holdings.database.tenant(self.scope.tenant) as session:
            return bool(pending_derivations(session, self.scope, stream, WINDOW))

    def has_state(self, stream: str) -> bool:
        with self.holdings.database.tenant(self.scope.tenant) as session:
            return stream_state(session, self.scope, stream, WINDOW) is not None


class FolderlessSegmentStore(SegmentStore):
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    @contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        target = io.BytesIO()
        yield target
        self.objects[path] = target.getvalue()

    @contextmanager
    def read(self, path: str) -> Iterator[BinaryIO]:
        yield io.BytesIO(self.objects[path])

    def delete(self, path: str) -> None:
        self.objects.pop(path, None)

    def list(self, prefix: str) -> Iterator[str]:
        return (path for path in sorted(self.objects) if path.startswith(f"{prefix}/"))


def address_of(number: int) -> str:
    return f"person{number}@example.org"


def stored_card(number: int, **changes: Any) -> StoredDocument:
    key = subject_key_of(IdentifierKind.EMAIL, address_of(number), SUBJECT_KEY)
    assert key is not None
    return card(number, **{"subject_keys": (key,), **changes})


@contextmanager
def stocked(address: ElasticsearchAddress, database_url: str) -> Iterator[Stocked]:
    migrate(database_url)
    with opened_database(database_url) as database:
        scope = _add_connection(database)
        with opened(address, scope, [stream.name for stream in CATALOG]) as connection:
            holdings = _holdings(database, connection)
            connection.put("cards", [stored_card(number) for number in range(1, CARDS_STORED + 1)])
            connection.put(
                NOTES.name,
                [stored_card(number, version=None) for number in range(1, NOTES_STORED + 1)],
            )
            for stream in CATALOG:
                _stock(holdings, stream.name)
            yield Stocked(connection=connection, holdings=holdings)


def _add_connection(database: Database) -> Scope:
    with database.control() as session:
        connection = add_connection(
            session,
            tenant=add_tenant(session, MASTER, slug="acme", name="Acme", now=NOW),
            name="board",
            kind=KIND,
            settings={},
            catalog=catalog_to_json(CATALOG),
            schedule=None,
            now=NOW,
        )
        everything: Mapping[str, None] = dict.fromkeys(stream.name for stream in CATALOG)
        add_selection(session, connection, everything, made_by="ann", now=NOW)
        return connection.scope


def _holdings(database: Database, connection: Opened) -> Holdings:
    return Holdings(
        scope=connection.scope,
        kind=KIND,
        catalog=CATALOG,
        connector_class=BoardConnector,
        subject_key=SUBJECT_KEY,
        database=database,
        segments=FolderlessSegmentStore(),
        rejected=DatabaseRejectedStore(database, connection.scope, Cipher(bytes(32))),
        reader=connection.reader,
        writer=connection.writer,
        activities=connection.activities,
        admin=connection.admin,
        replicas=0,
    )


def _stock(holdings: Holdings, stream: str) -> None:
    derive_pending(
        connector_class=BoardConnector,
        stream=CATALOG.stream(stream),
        window=None,
        sync=None,
        scope=holdings.scope,
        kind=KIND,
        subject_key=SUBJECT_KEY,
        reader=holdings.reader,
        store=holdings.activities,
    )
    for name in ("manifest.json", "y0123456789abcde/0.segment"):
        with holdings.segments.write(f"{stream_slug(stream)}/{WINDOW.key}/{name}") as target:
            target.write(b"person1@example.org")
    holdings.rejected.put(
        [
            RejectedEntry(
                stream=stream,
                window=WINDOW,
                sync="y0123456789abcde",
                key="1",
                reason=RejectReason.TOO_LARGE,
                detail="too large",
                payload=b'{"author": "person1@example.org"}',
            )
        ]
    )
    with holdings.database.control() as session:
        session.add(
            StreamState(
                tenant_id=holdings.scope.tenant,
                connection_id=holdings.scope.connection,
                stream=stream,
                window=WINDOW.start_at.date(),
                cursor={"updated_at": "2026-01-01T00:00:00Z"},
                complete=False,
                selection_version=1,
                written_sync=None,
                segments_confirmed=0,
            )
        )
        await_activities(session, holdings.scope, stream, WINDOW, "y0123456789abcde")
