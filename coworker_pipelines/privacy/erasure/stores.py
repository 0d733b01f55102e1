"""The hands at what lies in the database and in files."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from coworker_pipelines.automation.subject_rows import SubjectRows
from coworker_pipelines.connections.holds import Hold
from coworker_pipelines.connections.rejected import DatabaseRejectedStore, RejectedEntry
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.erasure.fate import Fates
from coworker_pipelines.privacy.erasure.holding import Holding, Taken, Told
from coworker_pipelines.privacy.erasure.places import Places
from coworker_pipelines.privacy.erasure.under_hold import Holds
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.segments.root import SegmentRoot

ROWS_AT_ONCE: Final = 500
LOCK_WAIT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Automated(Holding):
    """What rules made of the person's messages: emptied or deleted, table by table.

    It tells when it was made and not when its document happened, so a hold over a stream keeps
    all that was made of it, whatever its span.
    """

    database: Database
    tenant: str
    people: frozenset[str]
    holds: Holds
    clock: Clock
    tables: tuple[SubjectRows, ...]

    def count(self) -> int:
        under = self.holds.now()
        with self.database.privacy() as session:
            return sum(
                table.count(session, self.tenant, self._keys, holds=under.holds)
                for table in self.tables
            )

    def take_out(self, told: Told) -> None:
        for table in self.tables:
            with self.holds.still() as under, self.database.privacy() as session:
                erased = table.erase(
                    session, self.tenant, self._keys, now=self.clock.now(), holds=under.holds
                )
            told(Taken(deleted=erased) if table.emptied is None else Taken(masked=erased))
            if erased:
                self.database.clear_away((table.table,))

    def kept(self) -> frozenset[Hold]:
        under = self.holds.now()
        with self.database.privacy() as session:
            return frozenset(
                hold
                for hold in under.holds
                for table in self.tables
                if table.has_under(session, self.tenant, self._keys, hold)
            )

    @property
    def _keys(self) -> list[str]:
        return sorted(self.people)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Holding):
    """Each is opened and looked at; one that is about the person or mentions them goes whole."""

    database: Database
    places: Places
    cipher: Cipher
    fates: Fates
    holds: Holds

    def count(self) -> int:
        under = self.holds.now()
        return sum(
            under.over_rejected(connection, entry) is None
            for connection, _, found in self._found()
            for entry in found
        )

    def take_out(self, told: Told) -> None:
        for connection, store, found in self._found():
            with self.holds.still() as under:
                going = [
                    entry.id for entry in found if under.over_rejected(connection, entry) is None
                ]
                store.delete(going)
            told(Taken(deleted=len(going)))
        self.database.clear_away(("rejected_records",))

    def kept(self) -> frozenset[Hold]:
        under = self.holds.now()
        if not under.holds:
            return frozenset()
        holds = (
            under.over_rejected(connection, entry)
            for connection, _, found in self._found()
            for entry in found
        )
        return frozenset(hold for hold in holds if hold is not None)

    def _found(self) -> Iterator[tuple[str, DatabaseRejectedStore, list[RejectedEntry]]]:
        for connection in self.places.connections:
            scope = Scope(tenant=self.places.tenant, connection=connection, epoch=1)
            store = DatabaseRejectedStore(
                self.database, scope, self.cipher, opened=self.database.privacy
            )
            after = ""
            while page := store.list(limit=ROWS_AT_ONCE, after=after):
                after = page[-1].id
                found = [entry for entry in page if self._names(connection, entry)]
                if found:
                    yield connection, store, found

    def _names(self, connection: str, entry: RejectedEntry) -> bool:
        return self.fates.names(entry.payload, self.places.of_stream(connection, entry.stream))


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments(Holding):
    """Segments that wait to be stored are dropped, whomever they are about.

    The next sync reads the same again, and leaves the person out. While a run goes on they are its
    own, and it looks at each again before it stores it: so the order waits for the run to end.
    A hold keeps what is stored, and these are not.
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

    def kept(self) -> frozenset[Hold]:
        return frozenset()

    def _parts(self) -> Iterator[tuple[str, str]]:
        return ((self.places.tenant, connection) for connection in self.places.connections)
