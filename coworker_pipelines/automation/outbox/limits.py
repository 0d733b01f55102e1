"""The circuit breaker: how much a rule may do, by the hour and before somebody has looked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coworker_pipelines.automation.action_rows import BreakerRow, OutboxRow
from coworker_pipelines.automation.outbox.states import Outcome
from coworker_pipelines.kernel.errors import TenantActionError

ACTIONS_AN_HOUR: Final = 1_000
FIRST_ACTIONS: Final = 50
LIMIT_MAX: Final = 1_000_000
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, order=True)
class RuleVersion:
    rule: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one rule; versions up to ``approved`` have no first-run limit any more."""

    actions_an_hour: int = ACTIONS_AN_HOUR
    first_actions: int = FIRST_ACTIONS
    approved: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many more actions may begin now; ``held_by`` is what keeps others back, if none may."""

    actions: int
    held_by: Outcome | None = None


def limits_of(session: Session, tenant: str) -> Mapping[str, Limits]:
    """Of rules whose limits are their own."""
    return {
        row.rule: Limits(
            actions_an_hour=row.actions_an_hour,
            first_actions=row.first_actions,
            approved=row.approved_version or 0,
        )
        for row in session.scalars(select(BreakerRow).where(BreakerRow.tenant_id == tenant))
    }


def rooms(
    session: Session, tenant: str, asked: Sequence[RuleVersion], *, now: datetime
) -> Mapping[RuleVersion, Room]:
    """The room of each of these rules. It is exact as long as nobody else begins anything."""
    limits = limits_of(session, tenant)
    return {one: _room(session, tenant, one, limits.get(one.rule, Limits()), now) for one in asked}


def set_limits(
    session: Session,
    tenant: str,
    rule: str,
    *,
    actions_an_hour: int,
    first_actions: int,
    by: str,
    now: datetime,
) -> None:
    """After this the rule has these limits.

    Raises:
        TenantActionError: a limit is none.
    """
    for limit in (actions_an_hour, first_actions):
        if not 0 <= limit <= LIMIT_MAX:
            raise TenantActionError(f"A limit lies between 0 and {LIMIT_MAX:,}.")
    row = _row(session, tenant, rule, by, now)
    row.actions_an_hour, row.first_actions = actions_an_hour, first_actions
    row.set_by, row.set_at = by, now
    session.flush()


def approve(
    session: Session, tenant: str, rule: str, version: int, *, by: str, now: datetime
) -> None:
    """After this no version of the rule up to this one has a first-run limit."""
    row = _row(session, tenant, rule, by, now)
    row.approved_version = max(version, row.approved_version or 0)
    row.approved_by, row.approved_at = by, now
    session.flush()


def _row(session: Session, tenant: str, rule: str, by: str, now: datetime) -> BreakerRow:
    found = session.get(BreakerRow, (tenant, rule))
    if found is None:
        found = BreakerRow(
            tenant_id=tenant,
            rule=rule,
            actions_an_hour=ACTIONS_AN_HOUR,
            first_actions=FIRST_ACTIONS,
            set_by=by,
            set_at=now,
        )
        session.add(found)
    return found


def _room(session: Session, tenant: str, one: RuleVersion, limits: Limits, now: datetime) -> Room:
    begun = select(OutboxRow.ordinal).where(
        OutboxRow.tenant_id == tenant,
        OutboxRow.rule == one.rule,
        OutboxRow.acted_at.is_not(None),
    )
    # Counted no further than the limit: how much there ever was does not matter.
    lately = begun.where(OutboxRow.acted_at > now - HOUR).limit(limits.actions_an_hour)
    hourly = limits.actions_an_hour - _counted(session, lately.subquery())
    if hourly <= 0:
        return Room(actions=0, held_by=Outcome.HOURLY_LIMIT)
    if one.version <= limits.approved:
        return Room(actions=hourly)
    of_version = begun.where(OutboxRow.rule_version == one.version).limit(limits.first_actions)
    first = limits.first_actions - _counted(session, of_version.subquery())
    if first <= 0:
        return Room(actions=0, held_by=Outcome.FIRST_RUN_LIMIT)
    return Room(actions=min(hourly, first))


def _counted(session: Session, found: object) -> int:
    return session.scalar(select(func.count()).select_from(found)) or 0  # type: ignore[arg-type]
