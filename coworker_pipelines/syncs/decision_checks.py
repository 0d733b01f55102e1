"""Truths about what was decided and what is done about it, over all tenants."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coworker_pipelines.automation.action_rows import OutboxRow
from coworker_pipelines.automation.decisions.replay import ReplayOutcome, replay
from coworker_pipelines.automation.decisions.store import kept_at, verify_from
from coworker_pipelines.automation.outbox.states import NEEDS_A_PERSON, ActionState, Outcome
from coworker_pipelines.automation.rows import DecisionChain, DecisionRecord
from coworker_pipelines.automation.rules.rule_set import RuleSet
from coworker_pipelines.automation.rules.store import recorded_rule_set
from coworker_pipelines.syncs.checks import CheckResult

SAMPLE: Final = 1_000
"""Decisions of a day that are made again, of all tenants together."""
LINKS_MAX: Final = 50_000
"""Of a tenant's day, from its end; `coworker decisions replay` verifies a chain whole."""
DAY: Final = timedelta(days=1)
OLDEST_ACTION: Final = timedelta(hours=1)
_HELD: Final = (Outcome.KILL_SWITCH, Outcome.HOURLY_LIMIT, Outcome.FIRST_RUN_LIMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """A tenant's decisions of the last day: the numbers of the first and the last."""

    tenant: str
    first: int
    last: int


def replay_of_the_day(session: Session, *, now: datetime) -> CheckResult:
    """Whether decisions of the last day, made again by their recorded rules, are byte-equal."""
    days = list(_days(session, now))
    outcomes = dict.fromkeys(ReplayOutcome, 0)
    for day in days:
        share = max(1, SAMPLE // len(days))
        step = max(1, (day.last - day.first + 1) // share)
        sample = kept_at(session, day.tenant, range(day.first, day.last + 1, step)[:share])
        for one in replay(sample, _recorded(session, day.tenant)):
            outcomes[one.outcome] += 1
    different = outcomes[ReplayOutcome.DIFFERENT]
    return CheckResult(
        passed=different == 0,
        summary=f"{different} of {sum(outcomes.values())} decisions of the last day came out "
        "otherwise when they were made again.",
        metadata={
            "equal": outcomes[ReplayOutcome.EQUAL],
            "different": different,
            "erased": outcomes[ReplayOutcome.ERASED],
            "tenants": len(days),
        },
    )


def chains_of_the_day(session: Session, *, now: datetime) -> CheckResult:
    """Whether the links of the last day hold, up to where each tenant's chain should end."""
    links, broken = 0, []
    days = list(_days(session, now))
    for day in days:
        first = max(day.first, day.last - LINKS_MAX + 1)
        verified = verify_from(session, day.tenant, first)
        links += verified.links
        if verified.broken_at is not None:
            broken.append(f"{day.tenant} at record {verified.broken_at}: {verified.why}")
    return CheckResult(
        passed=not broken,
        summary="; ".join(broken[:3]) or f"{links} links of {len(days)} chains hold.",
        metadata={"links": links, "chains": len(days), "broken": len(broken)},
    )


def outbox_age(session: Session, *, now: datetime) -> CheckResult:
    """Whether no action waits for longer than it may; what a person or a limit holds is told."""
    waiting = select(func.count(), func.min(OutboxRow.made_at)).where(
        OutboxRow.state.in_((ActionState.READY, ActionState.LEASED))
    )
    is_held = func.coalesce(OutboxRow.outcome, "").in_(_HELD)
    count, oldest = session.execute(waiting.where(~is_held)).one()
    held, _ = session.execute(waiting.where(is_held)).one()
    age = timedelta() if oldest is None else now - oldest
    return CheckResult(
        passed=age <= OLDEST_ACTION,
        summary=f"{count} actions wait, the oldest for {round(age.total_seconds() / 60)} minutes; "
        f"{held} more are held by a limit or a kill switch.",
        metadata={"waiting": count, "oldest_s": round(age.total_seconds()), "held": held},
    )


def dead_letters(session: Session) -> CheckResult:
    """Whether no action needs a person: none has failed for good, and none may have taken place."""
    statement = (
        select(OutboxRow.state, func.count())
        .where(OutboxRow.state.in_(NEEDS_A_PERSON))
        .group_by(OutboxRow.state)
    )
    counts = {ActionState(state): count for state, count in session.execute(statement)}
    dead = counts.get(ActionState.DEAD, 0)
    unknown = counts.get(ActionState.WAITING_FOR_PERSON, 0)
    return CheckResult(
        passed=not counts,
        summary=f"{dead} actions have failed for good, {unknown} may have taken place and wait "
        "for a person.",
        metadata={"dead": dead, "waiting for a person": unknown},
    )


def _days(session: Session, now: datetime) -> Iterator[_Day]:
    for tenant in session.scalars(select(DecisionChain.tenant_id).order_by("tenant_id")).all():
        numbers = select(
            func.min(DecisionRecord.sequence), func.max(DecisionRecord.sequence)
        ).where(DecisionRecord.tenant_id == tenant, DecisionRecord.decided_at >= now - DAY)
        first, last = session.execute(numbers).one()
        if first is not None:
            yield _Day(tenant=tenant, first=first, last=last)


def _recorded(session: Session, tenant: str) -> Callable[[str], RuleSet]:
    @lru_cache(maxsize=64)
    def found(digest: str) -> RuleSet:
        return recorded_rule_set(session, tenant, digest)

    return found
