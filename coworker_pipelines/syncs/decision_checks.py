"""Truths about what was decided and what is done about it, over all tenants."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from coworker_pipelines.automation.decisions.replay import ReplayOutcome, replay
from coworker_pipelines.automation.decisions.store import kept_at, verify_from
from coworker_pipelines.automation.outbox.health import health
from coworker_pipelines.automation.rows import DecisionChain, DecisionRecord
from coworker_pipelines.automation.rules.store import recorded_rule_sets
from coworker_pipelines.syncs.checks import CheckResult

SAMPLE: Final = 1_000
"""Decisions of a day that are made again, of all tenants together."""
LINKS_MAX: Final = 50_000
"""Of a tenant's day, from its end; `coworker decisions replay` verifies a chain whole."""
DAY: Final = timedelta(days=1)


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
        for one in replay(sample, recorded_rule_sets(session, day.tenant)):
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
    """Whether no action waits for longer than it may; what a switch or a limit holds is told."""
    found = health(session, now=now)
    oldest_s = 0 if found.oldest_at is None else round((now - found.oldest_at).total_seconds())
    held = sum(one.actions for one in found.held)
    return CheckResult(
        passed=found.overdue == 0,
        summary=f"{found.waiting} actions wait, {found.overdue} of them for too long; {held} are "
        "held by a limit or a kill switch.",
        metadata={
            "waiting": found.waiting,
            "overdue": found.overdue,
            "held": held,
            "oldest_s": oldest_s,
        },
    )


def dead_letters(session: Session, *, now: datetime) -> CheckResult:
    """Whether no action needs a person: none has failed for good, and none may have taken place."""
    found = health(session, now=now)
    return CheckResult(
        passed=not found.dead and not found.waiting_for_person,
        summary=f"{found.dead} actions have failed for good, {found.waiting_for_person} may have "
        "taken place and wait for a person.",
        metadata={"dead": found.dead, "waiting for a person": found.waiting_for_person},
    )


def _days(session: Session, now: datetime) -> Iterator[_Day]:
    for tenant in session.scalars(select(DecisionChain.tenant_id).order_by("tenant_id")).all():
        numbers = select(
            func.min(DecisionRecord.sequence), func.max(DecisionRecord.sequence)
        ).where(DecisionRecord.tenant_id == tenant, DecisionRecord.decided_at >= now - DAY)
        first, last = session.execute(numbers).one()
        if first is not None:
            yield _Day(tenant=tenant, first=first, last=last)
