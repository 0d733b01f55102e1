"""Holds: somebody needs data to stay as it is, for a matter and until it is released.

While a hold lies over data, that data is stored and nothing else (GDPR, article 18(2)): no sweep,
deletion, deselection or erasure removes it, no activity is made from it, and who looks at it has
to say so. Records that come in go on being stored; the source's newest version of one replaces
the one before, so a hold keeps what is there and is no history of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.holds import Hold, change_holds, hold_of, standing_holds
from coworker_pipelines.connections.naming import unknown
from coworker_pipelines.connections.retention_rows import PlacedHold
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.orders import let_go, orders_over
from coworker_pipelines.privacy.restore.entries import EntryKind
from coworker_pipelines.privacy.restore.journal import Journal

REVIEW_WITHIN: Final = timedelta(days=366)
"""A hold that nobody looks at again for more than a year is one that somebody forgot."""
TEXT_CHARACTERS_MIN: Final = 3
TEXT_CHARACTERS_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOrder:
    """``since`` and ``until`` bound the times of the documents, where not all are meant."""

    extent: Extent
    since: datetime | None = None
    until: datetime | None = None
    matter: str
    owner: str
    reason: str
    review_at: date
    placed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempted:
    """What an order had to leave, because a hold lies over it; what its receipt says of that.

    It names the hold and not its matter, which is free text. ``until`` is the day on which the
    hold is looked at again: it may be released then, and what is left goes by a further order.
    """

    what: str
    why: str
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """``orders`` are erasures that had left something under the hold: they go on now."""

    hold: Hold
    orders: tuple[str, ...]


def place_hold(session: Session, journal: Journal, order: HoldOrder, *, now: datetime) -> Hold:
    """A new hold. A removal that is under way is waited for; none that comes later touches it.

    Raises:
        TenantActionError: a text is missing, the span is empty, or the review is not within a year.
        RefusedError: a deletion of it was confirmed, so that a part may be gone already; or the
            database was put back.
        RetryLaterError: a removal has been under way for too long.
    """
    _check(order, now)
    change_holds(session, order.extent.tenant)
    if found := orders_over(session, order.extent):
        raise RefusedError(
            f"A deletion is under way here (order {found[0].id}): it is too late for a hold."
        )
    row = apply_hold(session, order, hold_id=new_id(IdPrefix.HOLD), now=now)
    journal.record(
        session,
        kind=EntryKind.HOLD,
        order_id=row.id,
        tenant=row.tenant_id,
        content={
            "connection": row.connection_id,
            "stream": row.stream,
            "since": row.since,
            "until": row.until,
            "review_at": row.review_at,
            "matter": row.matter,
            "owner": row.owner,
            "reason": row.reason,
            "placed_by": row.placed_by,
        },
        now=now,
    )
    return hold_of(row)


def apply_hold(session: Session, order: HoldOrder, *, hold_id: str, now: datetime) -> PlacedHold:
    """The same, without an entry in the journal: of a hold that has one."""
    change_holds(session, order.extent.tenant)
    row = PlacedHold(
        id=hold_id,
        tenant_id=order.extent.tenant,
        connection_id=order.extent.connection,
        stream=order.extent.stream,
        since=_to_the_second(order.since),
        until=_to_the_second(order.until),
        review_at=order.review_at,
        placed_at=now,
        matter=order.matter.strip(),
        owner=order.owner.strip(),
        reason=order.reason.strip(),
        placed_by=order.placed_by,
    )
    session.add(row)
    session.flush()
    return row


def release_hold(
    session: Session,
    journal: Journal,
    hold_id: str,
    *,
    reason: str,
    released_by: str,
    now: datetime,
) -> Released:
    """After this the hold keeps nothing any more; its row stays, with who released it and why.

    What erasures had to leave under it is erased now.

    Raises:
        TenantActionError: there is no such hold, it was released before, or the reason is missing.
        RefusedError: the database was put back.
    """
    _check_text("reason", reason)
    row = find_hold(session, hold_id)
    change_holds(session, row.tenant_id)
    session.refresh(row)
    if row.released_at is not None:
        raise TenantActionError(f"The hold {hold_id} was released on {row.released_at:%Y-%m-%d}.")
    orders = apply_release(session, row, reason=reason, released_by=released_by, now=now)
    journal.record(
        session,
        kind=EntryKind.RELEASE,
        order_id=row.id,
        tenant=row.tenant_id,
        content={"reason": row.release_reason, "released_by": released_by},
        now=now,
    )
    return Released(hold=hold_of(row), orders=tuple(orders))


def apply_release(
    session: Session, row: PlacedHold, *, reason: str, released_by: str, now: datetime
) -> list[str]:
    """The same, without an entry in the journal; the orders that go on."""
    change_holds(session, row.tenant_id)
    row.released_at, row.released_by, row.release_reason = now, released_by, reason.strip()
    session.flush()
    return let_go(session, row.tenant_id, row.id, now=now)


def find_hold(session: Session, hold_id: str) -> PlacedHold:
    """The hold of that id.

    Raises:
        TenantActionError: there is none.
    """
    row = session.get(PlacedHold, hold_id)
    if row is None:
        raise unknown("hold", hold_id, session.scalars(select(PlacedHold.id)))
    return row


def list_holds(
    session: Session, *, tenant_id: str | None = None, with_released: bool = False
) -> Sequence[PlacedHold]:
    """Those whose review is due first come first."""
    statement = select(PlacedHold).order_by(PlacedHold.review_at, PlacedHold.id)
    if tenant_id is not None:
        statement = statement.where(PlacedHold.tenant_id == tenant_id)
    if not with_released:
        statement = statement.where(PlacedHold.released_at.is_(None))
    return session.scalars(statement).all()


def holds_over(session: Session, extent: Extent) -> list[Hold]:
    """The holds that may keep anything of the extent.

    Who is about to remove calls ``keep_holds_still`` before, and removes in that transaction.
    """
    return [
        hold for hold in standing_holds(session, extent.tenant) if extent_of(hold).meets(extent)
    ]


def refuse_under_holds(session: Session, extent: Extent) -> None:
    """Return if no hold lies over the extent.

    Raises:
        RefusedError: there is one.
    """
    if holds := holds_over(session, extent):
        raise RefusedError(
            f"The hold {holds[0].id} lies over this, so nothing of it is removed: see "
            "`coworker holds list`."
        )


def exemption(hold: Hold) -> Exempted:
    """What a receipt says of the data that this hold kept from an order."""
    return Exempted(
        what=f"documents of {describe(hold)}",
        why=f"under hold {hold.id}",
        until=hold.review_at,
    )


def describe(hold: Hold) -> str:
    """What it reaches, in ids, stream names and days."""
    place = " ".join(part for part in (hold.connection or hold.tenant, hold.stream) if part)
    since = f" from {hold.since:%Y-%m-%d}" if hold.since else ""
    until = f" until {hold.until:%Y-%m-%d}" if hold.until else ""
    return f"{place}{since}{until}"


def extent_of(hold: Hold) -> Extent:
    return Extent(tenant=hold.tenant, connection=hold.connection, stream=hold.stream)


def _to_the_second(bound: datetime | None) -> datetime | None:
    return None if bound is None else bound.replace(microsecond=0)


def _check(order: HoldOrder, now: datetime) -> None:
    for name, value in (
        ("matter", order.matter),
        ("owner", order.owner),
        ("reason", order.reason),
    ):
        _check_text(name, value)
    if order.since and order.until and order.since >= order.until:
        raise TenantActionError("The hold ends before it begins: no document lies in its span.")
    if not now.date() < order.review_at <= (now + REVIEW_WITHIN).date():
        raise TenantActionError(
            f"A hold is looked at again within {REVIEW_WITHIN.days} days: give --review as a day "
            "in that time."
        )


def _check_text(name: str, value: str) -> None:
    if not TEXT_CHARACTERS_MIN <= len(value.strip()) <= TEXT_CHARACTERS_MAX:
        raise TenantActionError(
            f"A hold needs a {name} of {TEXT_CHARACTERS_MIN} to {TEXT_CHARACTERS_MAX} characters."
        )
