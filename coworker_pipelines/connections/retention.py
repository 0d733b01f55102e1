"""How long data stays: policies, and which of them is a stream's.

A document is *due* when its time, by the policy's basis, is longer ago than the age: from then
on it is out of use. It is not taken in again, and no activities are made from it. When the grace
is over as well it is *spent*, and the next sweep removes it.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.retention_rows import PolicyOrder
from coworker_pipelines.kernel.errors import DefectError, TenantActionError
from coworker_pipelines.kernel.window import Window

AGE_YEARS_MAX: Final = 100
DAYS_A_YEAR: Final = 365
MONTHS_A_YEAR: Final = 12


class Basis(StrEnum):
    """Which time of a document its age is counted from."""

    EVENT = "event"
    """``occurred_at``; where a document has none, ``extracted_at``."""
    INGESTION = "ingestion"
    """``extracted_at``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """So many days, or so many calendar months; one of the two.

    Raises:
        TenantActionError: it is neither, both, or more than a hundred years.
    """

    days: int = 0
    months: int = 0

    def __post_init__(self) -> None:
        if (self.days > 0) == (self.months > 0) or min(self.days, self.months) < 0:
            raise TenantActionError("Give the age as a number of days or of months: one of both.")
        if self.days > AGE_YEARS_MAX * DAYS_A_YEAR or self.months > AGE_YEARS_MAX * MONTHS_A_YEAR:
            raise TenantActionError(f"An age has {AGE_YEARS_MAX} years at the most.")

    def before(self, moment: datetime) -> datetime:
        """That long before; of a month that has no such day, its last one."""
        if self.days:
            return moment - timedelta(days=self.days)
        month = Window.of(moment).plus(-self.months)
        day = min(moment.day, monthrange(month.year, month.month)[1])
        return moment.replace(year=month.year, month=month.month, day=day)

    def __str__(self) -> str:
        return _counted(self.days, "day") if self.days else _counted(self.months, "month")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy that stands; ``connection`` and ``stream`` are ``None`` where it reaches all."""

    connection: str | None
    stream: str | None
    basis: Basis
    age: Age
    grace_days: int

    def due_before(self, now: datetime) -> datetime:
        """Documents with an earlier time are out of use. To the second, as all that follows it."""
        return self.age.before(now.astimezone(UTC).replace(microsecond=0))

    def spent_before(self, now: datetime) -> datetime:
        """Documents with an earlier time are to be gone: due by this moment, and the grace over."""
        return self.due_before(now - timedelta(days=self.grace_days))

    def time_of(self, occurred_at: datetime | None, extracted_at: datetime) -> datetime:
        """From when a document's age is counted."""
        if self.basis is Basis.EVENT and occurred_at is not None:
            return occurred_at
        return extracted_at

    def reaches(self, connection: str, stream: str) -> bool:
        return self.connection in {None, connection} and self.stream in {None, stream}

    def __str__(self) -> str:
        grace = f", grace {_counted(self.grace_days, 'day')}" if self.grace_days else ""
        return f"{self.age} from {self.basis}{grace}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def nearest(policies: Sequence[Policy], connection: str, stream: str) -> Policy | None:
    """The stream's own policy, else its connection's, else its tenant's.

    ``policies`` are one tenant's, one for an extent at the most.
    """
    reaching = (policy for policy in policies if policy.reaches(connection, stream))
    return max(
        reaching,
        key=lambda policy: (policy.stream is not None, policy.connection is not None),
        default=None,
    )


def standing_policies(session: Session, tenant_id: str) -> list[Policy]:
    """Those of a tenant that nobody took back, in a fixed order.

    If they cannot be read, the error goes up: nothing is taken in, and nothing removed.
    """
    orders = session.scalars(
        select(PolicyOrder).where(PolicyOrder.tenant_id == tenant_id).order_by(PolicyOrder.id)
    )
    latest = {(order.connection_id, order.stream): order for order in orders}
    ordered = sorted(latest.values(), key=lambda order: order.id)
    return [policy_of(order) for order in ordered if order.basis is not None]


def policy_of(order: PolicyOrder) -> Policy:
    """What an order that sets a policy says."""
    if order.basis is None:
        raise DefectError("An order that took a policy back was read as one.")
    return Policy(
        connection=order.connection_id,
        stream=order.stream,
        basis=Basis(order.basis),
        age=Age(days=order.age_days or 0, months=order.age_months or 0),
        grace_days=order.grace_days or 0,
    )
