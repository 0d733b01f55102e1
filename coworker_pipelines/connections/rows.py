"""What the database keeps. Every table with a ``tenant_id`` has row-level security.

References carry the tenant along: Postgres checks them without row-level security, so only
thus can no tenant's row hang on another's connection. Columns that a run may not read are
deferred, so that a run can load the row without them.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from coworker_pipelines.database.rows import Row
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.scope import Scope


def _of_connection() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", "connection_id"], ["connections.tenant_id", "connections.id"]
    )


class Tenant(Row):
    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    key_salt: Mapped[str | None] = mapped_column(deferred=True)
    pass_digest: Mapped[bytes | None] = mapped_column(deferred=True)
    created_at: Mapped[datetime]


class Connection(Row):
    """``handle`` is ``<tenant's slug>.<name>``: what people type, and Dagster's partition key.

    ``needs_attention`` is one sentence for the tenant: until somebody acts, no sync is started.
    """

    __tablename__ = "connections"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        Index("ix_connections_due_at", "due_at", postgresql_where=text("paused_at IS NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[str]
    handle: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(index=True)
    settings: Mapped[dict[str, Any]]
    secret_fingerprint: Mapped[str | None] = mapped_column(deferred=True)
    secrets_changed_at: Mapped[datetime | None] = mapped_column(deferred=True)
    key_expires_at: Mapped[datetime | None] = mapped_column(index=True)
    needs_attention: Mapped[str | None]
    needs_attention_at: Mapped[datetime | None]
    epoch: Mapped[int]
    schedule: Mapped[dict[str, Any] | None]
    due_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    catalog: Mapped[dict[str, Any]]
    limits: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    @property
    def scope(self) -> Scope:
        return Scope(tenant=self.tenant_id, connection=self.id, epoch=self.epoch)


class Selection(Row):
    """What the tenant lets in. ``streams``: name to ``{"fields": [...] | null}``, null for all.

    A row is never changed: a new order is a new version, so the table is the history.
    ``applied_at`` is set once what it takes out is gone from what is stored.
    """

    __tablename__ = "selections"
    __table_args__ = (UniqueConstraint("connection_id", "version"), _of_connection())

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    connection_id: Mapped[str]
    version: Mapped[int]
    streams: Mapped[dict[str, Any]]
    made_by: Mapped[str] = mapped_column(deferred=True)
    made_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]


class _Balance:
    """The columns of ``Counts``."""

    read: Mapped[int] = mapped_column(BigInteger, default=0)
    indexed: Mapped[int] = mapped_column(BigInteger, default=0)
    unchanged: Mapped[int] = mapped_column(BigInteger, default=0)
    rejected: Mapped[int] = mapped_column(BigInteger, default=0)
    suppressed: Mapped[int] = mapped_column(BigInteger, default=0)
    filtered: Mapped[int] = mapped_column(BigInteger, default=0)

    @property
    def counts(self) -> Counts:
        return Counts(
            read=self.read,
            indexed=self.indexed,
            unchanged=self.unchanged,
            rejected=self.rejected,
            suppressed=self.suppressed,
            filtered=self.filtered,
        )

    def add_counts(self, counts: Counts) -> None:
        self.read += counts.read
        self.indexed += counts.indexed
        self.unchanged += counts.unchanged
        self.rejected += counts.rejected
        self.suppressed += counts.suppressed
        self.filtered += counts.filtered


class StreamState(_Balance, Row):
    """Where one stream stands in one window; counts are those of all its syncs together.

    ``written_sync`` and ``segments_confirmed`` say which segments of which manifest are in
    the counts, so that a segment sent twice is counted once.
    """

    __tablename__ = "stream_states"
    __table_args__ = (
        _of_connection(),
        Index(
            "ix_stream_states_open",
            "connection_id",
            "window",
            postgresql_where=text("NOT complete"),
        ),
    )

    tenant_id: Mapped[str]
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    stream: Mapped[str] = mapped_column(primary_key=True)
    window: Mapped[date] = mapped_column(primary_key=True)
    cursor: Mapped[dict[str, Any] | None]
    complete: Mapped[bool]
    selection_version: Mapped[int]
    written_sync: Mapped[str | None]
    segments_confirmed: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(
        server_default=text("now()"), onupdate=text("now()")
    )


class Sync(Row):
    """``last_sequence``: the highest number of the connection's messages while it was the last."""

    __tablename__ = "syncs"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        _of_connection(),
        Index("ix_syncs_connection_id_started_at", "connection_id", "started_at"),
        Index("ix_syncs_started_at", "started_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    connection_id: Mapped[str]
    run_id: Mapped[str] = mapped_column(unique=True)
    windows: Mapped[list[str]]
    status: Mapped[str]
    error: Mapped[str | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    last_sequence: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class SyncStream(_Balance, Row):
    """What one sync did to one stream and window."""

    __tablename__ = "sync_streams"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "sync_id"], ["syncs.tenant_id", "syncs.id"]),
    )

    tenant_id: Mapped[str]
    sync_id: Mapped[str] = mapped_column(primary_key=True)
    stream: Mapped[str] = mapped_column(primary_key=True)
    window: Mapped[date] = mapped_column(primary_key=True)
    activities: Mapped[int] = mapped_column(BigInteger, default=0)
    removed: Mapped[int] = mapped_column(BigInteger, default=0)
    raw_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    seconds: Mapped[float] = mapped_column(default=0.0)
    decisions: Mapped[int] = mapped_column(BigInteger, default=0)
    actions: Mapped[int] = mapped_column(BigInteger, default=0)


class PendingDerivation(Row):
    """Documents that ``sync_id`` wrote are stored and wait for their activities."""

    __tablename__ = "pending_derivations"
    __table_args__ = (_of_connection(),)

    tenant_id: Mapped[str]
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    stream: Mapped[str] = mapped_column(primary_key=True)
    window: Mapped[date] = mapped_column(primary_key=True)
    sync_id: Mapped[str] = mapped_column(primary_key=True)


class DecisionRound(Row):
    """Messages that are new since documents of ``sync_id``: they wait for decisions, or had them.

    ``made_at`` is when they were there; ``decided_at`` is empty as long as they wait. Afterwards
    ``rule_set`` names the rules that were in force, ``reason`` says why there is no decision on
    ``passed_over`` of the ``messages``: see ``RoundReason``.
    """

    __tablename__ = "decision_rounds"
    __table_args__ = (
        _of_connection(),
        Index(
            "ix_decision_rounds_waiting",
            "connection_id",
            postgresql_where=text("decided_at IS NULL"),
        ),
    )

    tenant_id: Mapped[str]
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    stream: Mapped[str] = mapped_column(primary_key=True)
    window: Mapped[date] = mapped_column(primary_key=True)
    sync_id: Mapped[str] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    rule_set: Mapped[str | None]
    reason: Mapped[str | None]
    messages: Mapped[int] = mapped_column(BigInteger, default=0)
    passed_over: Mapped[int] = mapped_column(BigInteger, default=0)


class RejectedRecord(Row):
    """``sealed`` holds key, detail and payload, encrypted with the tenant's data key.

    A key may be a person's address, and what Elasticsearch says of a record may quote it.
    """

    __tablename__ = "rejected_records"
    __table_args__ = (PrimaryKeyConstraint("connection_id", "id"), _of_connection())

    connection_id: Mapped[str]
    id: Mapped[str]
    tenant_id: Mapped[str]
    stream: Mapped[str]
    window: Mapped[date]
    sync_id: Mapped[str]
    reason: Mapped[str]
    sealed: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Suppression(Row):
    """What was erased and is not taken in again, within an extent: all of the tenant's, or less.

    ``generation`` grows by one with every suppression of the tenant that is made, added to or
    lifted, so the highest one says which list holds. A lifted one stays as a record, without keys.
    """

    __tablename__ = "suppressions"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        Index("ix_suppressions_tenant_id_generation", "tenant_id", "generation"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    connection_id: Mapped[str | None]
    stream: Mapped[str | None]
    generation: Mapped[int] = mapped_column(BigInteger)
    order_id: Mapped[str | None] = mapped_column(unique=True, deferred=True)
    reason: Mapped[str] = mapped_column(deferred=True)
    made_by: Mapped[str] = mapped_column(deferred=True)
    made_at: Mapped[datetime] = mapped_column(deferred=True)
    lift_reason: Mapped[str | None] = mapped_column(deferred=True)
    lifted_by: Mapped[str | None] = mapped_column(deferred=True)
    lifted_at: Mapped[datetime | None] = mapped_column(deferred=True)


class SuppressedKey(Row):
    """The 16 bytes of a person's subject key, or of a document's token (``kind``).

    ``connection_id`` and ``stream`` are those of the extent, empty where it has none: in this
    order the primary key hands out the keys of an extent sorted, without a sort.
    """

    __tablename__ = "suppressed_keys"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "suppression_id"], ["suppressions.tenant_id", "suppressions.id"]
        ),
        PrimaryKeyConstraint(
            "tenant_id", "kind", "connection_id", "stream", "key", "suppression_id"
        ),
    )

    tenant_id: Mapped[str]
    kind: Mapped[str]
    connection_id: Mapped[str]
    stream: Mapped[str]
    key: Mapped[bytes]
    suppression_id: Mapped[str] = mapped_column(index=True)
