"""What the database keeps of actions: what is to be done, what was, where to, and what stops it.

Who did something and why is loaded where it is asked for: whoever dispatches may not read it.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from coworker_pipelines.connections import rows as _connection_rows  # noqa: F401 - referred to
from coworker_pipelines.database.rows import Row


class OutboxRow(Row):
    """An action that was chosen. ``payload`` is all of it that is personal; erased, it is gone.

    ``key`` is its idempotency key. ``attempts`` is also the number of the lease: who holds an
    older one has lost it. ``acted_at`` is when it was first handed to somebody to be done.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_due",
            "tenant_id",
            "next_at",
            postgresql_where=text("state IN ('ready', 'leased')"),
        ),
        Index("ix_outbox_tenant_id_state", "tenant_id", "state", "made_at"),
        Index("ix_outbox_tenant_id_rule", "tenant_id", "rule", "acted_at"),
        Index("ix_outbox_tenant_id_connection_id", "tenant_id", "connection_id", "stream"),
        Index("ix_outbox_subject_keys", "subject_keys", postgresql_using="gin"),
        Index("uq_outbox_tenant_id_key", "tenant_id", "key", unique=True),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    decision_id: Mapped[str] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    message_id: Mapped[str]
    connection_id: Mapped[str]
    stream: Mapped[str]
    rule: Mapped[str]
    rule_version: Mapped[int]
    action: Mapped[str]
    place: Mapped[str | None]
    state: Mapped[str]
    attempts: Mapped[int]
    made_at: Mapped[datetime]
    next_at: Mapped[datetime]
    acted_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    detail: Mapped[str | None]
    payload: Mapped[dict[str, Any] | None]
    subject_keys: Mapped[list[str]] = mapped_column(ARRAY(String()))
    erased_at: Mapped[datetime | None]


class DestinationRow(Row):
    """Where the tenant lets something be sent: never changed, but withdrawn and made anew.

    ``address`` is as much of it as everybody may know; what is secret rests in the secret store.
    """

    __tablename__ = "destinations"
    __table_args__ = (
        Index(
            "uq_destinations_in_force",
            "tenant_id",
            "name",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    name: Mapped[str]
    kind: Mapped[str]
    address: Mapped[str]
    sender: Mapped[str | None]
    recipients: Mapped[list[str]] = mapped_column(ARRAY(String()))
    fields: Mapped[list[str]] = mapped_column(ARRAY(String()))
    authorised_by: Mapped[str] = mapped_column(deferred=True)
    authorised_at: Mapped[datetime] = mapped_column(deferred=True)
    withdrawn_by: Mapped[str | None] = mapped_column(deferred=True)
    withdrawn_at: Mapped[datetime | None]


class SentRow(Row):
    """One attempt to send: noted before the first byte goes out, and again when it is over.

    ``digest`` is that of the body; as a hash of what may be personal it goes with its person.
    """

    __tablename__ = "sent"
    __table_args__ = (
        Index("ix_sent_tenant_id_place", "tenant_id", "place", "began_at"),
        Index("ix_sent_tenant_id_connection_id", "tenant_id", "connection_id", "stream"),
        Index("ix_sent_subject_keys", "subject_keys", postgresql_using="gin"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[str]
    stream: Mapped[str]
    destination_id: Mapped[str]
    place: Mapped[str]
    body_bytes: Mapped[int]
    digest: Mapped[str | None]
    fields: Mapped[list[str]] = mapped_column(ARRAY(String()))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str]
    detail: Mapped[str | None]
    subject_keys: Mapped[list[str]] = mapped_column(ARRAY(String()))
    erased_at: Mapped[datetime | None]


class KillSwitchRow(Row):
    """That nothing of a rule, or of a tenant where ``rule`` is empty, is done any more."""

    __tablename__ = "kill_switches"
    __table_args__ = (
        Index(
            "uq_kill_switches_in_force",
            "tenant_id",
            text("coalesce(rule, '')"),
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    rule: Mapped[str | None]
    stopped_by: Mapped[str] = mapped_column(deferred=True)
    stopped_at: Mapped[datetime] = mapped_column(deferred=True)
    reason: Mapped[str] = mapped_column(deferred=True)
    lifted_by: Mapped[str | None] = mapped_column(deferred=True)
    lifted_at: Mapped[datetime | None]


class BreakerRow(Row):
    """How much a rule may do; a rule without a row has the limits that all have.

    ``first_actions`` are those that a version may do before somebody has looked at them; versions
    up to ``approved_version`` were looked at.
    """

    __tablename__ = "breakers"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)
    actions_an_hour: Mapped[int]
    first_actions: Mapped[int]
    set_by: Mapped[str] = mapped_column(deferred=True)
    set_at: Mapped[datetime] = mapped_column(deferred=True)
    approved_by: Mapped[str | None] = mapped_column(deferred=True)
    approved_version: Mapped[int | None]
    approved_at: Mapped[datetime | None] = mapped_column(deferred=True)


class TagRow(Row):
    """A word on a message."""

    __tablename__ = "tags"
    __table_args__ = (
        Index("ix_tags_tenant_id_connection_id", "tenant_id", "connection_id", "stream"),
        Index("ix_tags_subject_keys", "subject_keys", postgresql_using="gin"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]
    connection_id: Mapped[str]
    stream: Mapped[str]
    rule: Mapped[str]
    made_at: Mapped[datetime]
    subject_keys: Mapped[list[str]] = mapped_column(ARRAY(String()))


class TaskRow(Row):
    """Something for a person to do: an activity of our own. Its key is that of the action."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_tenant_id_list_name", "tenant_id", "list_name", "made_at"),
        Index("ix_tasks_tenant_id_connection_id", "tenant_id", "connection_id", "stream"),
        Index("ix_tasks_subject_keys", "subject_keys", postgresql_using="gin"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    list_name: Mapped[str]
    title: Mapped[str]
    note: Mapped[str | None]
    message_id: Mapped[str]
    connection_id: Mapped[str]
    stream: Mapped[str]
    rule: Mapped[str]
    made_at: Mapped[datetime]
    subject_keys: Mapped[list[str]] = mapped_column(ARRAY(String()))
