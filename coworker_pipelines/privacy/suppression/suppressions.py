"""Making, listing and lifting suppressions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, undefer

from coworker_pipelines.connections.naming import unknown
from coworker_pipelines.connections.rows import SuppressedKey, Suppression
from coworker_pipelines.connections.suppressed_keys import KeyKind
from coworker_pipelines.connections.suppression import current_generation
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.ledger_lock import take_ledger_lock
from coworker_pipelines.privacy.restore.entries import EntryKind
from coworker_pipelines.privacy.restore.journal import Journal

REASON_MIN: Final = 3
ROWS_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionOrder:
    """What an erasure keeps out from now on.

    ``people`` are subject keys; ``documents`` are tokens of masked documents by their stream
    (see ``connections.suppression.document_token``).
    """

    order_id: str
    extent: Extent
    reason: str
    made_by: str
    people: frozenset[str] = frozenset()
    documents: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """Who lets in again what a suppression kept out, and why."""

    suppression: str
    reason: str
    lifted_by: str


def suppress(session: Session, journal: Journal, order: SuppressionOrder, *, now: datetime) -> str:
    """After this transaction nothing of what the order names is taken in; the suppression's id.

    Ordered again by the same order it is the same suppression, with what was named before and now.
    """
    suppression = apply_suppression(session, order, now=now)
    journal.record(
        session,
        kind=EntryKind.SUPPRESSION,
        order_id=order.order_id,
        tenant=order.extent.tenant,
        content={
            "connection": order.extent.connection,
            "stream": order.extent.stream,
            "reason": order.reason,
            "made_by": order.made_by,
            "people": sorted(order.people),
            "documents": {name: sorted(tokens) for name, tokens in order.documents.items()},
        },
        now=now,
    )
    return suppression


def apply_suppression(session: Session, order: SuppressionOrder, *, now: datetime) -> str:
    """The same, without an entry in the journal: of an order that has one.

    Raises:
        RefusedError: the order's suppression was lifted.
    """
    take_ledger_lock(session)
    generation = current_generation(session, order.extent.tenant) + 1
    row = session.scalar(select(Suppression).where(Suppression.order_id == order.order_id))
    if row is None:
        row = Suppression(
            id=new_id(IdPrefix.SUPPRESSION),
            tenant_id=order.extent.tenant,
            connection_id=order.extent.connection,
            stream=order.extent.stream,
            order_id=order.order_id,
            reason=order.reason,
            made_by=order.made_by,
            made_at=now,
        )
        session.add(row)
    elif row.lifted_at is not None:
        raise RefusedError(f"Suppression {row.id} was lifted: erase anew to keep out what it did.")
    row.generation = generation
    session.flush()
    _add_keys(session, row.id, order)
    return row.id


def lift(session: Session, journal: Journal, order: Lift, *, now: datetime) -> int:
    """After this transaction what it kept out may come in again; how many keys it had.

    What was left out meanwhile comes with the next read of its window, not by itself.

    Raises:
        TenantActionError: there is no such suppression.
        RefusedError: it was lifted before, or the reason says nothing.
    """
    if len(order.reason.strip()) < REASON_MIN:
        raise RefusedError("Say why the suppression is lifted: it is recorded with your name.")
    row = find_suppression(session, order.suppression)
    if row.lifted_at is not None:
        raise RefusedError(f"Suppression {row.id} was lifted before, by {row.lifted_by}.")
    journal.record(
        session,
        kind=EntryKind.LIFT,
        order_id=row.order_id or row.id,
        tenant=row.tenant_id,
        content={"reason": order.reason, "lifted_by": order.lifted_by},
        now=now,
    )
    return apply_lift(session, row, reason=order.reason, lifted_by=order.lifted_by, now=now)


def apply_lift(
    session: Session, row: Suppression, *, reason: str, lifted_by: str, now: datetime
) -> int:
    """The same, without an entry in the journal."""
    take_ledger_lock(session)
    row.generation = current_generation(session, row.tenant_id) + 1
    row.lift_reason, row.lifted_by, row.lifted_at = reason, lifted_by, now
    gone = session.execute(delete(SuppressedKey).where(SuppressedKey.suppression_id == row.id))
    session.flush()
    return int(getattr(gone, "rowcount", 0))


def find_suppression(session: Session, suppression_id: str) -> Suppression:
    """The suppression of that id.

    Raises:
        TenantActionError: there is none.
    """
    statement = select(Suppression).options(undefer("*"))
    row = session.scalar(statement.where(Suppression.id == suppression_id))
    if row is None:
        raise unknown("suppression", suppression_id, session.scalars(select(Suppression.id)))
    return row


def list_suppressions(
    session: Session, *, tenant_id: str | None = None, limit: int
) -> Sequence[Suppression]:
    """The newest first."""
    statement = select(Suppression).options(undefer("*")).order_by(Suppression.made_at.desc())
    if tenant_id is not None:
        statement = statement.where(Suppression.tenant_id == tenant_id)
    return session.scalars(statement.limit(limit)).all()


def count_keys(session: Session, suppression_id: str) -> int:
    statement = select(func.count()).select_from(SuppressedKey)
    found = session.scalar(statement.where(SuppressedKey.suppression_id == suppression_id))
    return found or 0


def _add_keys(session: Session, suppression_id: str, order: SuppressionOrder) -> None:
    """Those that are there already stay as they are."""
    rows = iter(_rows(suppression_id, order))
    while page := list(islice(rows, ROWS_AT_ONCE)):
        session.execute(insert(SuppressedKey).on_conflict_do_nothing(), page)


def _rows(suppression_id: str, order: SuppressionOrder) -> Iterator[dict[str, Any]]:
    extent = order.extent
    yield from _keys(
        order.people,
        tenant_id=extent.tenant,
        kind=KeyKind.PERSON,
        connection_id=extent.connection or "",
        stream=extent.stream or "",
        suppression_id=suppression_id,
    )
    for stream, tokens in order.documents.items():
        # A token names its connection by itself: it holds for one of the same name, made anew.
        yield from _keys(
            tokens,
            tenant_id=extent.tenant,
            kind=KeyKind.DOCUMENT,
            connection_id="",
            stream=stream,
            suppression_id=suppression_id,
        )


def _keys(keys: Iterable[str], **columns: str) -> Iterator[dict[str, Any]]:
    for key in sorted(keys):
        yield {**columns, "key": bytes.fromhex(key)}
