"""The record of who looked at raw documents, what for, and which."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.access.rows import DocumentReading
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import CoworkerError, RefusedError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.secrets.cipher import Cipher

REASON_CHARACTERS_MIN: Final = 5
"""Room for a ticket's number; ``x`` or ``test`` are no reasons."""
REASON_CHARACTERS_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Somebody's wish to see raw data: ``key`` of one document, or the first ``documents``.

    ``under_holds`` are the holds that lie over it, which he was told of.
    """

    command: str
    stream: str | None
    key: str | None
    documents: int
    reader: str
    reason: str
    under_holds: tuple[str, ...] = ()


class DocumentReadings:
    """One connection's record. It is written by the control plane alone; no run can see it."""

    def __init__(self, database: Database, scope: Scope, handle: str, cipher: Cipher) -> None:
        self._database = database
        self._scope = scope
        self._handle = handle
        self._cipher = cipher

    def record(self, reading: Reading, *, now: datetime) -> str:
        """The id of the row, which is committed when this returns: only then data may be shown.

        Raises:
            RefusedError: the reason says nothing.
        """
        reason = checked_reason(reading.reason)
        reading_id = new_id(IdPrefix.READING)
        sealed = None
        if reading.key is not None:
            sealed = self._cipher.encrypt(reading.key.encode(), context=_context(reading_id))
        with self._database.control() as session:
            session.add(
                DocumentReading(
                    id=reading_id,
                    tenant_id=self._scope.tenant,
                    connection_id=self._scope.connection,
                    handle=self._handle,
                    command=reading.command,
                    stream=reading.stream,
                    sealed_key=sealed,
                    documents=reading.documents,
                    reader=reading.reader,
                    reason=reason,
                    at=now,
                    under_holds=list(reading.under_holds) or None,
                )
            )
        return reading_id


def checked_reason(reason: str) -> str:
    """The reason without space around it.

    Raises:
        RefusedError: it is too short to be one, or longer than a sentence.
    """
    reason = reason.strip()
    if not REASON_CHARACTERS_MIN <= len(reason) <= REASON_CHARACTERS_MAX:
        raise RefusedError(
            "Raw data is shown for a reason only: say which request or fault it is needed for, in "
            f"{REASON_CHARACTERS_MIN} to {REASON_CHARACTERS_MAX} characters."
        )
    return reason


def list_readings(
    session: Session, *, tenant_id: str | None, since: datetime | None, limit: int
) -> Sequence[DocumentReading]:
    """The latest first."""
    statement = select(DocumentReading).order_by(DocumentReading.at.desc()).limit(limit)
    if tenant_id is not None:
        statement = statement.where(DocumentReading.tenant_id == tenant_id)
    if since is not None:
        statement = statement.where(DocumentReading.at >= since)
    return session.scalars(statement).all()


def opened_key(reading: DocumentReading, data_key: Callable[[str], bytes]) -> str | None:
    """The document's key; ``sealed`` where the tenant's data key is gone or not ours to read."""
    if reading.sealed_key is None:
        return None
    try:
        cipher = Cipher(data_key(reading.tenant_id))
        return cipher.decrypt(reading.sealed_key, context=_context(reading.id)).decode()
    except CoworkerError:
        return "sealed"


def _context(reading_id: str) -> bytes:
    return f"reading/{reading_id}".encode()
