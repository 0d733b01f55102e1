"""What is kept of reviews and readings. Both tables are added to and read, never changed."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from coworker_pipelines.database.rows import Row


class AccessReview(Row):
    """Somebody looked at a report. ``grants``, ``accepted`` and ``to_change`` are ids of grants."""

    __tablename__ = "access_reviews"

    id: Mapped[str] = mapped_column(primary_key=True)
    reviewer: Mapped[str]
    recorded_by: Mapped[str]
    note: Mapped[str]
    reviewed_at: Mapped[datetime] = mapped_column(index=True)
    report_digest: Mapped[str]
    grants: Mapped[list[str]]
    accepted: Mapped[list[str]]
    to_change: Mapped[list[str]]


class DocumentReading(Row):
    """Somebody asked for raw data of a connection, and why.

    It refers to no other row: it outlives the connection that it tells of. ``sealed_key`` is
    the document's key, encrypted with the tenant's data key, because a key may be a person's
    address; ``documents`` is the most that could be shown; ``under_holds`` are the ids of the holds
    that lay over it, null where none did.
    """

    __tablename__ = "document_readings"
    __table_args__ = (Index("ix_document_readings_tenant_id_at", "tenant_id", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    connection_id: Mapped[str]
    handle: Mapped[str]
    command: Mapped[str]
    stream: Mapped[str | None]
    sealed_key: Mapped[bytes | None]
    documents: Mapped[int]
    reader: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]
    under_holds: Mapped[list[str] | None]
