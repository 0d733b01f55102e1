"""Records that could not be stored: kept encrypted, with the reason, until they can."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from coworker_pipelines.connections.naming import unknown
from coworker_pipelines.connections.rows import RejectedRecord
from coworker_pipelines.connections.stream_states import as_date
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.ids import IdPrefix
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.secrets.cipher import Cipher

_DIGEST_BYTES = 15


class RejectReason(StrEnum):
    """Why a record could not be stored."""

    NO_KEY = "no_key"
    NO_CURSOR = "no_cursor"
    NOT_SERIALISABLE = "not_serialisable"
    TOO_LARGE = "too_large"
    REFUSED = "refused"
    """Elasticsearch would not take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedEntry:
    """``payload`` is the record as JSON; ``detail`` names fields and types, never values."""

    stream: str
    window: Window
    sync: str
    key: str | None
    reason: RejectReason
    detail: str
    payload: bytes
    at: datetime | None = None

    @property
    def id(self) -> str:
        """The same record, rejected for the same reason, has the same id."""
        parts = (self.stream, self.window.key, self.reason, self.key or "")
        digest = hashlib.blake2b(self.payload, digest_size=_DIGEST_BYTES)
        for part in parts:
            digest.update(b"\0" + part.encode())
        return IdPrefix.REJECTED + digest.hexdigest()


class RejectedStore(ABC):
    """One connection's rejected records."""

    @abstractmethod
    def put(self, entries: Sequence[RejectedEntry]) -> None:
        """After this all of them are kept; one that is there already stays as it is."""

    @abstractmethod
    def list(
        self, *, stream: str | None = None, limit: int, after: str = ""
    ) -> list[RejectedEntry]:
        """Entries by ascending id, those behind ``after``."""

    @abstractmethod
    def get(self, rejected_id: str) -> RejectedEntry:
        """One of them.

        Raises:
            TenantActionError: there is none of that id.
        """

    @abstractmethod
    def delete(self, rejected_ids: Sequence[str]) -> None:
        """After this none of them is there."""

    @abstractmethod
    def delete_stream(self, stream: str) -> int:
        """Remove all of a stream; how many there were."""


class MemoryRejectedStore(RejectedStore):
    def __init__(self) -> None:
        self._entries: dict[str, RejectedEntry] = {}

    def put(self, entries: Sequence[RejectedEntry]) -> None:
        for entry in entries:
            self._entries.setdefault(entry.id, entry)

    def list(
        self, *, stream: str | None = None, limit: int, after: str = ""
    ) -> list[RejectedEntry]:
        found = [
            entry
            for rejected_id, entry in sorted(self._entries.items())
            if rejected_id > after and stream in {None, entry.stream}
        ]
        return found[:limit]

    def get(self, rejected_id: str) -> RejectedEntry:
        try:
            return self._entries[rejected_id]
        except KeyError:
            raise unknown("rejected record", rejected_id, ()) from None

    def delete(self, rejected_ids: Sequence[str]) -> None:
        for rejected_id in rejected_ids:
            self._entries.pop(rejected_id, None)

    def delete_stream(self, stream: str) -> int:
        ids = [key for key, entry in self._entries.items() if entry.stream == stream]
        self.delete(ids)
        return len(ids)


class DatabaseRejectedStore(RejectedStore):
    """In Postgres; payload and detail can be read with the tenant's data key alone."""

    def __init__(self, database: Database, scope: Scope, cipher: Cipher) -> None:
        self._database = database
        self._scope = scope
        self._cipher = cipher

    def put(self, entries: Sequence[RejectedEntry]) -> None:
        if not entries:
            return
        with self._database.tenant(self._scope.tenant) as session:
            session.execute(
                insert(RejectedRecord)
                .values([self._values(entry) for entry in entries])
                .on_conflict_do_nothing(index_elements=["id"])
            )

    def list(
        self, *, stream: str | None = None, limit: int, after: str = ""
    ) -> list[RejectedEntry]:
        statement = (
            select(RejectedRecord)
            .where(RejectedRecord.connection_id == self._scope.connection)
            .where(RejectedRecord.id > self._row_id(after))
            .order_by(RejectedRecord.id)
            .limit(limit)
        )
        if stream is not None:
            statement = statement.where(RejectedRecord.stream == stream)
        with self._database.tenant(self._scope.tenant) as session:
            return [self._entry(row) for row in session.scalars(statement)]

    def get(self, rejected_id: str) -> RejectedEntry:
        with self._database.tenant(self._scope.tenant) as session:
            row = session.get(RejectedRecord, self._row_id(rejected_id))
            if row is None or row.connection_id != self._scope.connection:
                raise unknown("rejected record", rejected_id, ())
            return self._entry(row)

    def delete(self, rejected_ids: Sequence[str]) -> None:
        with self._database.tenant(self._scope.tenant) as session:
            session.execute(
                delete(RejectedRecord).where(
                    RejectedRecord.connection_id == self._scope.connection,
                    RejectedRecord.id.in_([self._row_id(entry) for entry in rejected_ids]),
                )
            )

    def delete_stream(self, stream: str) -> int:
        with self._database.tenant(self._scope.tenant) as session:
            gone = session.scalars(
                delete(RejectedRecord)
                .where(
                    RejectedRecord.connection_id == self._scope.connection,
                    RejectedRecord.stream == stream,
                )
                .returning(RejectedRecord.id)
            ).all()
            return len(gone)

    def _row_id(self, rejected_id: str) -> str:
        """Ids are per connection; a row's is unique among all."""
        return f"{self._scope.connection}.{rejected_id}"

    def _values(self, entry: RejectedEntry) -> dict[str, object]:
        row_id = self._row_id(entry.id)
        return {
            "id": row_id,
            "tenant_id": self._scope.tenant,
            "connection_id": self._scope.connection,
            "stream": entry.stream,
            "window": as_date(entry.window),
            "sync_id": entry.sync,
            "key": entry.key,
            "reason": entry.reason,
            "detail": entry.detail,
            "payload": self._cipher.encrypt(entry.payload, context=row_id.encode()),
        }

    def _entry(self, row: RejectedRecord) -> RejectedEntry:
        return RejectedEntry(
            stream=row.stream,
            window=Window(row.window.year, row.window.month),
            sync=row.sync_id,
            key=row.key,
            reason=RejectReason(row.reason),
            detail=row.detail,
            payload=self._cipher.decrypt(row.payload, context=row.id.encode()),
            at=row.at,
        )
