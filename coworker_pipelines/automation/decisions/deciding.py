"""A run of deciding: each message once, whatever happens on the way."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, Self

from sqlalchemy.orm import Session

from coworker_pipelines.activities.store import ActivitiesStore
from coworker_pipelines.automation.decisions.decide import decide
from coworker_pipelines.automation.decisions.store import append, decided_messages, lock_chain
from coworker_pipelines.automation.rows import DecisionChain
from coworker_pipelines.automation.rules.rule_set import RuleSet, digest_of
from coworker_pipelines.automation.rules.situation import Facts
from coworker_pipelines.automation.rules.store import active_members, active_rule_set
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.scope import Scope

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
    events: Iterable[Mapping[str, Any]],
    *,
    connection: str,
    now: datetime,
) -> DecidedCounts:
    """After this there is a decision on each of the messages, under the rules in force.

    A message that was decided before stays as it was decided, whichever rules that was under:
    so it can be done again, from the start or after a crash anywhere, and adds nothing.
    """
    facts = Facts(connection=connection, decided_at=now)
    total = DecidedCounts()
    known: RuleSet | None = None
    for page in _pages(events):
        with database.tenant(tenant) as session:
            # Locked first: what is switched off from now on is not seen as switched on.
            chain = lock_chain(session, tenant)
            known = _rules(session, tenant, known)
            total += _decide_page(session, chain, page, facts, known)
    return total


def decide_sync(
    database: Database,
    activities: ActivitiesStore,
    scope: Scope,
    *,
    stream: str,
    sync: str,
    connection: str,
    now: datetime,
) -> DecidedCounts:
    """The same for the messages that a sync made of a stream; ``connection`` is its name."""
    events = (event for page in activities.scan(stream, sync=sync) for event in page)
    return decide_messages(database, scope.tenant, events, connection=connection, now=now)


def _decide_page(
    session: Session,
    chain: DecisionChain,
    page: Sequence[Mapping[str, Any]],
    facts: Facts,
    rules: RuleSet,
) -> DecidedCounts:
    by_id = {event["id"]: event for event in page}
    before = decided_messages(session, chain.tenant_id, list(by_id))
    made = [
        decide(event, facts, rules) for message, event in by_id.items() if message not in before
    ]
    return DecidedCounts(
        decided=append(session, chain, made),
        before=len(page) - len(made),
        actions=sum(decision.actions for decision in made),
        failed=sum(decision.failed for decision in made),
    )


def _rules(session: Session, tenant: str, known: RuleSet | None) -> RuleSet:
    """The rules in force now; they are made ready again only if they are others."""
    if known is not None and digest_of(active_members(session, tenant)) == known.digest:
        return known
    return active_rule_set(session, tenant)


def _pages(events: Iterable[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    remaining = iter(events)
    while page := list(islice(remaining, MESSAGES_A_TRANSACTION)):
        yield page
