"""What the database keeps about how long data stays: policies, holds, and what was swept.

Columns that tell who decided and why are deferred: a run may not read them.
"""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
)
from sqlalchemy.orm import Mapped, mapped_column

from coworker_pipelines.database.rows import Row


def _of_connection() -> ForeignKeyConstraint:
    # Where the connection is null, Postgres does not look at the reference at all.
    return ForeignKeyConstraint(
        ["tenant_id", "connection_id"], ["connections.tenant_id", "connections.id"]
    )


class PolicyOrder(Row):
    """Somebody set a policy, or took it back: then ``basis`` and all behind it are null.

    A row is never changed: the latest of an extent holds, so the table is the history.
    """

    __tablename__ = "retention_policies"
    __table_args__ = (_of_connection(), Index("ix_retention_policies_tenant_id", "tenant_id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    connection_id: Mapped[str | None]
    stream: Mapped[str | None]
    basis: Mapped[str | None]
    age_days: Mapped[int | None]
    age_months: Mapped[int | None]
    grace_days: Mapped[int | None]
    made_by: Mapped[str] = mapped_column(deferred=True)
    made_at: Mapped[datetime]


class PlacedHold(Row):
    """A hold: who asks for the data to be kept, in which matter; ``released_at`` ends it.

    ``since`` and ``until`` bound the times that it reaches, where it does not reach all.
    """

    __tablename__ = "holds"
    __table_args__ = (_of_connection(), Index("ix_holds_tenant_id", "tenant_id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    connection_id: Mapped[str | None]
    stream: Mapped[str | None]
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    review_at: Mapped[date]
    released_at: Mapped[datetime | None]
    placed_at: Mapped[datetime]
    matter: Mapped[str] = mapped_column(deferred=True)
    owner: Mapped[str] = mapped_column(deferred=True)
    reason: Mapped[str] = mapped_column(deferred=True)
    placed_by: Mapped[str] = mapped_column(deferred=True)
    released_by: Mapped[str | None] = mapped_column(deferred=True)
    release_reason: Mapped[str | None] = mapped_column(deferred=True)


class SweptDocument(Row):
    """The mark of a document that went by the time of its ingestion, and may not come back.

    ``mark`` is a hash under the tenant's key of what the document was, in this content: it says
    nothing to who has not the record itself.
    """

    __tablename__ = "swept_documents"
    __table_args__ = (_of_connection(),)

    tenant_id: Mapped[str]
    connection_id: Mapped[str] = mapped_column(primary_key=True)
    stream: Mapped[str] = mapped_column(primary_key=True)
    mark: Mapped[int] = mapped_column(BigInteger, primary_key=True)
