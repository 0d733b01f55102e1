"""How it stands with what is to be done: for checks, and for who looks after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coworker_pipelines.automation.action_rows import OutboxRow
from coworker_pipelines.automation.outbox.limits import RuleVersion, rooms
from coworker_pipelines.automation.outbox.states import NEEDS_A_PERSON, ActionState, Outcome
from coworker_pipelines.automation.outbox.stopping import stops_of

AGE_MAX: Final = timedelta(hours=1)
"""What is ready and held by nothing is not older than this where the dispatcher is alive."""
COLLECTED: Final = ("ledger.post",)
"""Types of actions that somebody else fetches: they wait here for as long as he takes."""
_WAITING: Final = (ActionState.READY, ActionState.LEASED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Actions of a rule in a version that wait, and for what."""

    tenant: str
    rule: str
    version: int
    actions: int
    held_by: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Of all tenants that a session sees. ``overdue`` are untried and held by nothing."""

    waiting: int
    oldest_at: datetime | None
    overdue: int
    dead: int
    waiting_for_person: int
    held: Sequence[Held]


def health(session: Session, *, now: datetime, tenant: str | None = None) -> Health:
    """Counted now. What a switch or a limit holds back is told apart, and is not overdue."""
    states = _counts(session, tenant)
    held, waiting, overdue, oldest = [], 0, 0, None
    for owner, one, actions, first_at, late in _untried(session, tenant, now):
        waiting += actions
        held_by = _held_by(session, owner, one, now)
        if held_by is not None:
            held.append(
                Held(
                    tenant=owner,
                    rule=one.rule,
                    version=one.version,
                    actions=actions,
                    held_by=held_by,
                )
            )
            continue
        overdue += late
        oldest = first_at if oldest is None else min(oldest, first_at)
    return Health(
        waiting=waiting,
        oldest_at=oldest,
        overdue=overdue,
        dead=states.get(ActionState.DEAD, 0),
        waiting_for_person=states.get(ActionState.WAITING_FOR_PERSON, 0),
        held=held,
    )


def _counts(session: Session, tenant: str | None) -> Mapping[str, int]:
    statement = (
        select(OutboxRow.state, func.count())
        .where(OutboxRow.state.in_(NEEDS_A_PERSON))
        .group_by(OutboxRow.state)
    )
    if tenant is not None:
        statement = statement.where(OutboxRow.tenant_id == tenant)
    return {state: count for state, count in session.execute(statement)}  # noqa: C416 - typed


def _untried(
    session: Session, tenant: str | None, now: datetime
) -> Sequence[tuple[str, RuleVersion, int, datetime, int]]:
    """By tenant and rule: what has not been begun yet, and how much of it for too long."""
    statement = (
        select(
            OutboxRow.tenant_id,
            OutboxRow.rule,
            OutboxRow.rule_version,
            func.count(),
            func.min(OutboxRow.made_at),
            func.count().filter(OutboxRow.made_at < now - AGE_MAX),
        )
        .where(
            OutboxRow.state.in_(_WAITING),
            OutboxRow.acted_at.is_(None),
            OutboxRow.action.not_in(COLLECTED),
        )
        .group_by(OutboxRow.tenant_id, OutboxRow.rule, OutboxRow.rule_version)
        .order_by(OutboxRow.tenant_id, OutboxRow.rule, OutboxRow.rule_version)
    )
    if tenant is not None:
        statement = statement.where(OutboxRow.tenant_id == tenant)
    return [
        (owner, RuleVersion(rule, version), actions, first_at, late)
        for owner, rule, version, actions, first_at, late in session.execute(statement)
    ]


def _held_by(session: Session, tenant: str, one: RuleVersion, now: datetime) -> Outcome | None:
    if stops_of(session, tenant).reach(one.rule):
        return Outcome.KILL_SWITCH
    return rooms(session, tenant, [one], now=now)[one].held_by
