"""The places that hold something of a person, and the hands at each."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Final

from elasticsearch import Elasticsearch

from coworker_pipelines.connections.rejected import DatabaseRejectedStore, RejectedEntry
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents import names
from coworker_pipelines.documents.across import Hit, change, count_across, find_across
from coworker_pipelines.documents.reader import EVERYTHING, Query, matching
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.erasure.fate import Fates, count_deletes
from coworker_pipelines.privacy.erasure.places import Place, Places
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.segments.root import SegmentRoot

PASSES_MAX: Final = 5
"""The first takes out, the second finds nothing, unless a sync wrote in between."""
ROWS_AT_ONCE: Final = 500
LOCK_WAIT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one step took out."""

    deleted: int = 0
    masked: int = 0


Told = Callable[[Taken], None]
Touching = Callable[[frozenset[str]], None]
"""Hears of indices before they are changed: after a crash, their bytes have to go too."""
Keeping = Callable[[dict[str, frozenset[str]]], None]
"""Hears, before they are changed, of documents whose newer versions are to stay out."""


class Holding(ABC):
    """One place."""

    @abstractmethod
    def count(self) -> int:
        """How much of the person is there now.

        Raises:
            RetryLaterError: it cannot be counted now.
        """

    @abstractmethod
    def take_out(self, told: Told) -> None:
        """After this nothing of the person is there, as far as it was there before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents(Holding):
    """By their keys, and with ``fates.terms`` by what their texts say."""

    client: Elasticsearch
    places: Places
    fates: Fates
    touching: Touching
    keeping: Keeping
    scanned: Callable[[int], None]

    def count(self) -> int:
        found = count_across(self.client, self._pattern, self._query)
        return found + sum(len(operations) for operations in self._by_text(keeps=False))

    def count_by_key(self) -> int:
        return count_across(self.client, self._pattern, self._query)

    def take_out(self, told: Told) -> None:
        for _ in range(PASSES_MAX):
            changed = 0
            for pages in (self._by_key(), self._by_text()):
                for operations in pages:
                    done = list(compress(operations, change(self.client, operations)))
                    deleted = count_deletes(done)
                    told(Taken(deleted=deleted, masked=len(done) - deleted))
                    changed += len(operations)
            if not changed and not self.count_by_key():
                return
        raise RetryLaterError("Documents of the person are being written; it is tried again.")

    @property
    def _pattern(self) -> str:
        return f"{names.tenant_pattern(self.places.tenant).removesuffix('*')}*.documents.*"

    @property
    def _query(self) -> Query:
        return matching(None, None, sorted(self.fates.keys))

    def _by_key(self) -> Iterator[list[bytes]]:
        if not self.fates.keys:
            return
        for page in find_across(self.client, self._pattern, self._query):
            self.touching(frozenset(hit.index for hit in page))
            self._free_messages(page)
            yield [self.fates.of_document(hit, self.places.of_index(hit.index)) for hit in page]

    def _by_text(self, *, keeps: bool = True) -> Iterator[list[bytes]]:
        if self.fates.terms is None:
            return
        for page in find_across(self.client, self._pattern, EVERYTHING):
            found: list[tuple[Hit, Place, bytes]] = []
            for hit in page:
                place = self.places.of_index(hit.index)
                operation = self.fates.of_text(hit, place)
                if operation is not None:
                    found.append((hit, place, operation))
            self.scanned(len(page))
            if not found:
                continue
            if keeps:
                self._keep_out(found)
                self.touching(frozenset(hit.index for hit, _, _ in found))
                self._free_messages([hit for hit, _, _ in found])
            yield [operation for _, _, operation in found]

    def _keep_out(self, found: Sequence[tuple[Hit, Place, bytes]]) -> None:
        tokens: dict[str, set[str]] = {}
        for hit, place, _ in found:
            tokens.setdefault(place.stream.name, set()).add(self.fates.token_of(hit, place))
        self.keeping({stream: frozenset(one) for stream, one in tokens.items()})

    def _free_messages(self, page: Sequence[Hit]) -> None:
        """Messages of these documents say nothing of the person: they may hold what those did."""
        # Keys may be another stream's as well: a message that says nothing of the person stays.
        query = {"terms": {"document_key": [hit.source["key"] for hit in page]}}
        _free(self.client, _activities(self.places.tenant), query, self.fates, self.touching)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activities(Holding):
    client: Elasticsearch
    tenant: str
    fates: Fates
    touching: Touching

    def count(self) -> int:
        return count_across(self.client, self._pattern, self._query)

    def take_out(self, told: Told) -> None:
        for _ in range(PASSES_MAX):
            freed = _free(self.client, self._pattern, self._query, self.fates, self.touching)
            told(Taken(masked=freed))
            if not self.count():
                return
        raise RetryLaterError("Messages of the person are being written; it is tried again.")

    @property
    def _pattern(self) -> str:
        return _activities(self.tenant)

    @property
    def _query(self) -> Query:
        return matching(None, None, sorted(self.fates.keys))


def _activities(tenant: str) -> str:
    return f"{names.tenant_pattern(tenant).removesuffix('*')}*.activities.*"


def _free(
    client: Elasticsearch, pattern: str, query: Query, fates: Fates, touching: Touching
) -> int:
    freed = 0
    for page in find_across(client, pattern, query):
        found = [(hit, fates.of_activity(hit)) for hit in page]
        operations = [operation for _, operation in found if operation is not None]
        touching(frozenset(hit.index for hit, operation in found if operation is not None))
        freed += sum(change(client, operations))
    return freed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Holding):
    """Each is opened and looked at; one that is about the person or mentions them goes whole."""

    database: Database
    places: Places
    cipher: Cipher
    fates: Fates

    def count(self) -> int:
        return sum(len(found) for _, found in self._found())

    def take_out(self, told: Told) -> None:
        for store, found in self._found():
            store.delete(found)
            told(Taken(deleted=len(found)))
        self.database.clear_away(("rejected_records",))

    def _found(self) -> Iterator[tuple[DatabaseRejectedStore, list[str]]]:
        for connection in self.places.connections:
            scope = Scope(tenant=self.places.tenant, connection=connection, epoch=1)
            store = DatabaseRejectedStore(
                self.database, scope, self.cipher, opened=self.database.privacy
            )
            after = ""
            while page := store.list(limit=ROWS_AT_ONCE, after=after):
                after = page[-1].id
                found = [entry.id for entry in page if self._names(connection, entry)]
                if found:
                    yield store, found

    def _names(self, connection: str, entry: RejectedEntry) -> bool:
        return self.fates.names(entry.payload, self.places.of_stream(connection, entry.stream))


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments(Holding):
    """Segments that wait to be stored are dropped, whomever they are about.

    The next sync reads the same again, and leaves the person out. While a run goes on they are its
    own, and it looks at each again before it stores it: so the order waits for the run to end.
    """

    database: Database
    root: SegmentRoot
    places: Places

    def count(self) -> int:
        return sum(self.root.count(parts) for parts in self._parts())

    def take_out(self, told: Told) -> None:
        for tenant, connection in self._parts():
            with self.database.connection_lock(connection, wait_s=LOCK_WAIT_S):
                found = self.root.count((tenant, connection))
                if found:
                    self.root.delete((tenant, connection))
                    told(Taken(deleted=found))

    def _parts(self) -> Iterator[tuple[str, str]]:
        return ((self.places.tenant, connection) for connection in self.places.connections)
