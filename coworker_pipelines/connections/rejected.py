"""Records that could not be stored: kept encrypted, with the reason, until they can."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

import orjson
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from coworker_pipelines.connections.naming import unknown
from coworker_pipelines.connections.rows import RejectedRecord
from coworker_pipelines.connections.stream_states import as_date
from coworker_pipelines.database.database import Database, OpenSession
from coworker_pipelines.kernel.ids import IdPrefix
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.secrets.cipher import Cipher

_DIGEST_BYTES = 15
_BETWEEN = b"\n"
"""Stands in no JSON that orjson writes, so the first one ends what goes before the payload."""


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
    """In Postgres; key, detail and payload can be read with the tenant's data key alone.

    It is opened as the tenant's, or by ``opened`` as who carries out orders, who adds nothing.
    """

    def __init__(
        self, database: Database, scope: Scope, cipher: Cipher, *, opened: OpenSession | None = None
    ) -> None:
        self._session = opened or partial(database.tenant, scope.tenant)
        self._scope = scope
        self._cipher = cipher
        self._own = RejectedRecord.connection_id == scope.connection

    def put(self, entries: Sequence[RejectedEntry]) -> None:
        if not entries:
            return
        statement = insert(RejectedRecord).on_conflict_do_nothing()
        with self._session() as session:
            session.execute(statement, [self._values(entry) for entry in entries])

    def list(
        self, *, stream: str | None = None, limit: int, after: str = ""
    ) -> list[RejectedEntry]:
        statement = (
            select(RejectedRecord)
            .where(self._own, RejectedRecord.id > after)
            .order_by(RejectedRecord.id)
            .limit(limit)
        )
        if stream is not None:
            statement = statement.where(RejectedRecord.stream == stream)
        with self._session() as session:
            return [self._entry(row) for row in session.scalars(statement)]

    def get(self, rejected_id: str) -> RejectedEntry:
        with self._session() as session:
            row = session.get(RejectedRecord, (self._scope.connection, rejected_id))
            if row is None:
                raise unknown("rejected record", rejected_id, ())
            return self._entry(row)

    def delete(self, rejected_ids: Sequence[str]) -> None:
        statement = delete(RejectedRecord).where(self._own, RejectedRecord.id.in_(rejected_ids))
        with self._session() as session:
            session.execute(statement)

    def delete_stream(self, stream: str) -> int:
        statement = delete(RejectedRecord).where(self._own, RejectedRecord.stream == stream)
        with self._session() as session:
            return len(session.scalars(statement.returning(RejectedRecord.id)).all())

    def _values(self, entry: RejectedEntry) -> dict[str, object]:
        clear = orjson.dumps({"key": entry.key, "detail": entry.detail})
        return {
            "connection_id": self._scope.connection,
            "id": entry.id,
            "tenant_id": self._scope.tenant,
            "stream": entry.stream,
            "window": as_date(entry.window),
            "sync_id": entry.sync,
            "reason": entry.reason,
            "sealed": self._cipher.encrypt(
                clear + _BETWEEN + entry.payload, context=self._context(entry.id)
            ),
        }

    def _entry(self, row: RejectedRecord) -> RejectedEntry:
        opened = self._cipher.decrypt(row.sealed, context=self._context(row.id))
        clear, _, payload = opened.partition(_BETWEEN)
        return RejectedEntry(
            stream=row.stream,
            window=Window(row.window.year, row.window.month),
            sync=row.sync_id,
            reason=RejectReason(row.reason),
            payload=payload,
            at=row.at,
            **orjson.loads(clear),
        )

    def _context(self, rejected_id: str) -> bytes:
        return f"rejected/{self._scope.connection}/{rejected_id}".encode()
