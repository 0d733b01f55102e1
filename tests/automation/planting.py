"""Tenants of tests, and decisions of theirs."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from coworker_pipelines.automation.decisions.decide import decide
from coworker_pipelines.automation.decisions.deciding import DecidedCounts, decide_messages
from coworker_pipelines.automation.decisions.store import append, lock_chain
from coworker_pipelines.automation.outbox.store import enqueue
from coworker_pipelines.automation.rules.rule import Rule
from coworker_pipelines.automation.rules.rule_set import RuleSet
from coworker_pipelines.automation.rules.situation import Facts
from coworker_pipelines.automation.rules.store import activate, add_version
from coworker_pipelines.connections import tenants
from coworker_pipelines.database.database import Database
from tests.automation.messages import NOON
from tests.database_fixtures import MASTER


def add_tenant(database: Database, slug: str) -> str:
    with database.control() as session:
        return tenants.add_tenant(session, MASTER, slug=slug, name=slug, now=NOON).id


def switch_on(database: Database, tenant: str, *rules: Rule) -> None:
    with database.control() as session:
        for rule in rules:
            add_version(session, tenant, rule, by="ann", now=NOON)
            activate(session, tenant, rule, by="ann", now=NOON)


def decide_all(
    database: Database, tenant: str, events: Iterable[dict[str, Any]], *, now: datetime = NOON
) -> DecidedCounts:
    return decide_messages(database, tenant, events, connection="handbook", now=now)


def act_on(
    database: Database,
    tenant: str,
    rule: Rule,
    events: Iterable[dict[str, Any]],
    *,
    now: datetime = NOON,
) -> int:
    """Decide by this rule alone, and have done what it chooses; how many actions that is."""
    facts = Facts(connection="handbook", decided_at=now)
    made = [decide(event, facts, RuleSet([rule])) for event in events]
    with database.tenant(tenant) as session:
        append(session, lock_chain(session, tenant), made)
        return enqueue(session, tenant, made)
