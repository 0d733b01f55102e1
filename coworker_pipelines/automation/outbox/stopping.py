"""The kill switch: after it, nothing of a rule or of a tenant is done any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from coworker_pipelines.automation.action_rows import KillSwitchRow, OutboxRow, SentRow
from coworker_pipelines.automation.outbox.states import ActionState, Outcome
from coworker_pipelines.kernel.errors import TenantActionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """What of a tenant is stopped now: all of it, or these rules."""

    everything: bool
    rules: frozenset[str]

    def reach(self, rule: str) -> bool:
        return self.everything or rule in self.rules


def stops_of(session: Session, tenant: str) -> Stops:
    """Read anew each time: what was stopped a moment ago is stopped."""
    found = session.scalars(
        select(KillSwitchRow.rule).where(
            KillSwitchRow.tenant_id == tenant, KillSwitchRow.lifted_at.is_(None)
        )
    ).all()
    return Stops(everything=None in found, rules=frozenset(rule for rule in found if rule))


def stop(
    session: Session, tenant: str, rule: str | None, *, by: str, reason: str, now: datetime
) -> bool:
    """After this transaction nothing more is begun; whether that is new.

    What was on its way a moment before may still arrive: ``on_their_way`` counts it.

    Raises:
        TenantActionError: no reason was given.
    """
    if not reason.strip():
        raise TenantActionError("Say why it is stopped: who comes later has to know.")
    if _in_force(session, tenant, rule) is not None:
        return False
    session.add(
        KillSwitchRow(
            tenant_id=tenant, rule=rule, stopped_by=by, stopped_at=now, reason=reason.strip()
        )
    )
    session.flush()
    return True


def resume(session: Session, tenant: str, rule: str | None, *, by: str, now: datetime) -> bool:
    """After this it goes on, if nothing else stops it; whether it was stopped."""
    found = _in_force(session, tenant, rule)
    if found is None:
        return False
    found.lifted_by, found.lifted_at = by, now
    session.flush()
    return True


def switches_of(session: Session, tenant: str) -> Sequence[KillSwitchRow]:
    """Those in force, with who and why."""
    told = (KillSwitchRow.stopped_by, KillSwitchRow.stopped_at, KillSwitchRow.reason)
    return session.scalars(
        select(KillSwitchRow)
        .where(KillSwitchRow.tenant_id == tenant, KillSwitchRow.lifted_at.is_(None))
        .order_by(KillSwitchRow.id)
        .options(*(undefer(column) for column in told))
    ).all()


def on_their_way(session: Session, tenant: str, rule: str | None) -> int:
    """Actions that somebody has begun to send, and not noted the end of."""
    statement = (
        select(func.count())
        .select_from(OutboxRow)
        .join(
            SentRow,
            (SentRow.tenant_id == OutboxRow.tenant_id)
            & (SentRow.key == OutboxRow.key)
            & (SentRow.attempt == OutboxRow.attempts),
        )
        .where(
            OutboxRow.tenant_id == tenant,
            OutboxRow.state == ActionState.LEASED,
            SentRow.outcome == Outcome.BEGUN,
        )
    )
    if rule is not None:
        statement = statement.where(OutboxRow.rule == rule)
    return session.scalar(statement) or 0


def _in_force(session: Session, tenant: str, rule: str | None) -> KillSwitchRow | None:
    return session.scalar(
        select(KillSwitchRow).where(
            KillSwitchRow.tenant_id == tenant,
            KillSwitchRow.rule.is_not_distinct_from(rule),
            KillSwitchRow.lifted_at.is_(None),
        )
    )
