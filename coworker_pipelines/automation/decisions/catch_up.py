"""A catch-up: by an operator's order, active rules act on what happened before they were.

A rule decides by itself on what happens from its activation on. What lies before is history for
it; a catch-up reaches that and nothing else, so the two never meet, and a rule that has acted on a
message does not act on it again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.automation.decisions.admission import Admit, Event
from coworker_pipelines.automation.decisions.decide import decide
from coworker_pipelines.automation.decisions.deciding import DecidedCounts, keep, pages
from coworker_pipelines.automation.decisions.decision import Decision
from coworker_pipelines.automation.decisions.dry_run import DryRun, count_decision, moment_of
from coworker_pipelines.automation.decisions.store import acted_on, lock_chain
from coworker_pipelines.automation.rows import CatchUpOrder
from coworker_pipelines.automation.rules.compiled import CompiledRule
from coworker_pipelines.automation.rules.rule_set import digest_of
from coworker_pipelines.automation.rules.situation import CatchUp, Facts
from coworker_pipelines.automation.rules.standing import Standing, active_since, standing_rules
from coworker_pipelines.automation.rules.store import active_members
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id

_PREVIEW: Final = "preview"
"""Stands for the order in decisions that are made to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``rules`` are active ones that are to act on what happened from ``since`` to ``until``.

    ``until`` is not in it. ``standing`` is all that is in force.
    """

    tenant: str
    standing: Standing
    rules: tuple[str, ...]
    since: datetime
    until: datetime

    def concerns(self, event: Event) -> bool:
        """Whether it is history for a rule that is to act, and lies in the span."""
        moment = moment_of(event)
        return self.since <= moment < self.until and bool(self._asked(event, moment))

    def decide(
        self,
        events: Iterable[Event],
        acted: Mapping[str, frozenset[str]],
        *,
        order: str,
        connection: str,
        now: datetime,
    ) -> Iterator[tuple[Event, Decision]]:
        """What is made of those that it concerns; ``acted`` says who acted on which message."""
        for event in events:
            moment, before = moment_of(event), acted.get(event["id"], frozenset())
            asked = [one for one in self._asked(event, moment) if one not in before]
            if asked:
                told = CatchUp(
                    order=order,
                    rules=tuple(sorted(asked)),
                    happened_at=moment,
                    acted=tuple(sorted(before)),
                )
                facts = Facts(connection=connection, decided_at=now, catch_up=told)
                yield event, decide(event, facts, self.standing.rules)

    def _asked(self, event: Event, moment: datetime) -> list[str]:
        data = event["data"]
        found = self.standing.rules.triggered(data["kind"], data["object"]["stream"], data["verb"])
        return [one.rule.id for one in found.rules if self._is_asked(one, moment)]

    def _is_asked(self, one: CompiledRule, moment: datetime) -> bool:
        return one.rule.id in self.rules and moment < self.standing.since[one.rule.id]


def plan_catch_up(
    session: Session, tenant: str, rules: Sequence[str], *, since: datetime, until: datetime
) -> Plan:
    """What these rules are to make up for, as things stand.

    Raises:
        TenantActionError: one of them is not active, or the span is empty.
    """
    standing = standing_rules(session, tenant)
    for rule in rules:
        if rule not in standing.since:
            active = ", ".join(sorted(standing.since)) or "none"
            raise TenantActionError(
                f"{rule!r} is not active, and a catch-up is for active rules; these are: {active}."
            )
    if until <= since:
        raise TenantActionError("The span ends before it begins.")
    return Plan(
        tenant=tenant,
        standing=standing,
        rules=tuple(sorted(set(rules))),
        since=since,
        until=until,
    )


def preview(
    run: DryRun, session: Session, plan: Plan, events: Iterable[Event], *, connection: str
) -> None:
    """Add to the run what would be made of a connection's messages; nothing is kept."""
    for page in pages(event for event in events if plan.concerns(event)):
        acted = acted_on(session, plan.tenant, [event["id"] for event in page])
        for event, decision in plan.decide(
            page, acted, order=_PREVIEW, connection=connection, now=plan.until
        ):
            day = moment_of(event).astimezone(UTC).date()
            count_decision(run, event, day, decision.open_content())


def order_catch_up(
    session: Session,
    plan: Plan,
    previewed: DryRun,
    *,
    connections: Sequence[str],
    ordered_by: str,
    now: datetime,
) -> str:
    """The id of the order, which is recorded with what was shown before it was given."""
    order = CatchUpOrder(
        id=new_id(IdPrefix.CATCH_UP),
        tenant_id=plan.tenant,
        rules=[
            [one.rule, one.version, one.digest]
            for one in plan.standing.rules.members
            if one.rule in plan.rules
        ],
        rule_set=plan.standing.rules.digest,
        connections=list(connections),
        since=plan.since,
        until=plan.until,
        previewed={
            "messages": previewed.messages,
            "actions": [[*of, times] for of, times in sorted(previewed.actions.items())],
        },
        ordered_by=ordered_by,
        ordered_at=now,
        decisions=0,
        actions=0,
    )
    session.add(order)
    session.flush()
    return order.id


def carry_out(
    database: Database,
    plan: Plan,
    order: str,
    events: Iterable[Event],
    *,
    connection: str,
    now: datetime,
    admit: Admit,
) -> DecidedCounts:
    """After this the rules have acted on a connection's messages, each once.

    Decisions that chose nothing are not kept: the order says how many messages it was about.

    Raises:
        RefusedError: other rules are active than when it was previewed.
    """
    total = DecidedCounts()
    for page in pages(event for event in events if plan.concerns(event)):
        with database.tenant(plan.tenant) as session:
            chain = lock_chain(session, plan.tenant)
            _require_standing(session, plan)
            admitted = admit(session, page)
            acted = acted_on(session, plan.tenant, [event["id"] for event in admitted])
            decided = plan.decide(admitted, acted, order=order, connection=connection, now=now)
            total += keep(session, chain, [one for _, one in decided if one.actions or one.failed])
    return total


def note_progress(
    session: Session, order: str, counts: DecidedCounts, *, done_at: datetime | None = None
) -> None:
    """Add what was decided to the order; with ``done_at`` it is carried out."""
    found = session.get_one(CatchUpOrder, order)
    found.decisions += counts.decided
    found.actions += counts.actions
    found.done_at = done_at


def list_catch_ups(session: Session, tenant: str) -> Sequence[CatchUpOrder]:
    """The latest first."""
    return session.scalars(
        select(CatchUpOrder)
        .where(CatchUpOrder.tenant_id == tenant)
        .order_by(CatchUpOrder.ordered_at.desc(), CatchUpOrder.id)
    ).all()


def _require_standing(session: Session, plan: Plan) -> None:
    digest = digest_of(active_members(session, plan.tenant))
    if digest != plan.standing.rules.digest or (
        active_since(session, plan.tenant) != plan.standing.since
    ):
        raise RefusedError(
            "Other rules are active than when this catch-up was previewed: order it again, for "
            "what is left."
        )
