"""A run of deciding: each message once, whatever happens on the way."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Final, Self

from sqlalchemy.orm import Session

from coworker_pipelines.automation.decisions.admission import Admit, Event, everything
from coworker_pipelines.automation.decisions.decide import decide
from coworker_pipelines.automation.decisions.decision import Decision
from coworker_pipelines.automation.decisions.store import append, decided_messages, lock_chain
from coworker_pipelines.automation.outbox.store import enqueue
from coworker_pipelines.automation.rows import DecisionChain
from coworker_pipelines.automation.rules.situation import Facts
from coworker_pipelines.automation.rules.standing import Standing, standing_rules
from coworker_pipelines.database.database import Database

MESSAGES_A_TRANSACTION: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedCounts:
    """Messages that were decided now, and before; actions chosen, rules that failed."""

    decided: int = 0
    before: int = 0
    actions: int = 0
    failed: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            decided=self.decided + other.decided,
            before=self.before + other.before,
            actions=self.actions + other.actions,
            failed=self.failed + other.failed,
        )


def decide_messages(
    database: Database,
    tenant: str,
    events: Iterable[Event],
    *,
    connection: str,
    now: datetime,
    made_at: datetime | None = None,
    admit: Admit = everything,
) -> DecidedCounts:
    """After this there is a decision on each of the messages, under the rules in force.

    A message that was decided before stays as it was decided, whichever rules that was under:
    so it can be done again, from the start or after a crash anywhere, and adds nothing. What was
    chosen waits in the outbox from the same moment on. A message without a time happened when it
    was made: at ``made_at``, or now. ``admit`` leaves out what may not be decided any more.
    """
    facts = Facts(connection=connection, decided_at=now)
    total = DecidedCounts()
    known: Standing | None = None
    for page in pages(events):
        with database.tenant(tenant) as session:
            # Locked first: what is switched off from now on is not seen as switched on.
            chain = lock_chain(session, tenant)
            admitted = admit(session, page)
            new = _undecided(session, tenant, admitted)
            known = standing_rules(session, tenant, known)
            made = [
                decide(event, _facts_of(event, facts, known, made_at or now), known.rules)
                for event in new
            ]
            total += keep(session, chain, made)
            total += DecidedCounts(before=len(admitted) - len(new))
    return total


def keep(session: Session, chain: DecisionChain, made: Sequence[Decision]) -> DecidedCounts:
    """After this transaction the decisions are in the chain and their actions in the outbox."""
    decided = append(session, chain, made)
    enqueue(session, chain.tenant_id, made)
    return DecidedCounts(
        decided=decided,
        actions=sum(decision.actions for decision in made),
        failed=sum(decision.failed for decision in made),
    )


def _undecided(session: Session, tenant: str, page: Sequence[Event]) -> list[Event]:
    by_id = {event["id"]: event for event in page}
    before = decided_messages(session, tenant, list(by_id))
    return [event for message, event in by_id.items() if message not in before]


def _facts_of(event: Event, facts: Facts, standing: Standing, made_at: datetime) -> Facts:
    data = event["data"]
    triggered = standing.rules.triggered(data["kind"], data["object"]["stream"], data["verb"])
    told = event.get("time")
    moment = made_at if told is None else datetime.fromisoformat(told)
    history = standing.history(triggered.rules, moment)
    return replace(facts, history=history) if history else facts


def pages(events: Iterable[Event]) -> Iterator[Sequence[Event]]:
    """As many at a time as are decided in a transaction."""
    remaining = iter(events)
    while page := list(islice(remaining, MESSAGES_A_TRANSACTION)):
        yield page
