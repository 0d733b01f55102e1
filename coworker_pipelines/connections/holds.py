"""Holds, as those who work on data see them: what lies under one is kept, and not worked on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.retention import Policy, nearest, standing_policies
from coworker_pipelines.connections.retention_rows import PlacedHold
from coworker_pipelines.kernel.scope import Scope

HOLD_WAIT_S: Final = 110
"""A bulk takes a second; an index that goes whole as long as its activities take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold that stands. ``connection`` and ``stream`` are ``None`` where it reaches all.

    ``since`` (in it) and ``until`` (not in it) bound a document's own time, which is when it
    occurred, or where it has no such time, when it was taken in. Both ``None``: it reaches all.
    """

    id: str
    tenant: str
    connection: str | None
    stream: str | None
    since: datetime | None
    until: datetime | None
    review_at: date

    def reaches(self, connection: str, stream: str) -> bool:
        """Whether it may hold something of the stream."""
        return self.connection in {None, connection} and self.stream in {None, stream}

    def keeps(self, occurred_at: datetime | None, extracted_at: datetime) -> bool:
        """Whether a document of a stream that it reaches lies in its span."""
        return self.spans(occurred_at or extracted_at)

    def spans(self, moment: datetime) -> bool:
        return (self.since is None or self.since <= moment) and (
            self.until is None or moment < self.until
        )

    def touches(self, begin: datetime, end: datetime) -> bool:
        """Whether a moment between the two may lie in its span."""
        return (self.since is None or self.since < end) and (
            self.until is None or begin < self.until
        )


def hold_over(
    holds: Sequence[Hold],
    connection: str,
    stream: str,
    *,
    occurred_at: datetime | None,
    extracted_at: datetime,
) -> Hold | None:
    """The hold that keeps a document: of several the one that is looked at again last."""
    keeping = (
        hold
        for hold in holds
        if hold.reaches(connection, stream) and hold.keeps(occurred_at, extracted_at)
    )
    return max(keeping, key=lambda hold: (hold.review_at, hold.id), default=None)


def standing_holds(session: Session, tenant_id: str) -> list[Hold]:
    """Those of a tenant that nobody released, in a fixed order.

    If they cannot be read, the error goes up, and nothing is removed or derived.
    """
    rows = session.scalars(
        select(PlacedHold)
        .where(PlacedHold.tenant_id == tenant_id, PlacedHold.released_at.is_(None))
        .order_by(PlacedHold.id)
    )
    return [hold_of(row) for row in rows]


def standing_over(
    session: Session, scope: Scope, stream: str
) -> tuple[Policy | None, Sequence[Hold]]:
    """A stream's policy, and the holds that may keep something of it."""
    policies = standing_policies(session, scope.tenant)
    holds = standing_holds(session, scope.tenant)
    reaching = [hold for hold in holds if hold.reaches(scope.connection, stream)]
    return nearest(policies, scope.connection, stream), reaching


def hold_of(row: PlacedHold) -> Hold:
    return Hold(
        id=row.id,
        tenant=row.tenant_id,
        connection=row.connection_id,
        stream=row.stream,
        since=row.since,
        until=row.until,
        review_at=row.review_at,
    )


def keep_holds_still(session: Session, tenant_id: str) -> None:
    """Until this transaction ends, no hold of the tenant is placed or released.

    Who removes asks for holds behind this, and removes before the transaction ends: a hold
    that is placed meanwhile waits for that removal, and stands before the next one.
    """
    session.execute(select(func.pg_advisory_xact_lock_shared(_holds_key(tenant_id))))


def change_holds(session: Session, tenant_id: str) -> None:
    """Wait for removals under way; until this transaction ends, nobody begins another."""
    session.execute(select(func.set_config("lock_timeout", f"{HOLD_WAIT_S}s", True)))  # noqa: FBT003 - SQL
    session.execute(select(func.pg_advisory_xact_lock(_holds_key(tenant_id))))


def _holds_key(tenant_id: str) -> ColumnElement[int]:
    return func.hashtextextended(f"holds/{tenant_id}", 0)
