"""What the database keeps of orders: what was asked for, by whom, and what has come of it.

No table here refers to a tenant or a connection: an order outlives what it takes away, so it
names both by their ids alone. What more it has to know while it is open is empty when it is done.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from coworker_pipelines.database.rows import Row


class Order(Row):
    """A deletion or an erasure. ``state``, ``kind``: see ``privacy.orders``.

    ``preview`` is what was shown, ``preview_digest`` what was confirmed by it. ``reach`` holds
    what the extent meant when it was confirmed: connections are found by it when their rows are
    gone. ``sealed`` holds an erasure's identifiers and found keys, encrypted with the tenant's
    data key. ``attempt`` counts the tries, ``due_at`` is when the next one is due.
    """

    __tablename__ = "orders"
    __table_args__ = (
        # Of a second request for the same extent there is nothing to be done but to join it.
        Index(
            "uq_orders_open_deletion",
            "tenant_id",
            text("coalesce(connection_id, '')"),
            text("coalesce(stream, '')"),
            unique=True,
            postgresql_where=text("kind = 'deletion' AND state NOT IN ('done', 'withdrawn')"),
        ),
        Index("ix_orders_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_orders_tenant_id", "tenant_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    tenant_id: Mapped[str]
    connection_id: Mapped[str | None]
    stream: Mapped[str | None]
    reason: Mapped[str]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    preview: Mapped[dict[str, Any] | None]
    preview_digest: Mapped[str | None]
    previewed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None]
    confirmed_at: Mapped[datetime | None]
    reach: Mapped[dict[str, Any] | None]
    state: Mapped[str]
    detail: Mapped[str | None]
    sealed: Mapped[bytes | None]
    attempt: Mapped[int]
    due_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class OrderTarget(Row):
    """What an order has done to one place so far; what a receipt says of it comes from here.

    ``matched`` is what was found at first, ``deleted`` and ``masked`` add up over all tries.
    ``left_first`` and ``left_second`` are what the two counts afterwards found; empty: not
    counted yet.
    """

    __tablename__ = "order_targets"

    order_id: Mapped[str] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    target: Mapped[str] = mapped_column(primary_key=True)
    method: Mapped[str]
    matched: Mapped[int] = mapped_column(BigInteger)
    deleted: Mapped[int] = mapped_column(BigInteger)
    masked: Mapped[int] = mapped_column(BigInteger)
    left_first: Mapped[int | None] = mapped_column(BigInteger)
    left_second: Mapped[int | None] = mapped_column(BigInteger)
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    detail: Mapped[str | None]


class ReceiptRow(Row):
    """``body`` is the canonical JSON that was signed: see ``privacy.receipts``."""

    __tablename__ = "receipts"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    order_id: Mapped[str] = mapped_column(unique=True)
    tenant_id: Mapped[str]
    body: Mapped[bytes]
    signature: Mapped[bytes]
    issued_at: Mapped[datetime]


class JournalEntry(Row):
    """What has to be done again after a restore: see ``privacy.restore``.

    ``published``: it rests in the journal, apart from the database. ``done_at``: all that it
    orders is done, so a copy of Elasticsearch that was made later holds nothing of it.
    """

    __tablename__ = "journal_entries"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    tenant_id: Mapped[str]
    kind: Mapped[str]
    order_id: Mapped[str] = mapped_column(index=True)
    sealed: Mapped[bytes]
    made_at: Mapped[datetime]
    published: Mapped[bool]
    done_at: Mapped[datetime | None]
