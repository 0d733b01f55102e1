"""What the database keeps of automation. Rules and decisions are added to; none is changed.

Who did something and when is loaded where it is asked for: a run may not read it.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from coworker_pipelines.database.rows import Row


class RuleVersion(Row):
    """A rule in one version: its canonical bytes, and their digest."""

    __tablename__ = "rule_versions"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str]
    content: Mapped[bytes]
    added_by: Mapped[str] = mapped_column(deferred=True)
    added_at: Mapped[datetime] = mapped_column(deferred=True)


class RuleActivation(Row):
    """That a version was switched on, or a rule off (``version`` is empty), by whom and when."""

    __tablename__ = "rule_activations"
    __table_args__ = (Index("ix_rule_activations_tenant_id_rule", "tenant_id", "rule", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    rule: Mapped[str]
    version: Mapped[int | None]
    digest: Mapped[str | None]
    made_by: Mapped[str] = mapped_column(deferred=True)
    made_at: Mapped[datetime] = mapped_column(deferred=True)


class RuleSetRecord(Row):
    """Which rules, in which versions, a digest stands for."""

    __tablename__ = "rule_sets"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    members: Mapped[list[Any]] = mapped_column(JSONB(none_as_null=True))


class DecisionChain(Row):
    """Where a tenant's chain ends: who appends locks this row."""

    __tablename__ = "decision_chains"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    length: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[bytes]


class DecisionRecord(Row):
    """A decision and its link. Erased, it has no ``personal``, no ``salt`` and no subject.

    It refers to no connection: what was decided outlives where it came from.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        Index("ix_decisions_tenant_id_message_id", "tenant_id", "message_id"),
        Index("ix_decisions_tenant_id_connection_id", "tenant_id", "connection_id", "stream"),
        Index("ix_decisions_decided_at", "tenant_id", "decided_at"),
        Index("ix_decisions_subject_keys", "subject_keys", postgresql_using="gin"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[str]
    message_id: Mapped[str]
    connection_id: Mapped[str]
    stream: Mapped[str]
    rule_set: Mapped[str]
    decided_at: Mapped[datetime]
    actions: Mapped[int]
    failed: Mapped[int]
    open: Mapped[bytes]
    personal: Mapped[bytes | None]
    salt: Mapped[bytes | None]
    commitment: Mapped[bytes]
    previous: Mapped[bytes]
    hash: Mapped[bytes]
    subject_keys: Mapped[list[str]] = mapped_column(ARRAY(String()))
    erased_at: Mapped[datetime | None]


class CatchUpOrder(Row):
    """That active rules were to act on what happened before: ordered by whom, when, and how far.

    ``rules`` are named with their versions; ``rule_set`` is all that was in force then.
    ``connections`` are ids, ``previewed`` is what was shown before it was confirmed.
    """

    __tablename__ = "catch_ups"
    __table_args__ = (Index("ix_catch_ups_tenant_id", "tenant_id", "ordered_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    rules: Mapped[list[Any]] = mapped_column(JSONB(none_as_null=True))
    rule_set: Mapped[str]
    connections: Mapped[list[str]] = mapped_column(ARRAY(String()))
    since: Mapped[datetime]
    until: Mapped[datetime]
    previewed: Mapped[dict[str, Any]] = mapped_column(JSONB(none_as_null=True))
    ordered_by: Mapped[str]
    ordered_at: Mapped[datetime]
    decisions: Mapped[int] = mapped_column(BigInteger, default=0)
    actions: Mapped[int] = mapped_column(BigInteger, default=0)
    done_at: Mapped[datetime | None]
