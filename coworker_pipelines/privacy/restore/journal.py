"""The journal: every order, numbered without a gap, in the database and apart from it."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.privacy.ledger_lock import take_ledger_lock
from coworker_pipelines.privacy.restore.entries import REMOVING, Entry, EntryKind
from coworker_pipelines.privacy.rows import JournalEntry
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.segments.store import SegmentStore

BEHIND: Final = (
    "The database was put back to an earlier state and does not know what was ordered since: run "
    "`coworker restore replay` first."
)
LOST: Final = (
    "The journal lacks entry {number}, which was written to it: put back the folder or bucket of "
    "the segments, or name the right one."
)


class Journal:
    """``store`` is apart from database and Elasticsearch; ``cipher`` has a key of the master's.

    An entry is numbered and kept in the transaction that decides; ``publish`` puts it into the
    store, before anything is removed.
    """

    def __init__(self, store: SegmentStore, cipher: Cipher) -> None:
        self._store = store
        self._cipher = cipher

    def record(
        self,
        session: Session,
        *,
        kind: EntryKind,
        order_id: str,
        tenant: str,
        content: dict[str, Any],
        now: datetime,
    ) -> int:
        """The entry's number; with the transaction it is there, or not.

        An order of a removing kind has one entry: told again, it is the same one.

        Raises:
            RefusedError: the database was put back, so that the number is another entry's.
        """
        take_ledger_lock(session)
        if kind in REMOVING and (known := _entry_of(session, kind, order_id)) is not None:
            # In a database that was put back, a hold may be missing that was placed since.
            self.require_known(session)
            return known.number
        number = last_number(session) + 1
        if self._read(number) is not None:
            raise RefusedError(BEHIND)
        entry = Entry(
            number=number,
            kind=kind,
            order_id=order_id,
            tenant=tenant,
            made_at=now,
            content=content,
        )
        # What only the database and the journal know of is done as soon as it is written.
        done_at = None if kind in REMOVING else now
        sealed = entry.sealed(self._cipher)
        session.add(_row(entry, sealed, published=False, done_at=done_at))
        session.flush()
        return entry.number

    def publish(self, session: Session) -> None:
        """After this all entries so far rest in the store, too.

        Raises:
            RefusedError: the store knows other entries than the database.
            RetryLaterError: the store cannot be written to.
        """
        take_ledger_lock(session)
        waiting = select(JournalEntry).where(~JournalEntry.published).order_by(JournalEntry.number)
        for row in session.scalars(waiting):
            stored = self._read(row.number)
            if stored is None:
                self._write(row.number, row.sealed)
            elif stored != row.sealed:
                raise RefusedError(BEHIND)
            row.published = True
        session.flush()

    def adopt(self, session: Session, entry: Entry, *, now: datetime) -> None:
        """After this the database knows an entry of the store, and that it was carried out."""
        take_ledger_lock(session)
        row = session.get(JournalEntry, entry.number)
        if row is not None:
            row.done_at = row.done_at or now
            return
        sealed = self._read(entry.number)
        if sealed is None:
            raise RefusedError(LOST.format(number=entry.number))
        session.add(_row(entry, sealed, published=True, done_at=now))
        session.flush()

    def after(self, number: int) -> Iterator[Entry]:
        """Entries of the store behind that number, in order."""
        while True:
            number += 1
            sealed = self._read(number)
            if sealed is None:
                return
            yield Entry.opened(sealed, number, self._cipher)

    def require_known(self, session: Session) -> None:
        """Return if the database knows all that the store knows, and the other way round.

        Raises:
            RefusedError: it does not.
        """
        last = last_number(session)
        if self._read(last + 1) is not None:
            raise RefusedError(BEHIND)
        published = last_number(session, published=True)
        if published and self._read(published) is None:
            raise RefusedError(LOST.format(number=published))

    def _read(self, number: int) -> bytes | None:
        try:
            with self._store.read(_path(number)) as source:
                return source.read()
        except FileNotFoundError:
            return None

    def _write(self, number: int, sealed: bytes) -> None:
        with self._store.write(_path(number)) as target:
            target.write(sealed)


def last_number(session: Session, *, published: bool = False) -> int:
    """Of the newest entry that the database knows; 0 where there is none."""
    newest = select(func.max(JournalEntry.number))
    if published:
        newest = newest.where(JournalEntry.published)
    return session.scalar(newest) or 0


def frontier(session: Session, *, except_orders: Collection[str] = ()) -> int:
    """Up to this number everything that was ordered is done; orders may count as done, too."""
    oldest_open = select(func.min(JournalEntry.number)).where(
        JournalEntry.done_at.is_(None), JournalEntry.order_id.not_in(except_orders)
    )
    found = session.scalar(oldest_open)
    return last_number(session) if found is None else found - 1


def last_removal(session: Session, *, except_orders: Collection[str] = ()) -> int:
    """The newest removal up to the frontier: what any copy of Elasticsearch must have seen."""
    newest = select(func.max(JournalEntry.number)).where(
        JournalEntry.kind.in_(REMOVING),
        JournalEntry.number <= frontier(session, except_orders=except_orders),
    )
    return session.scalar(newest) or 0


def _row(entry: Entry, sealed: bytes, *, published: bool, done_at: datetime | None) -> JournalEntry:
    return JournalEntry(
        number=entry.number,
        tenant_id=entry.tenant,
        kind=entry.kind,
        order_id=entry.order_id,
        sealed=sealed,
        made_at=entry.made_at,
        published=published,
        done_at=done_at,
    )


def _entry_of(session: Session, kind: EntryKind, order_id: str) -> JournalEntry | None:
    return session.scalar(
        select(JournalEntry).where(JournalEntry.kind == kind, JournalEntry.order_id == order_id)
    )


def _path(number: int) -> str:
    return f"entries/{number:012}.entry"
