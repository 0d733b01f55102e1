"""The journal: numbered without a gap, published before anything is removed, and closed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO

import pytest

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError
from coworker_pipelines.privacy.restore.entries import Entry, EntryKind
from coworker_pipelines.privacy.restore.journal import (
    Journal,
    frontier,
    last_number,
    last_removal,
)
from coworker_pipelines.privacy.rows import JournalEntry
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.segments.memory import MemorySegmentStore
from tests.connections.shop import NOW

CIPHER = Cipher(bytes(range(32)))
KEY = "a" * 32


class LostStore(MemorySegmentStore):
    is_lost = True

    @contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        if self.is_lost:
            raise RetryLaterError("The place of the segments is away.")
        with super().write(path) as target:
            yield target


def record(
    database: Database,
    journal: Journal,
    kind: EntryKind,
    order_id: str,
    *,
    tenant: str = "t1",
    publish: bool = True,
) -> int:
    with database.privacy() as session:
        number = journal.record(
            session,
            kind=kind,
            order_id=order_id,
            tenant=tenant,
            content={"people": [KEY]},
            now=NOW,
        )
    if publish:
        with database.privacy() as session:
            journal.publish(session)
    return number


def test_entries_made_at_once_have_numbers_without_a_gap(database: Database) -> None:
    store = MemorySegmentStore()
    journal = Journal(store, CIPHER)
    with ThreadPoolExecutor(4) as threads:
        numbers = list(
            threads.map(
                lambda order: record(database, journal, EntryKind.ERASURE, f"o{order}"), range(10)
            )
        )
    assert sorted(numbers) == list(range(1, 11))
    assert [entry.number for entry in journal.after(0)] == list(range(1, 11))
    assert [entry.number for entry in journal.after(7)] == [8, 9, 10]


def test_a_removal_is_told_once(database: Database) -> None:
    journal = Journal(MemorySegmentStore(), CIPHER)
    assert record(database, journal, EntryKind.DELETION, "o1") == 1
    assert record(database, journal, EntryKind.DELETION, "o1") == 1
    assert record(database, journal, EntryKind.SUPPRESSION, "o1") == 2
    assert record(database, journal, EntryKind.SUPPRESSION, "o1") == 3


def test_what_rests_in_the_store_shows_nothing(database: Database) -> None:
    store = MemorySegmentStore()
    record(database, Journal(store, CIPHER), EntryKind.ERASURE, "o1")
    ((_, sealed),) = store.objects.items()
    assert KEY.encode() not in sealed
    assert b"t1" not in sealed
    with pytest.raises(RefusedError, match="changed or belongs elsewhere"):
        Entry.opened(sealed, 2, CIPHER)
    with pytest.raises(RefusedError, match="changed or belongs elsewhere"):
        list(Journal(store, Cipher(bytes(32))).after(0))


def test_an_entry_waits_for_a_store_that_is_away(database: Database) -> None:
    store = LostStore()
    journal = Journal(store, CIPHER)
    with pytest.raises(RetryLaterError, match="is away"):
        record(database, journal, EntryKind.DELETION, "o1")
    with database.control() as session:
        journal.require_known(session)
    store.is_lost = False
    with database.privacy() as session:
        journal.publish(session)
    assert [entry.order_id for entry in journal.after(0)] == ["o1"]


def test_a_database_that_knows_less_than_the_store_was_put_back(
    database: Database, migrated_url: str
) -> None:
    assert migrated_url
    store = MemorySegmentStore()
    journal = Journal(store, CIPHER)
    record(database, journal, EntryKind.ERASURE, "o1")
    with database.privacy() as session:
        journal.require_known(session)
    ((path, sealed),) = store.objects.items()
    store.objects[path.replace("1.entry", "2.entry")] = Entry(
        number=2, kind=EntryKind.ERASURE, order_id="o2", tenant="t1", made_at=NOW, content={}
    ).sealed(CIPHER)
    assert sealed
    with (
        pytest.raises(RefusedError, match="The database was put back to an earlier state"),
        database.control() as session,
    ):
        journal.require_known(session)
    # Neither a new order nor one that was under way: since then a hold may have been placed.
    for order in ("o3", "o1"):
        with pytest.raises(RefusedError, match="restore replay"):
            record(database, journal, EntryKind.ERASURE, order)
    (entry,) = journal.after(1)
    with database.privacy() as session:
        journal.adopt(session, entry, now=NOW)
    with database.control() as session:
        journal.require_known(session)
        assert last_number(session) == 2


def test_a_store_that_lost_an_entry_is_not_taken_for_the_right_one(database: Database) -> None:
    store = MemorySegmentStore()
    journal = Journal(store, CIPHER)
    record(database, journal, EntryKind.ERASURE, "o1")
    store.objects.clear()
    with (
        pytest.raises(RefusedError, match="The journal lacks entry 1"),
        database.control() as session,
    ):
        journal.require_known(session)


def test_a_cluster_must_have_seen_what_is_done_up_to_the_oldest_that_is_not(
    database: Database,
) -> None:
    journal = Journal(MemorySegmentStore(), CIPHER)
    first = record(database, journal, EntryKind.ERASURE, "o1")
    record(database, journal, EntryKind.SUPPRESSION, "o1")
    third = record(database, journal, EntryKind.DELETION, "o3")
    with database.privacy() as session:
        assert (frontier(session), last_removal(session)) == (0, 0)
        assert frontier(session, except_orders={"o1"}) == 2
        _done(session.get(JournalEntry, third))
        session.flush()
        assert (frontier(session), last_removal(session)) == (0, 0)
        _done(session.get(JournalEntry, first))
        session.flush()
        assert (frontier(session), last_removal(session)) == (3, 3)


def _done(row: JournalEntry | None) -> None:
    assert row is not None
    row.done_at = NOW
