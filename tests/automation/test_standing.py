"""What is in force since when; what the day's checks see of decisions and actions."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import ProgrammingError

from coworker_pipelines.automation.action_rows import OutboxRow
from coworker_pipelines.automation.decisions.catch_up import plan_catch_up, preview
from coworker_pipelines.automation.decisions.deciding import decide_messages
from coworker_pipelines.automation.decisions.dry_run import DryRun
from coworker_pipelines.automation.rows import DecisionRecord
from coworker_pipelines.automation.rules.standing import active_since, standing_rules
from coworker_pipelines.automation.rules.store import activate, add_version, deactivate
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.syncs.decision_checks import (
    chains_of_the_day,
    dead_letters,
    outbox_age,
    replay_of_the_day,
)
from tests.automation.messages import NOON, commit
from tests.automation.planting import add_tenant, decide_all, switch_on
from tests.automation.rules import large

HOUR = timedelta(hours=1)


@pytest.fixture
def tenant(database: Database) -> str:
    return add_tenant(database, "acme")


def switch(database: Database, tenant: str, version: int | None, hours: int) -> None:
    """At so many hours after noon; ``None`` switches off."""
    now = NOON + hours * HOUR + timedelta(microseconds=5)
    with database.control() as session:
        if version is None:
            deactivate(session, tenant, "large", by="ann", now=now)
            return
        rule = large(version=version)
        add_version(session, tenant, rule, by="ann", now=now)
        activate(session, tenant, rule, by="ann", now=now)


def test_a_rule_is_active_since_it_was_last_switched_on(database: Database, tenant: str) -> None:
    since = []
    for hours, version in enumerate((1, 2, None, 2, 1)):
        switch(database, tenant, version, hours)
        with database.tenant(tenant) as session:
            since.append(active_since(session, tenant).get("large"))
    # Another version goes on where the one before was; to the second, as sources tell time.
    assert since == [NOON, NOON, None, NOON + 3 * HOUR, NOON + 3 * HOUR]


def test_rules_look_at_what_can_trigger_them(database: Database, tenant: str) -> None:
    switch_on(database, tenant, large())
    with database.tenant(tenant) as session:
        standing = standing_rules(session, tenant)
    assert standing.new_since("git", "commits") == NOON
    assert standing.new_since("git", "tags") is None
    assert standing.new_since("sql", "commits") is None


def test_a_message_that_is_new_for_one_rule_may_be_history_for_another(
    database: Database, tenant: str
) -> None:
    switch_on(database, tenant, large())
    with database.control() as session:
        younger = large(id="younger")
        add_version(session, tenant, younger, by="ann", now=NOON + 2 * HOUR)
        activate(session, tenant, younger, by="ann", now=NOON + 2 * HOUR)
    counts = decide_all(database, tenant, [commit(1_001, at=NOON + HOUR)], now=NOON + 3 * HOUR)
    assert counts.actions == 2
    with database.control() as session:
        (kept,) = session.scalars(select(DecisionRecord))
        assert {row.rule for row in session.scalars(select(OutboxRow))} == {"large"}
        assert b'"history"' in kept.open


def test_what_has_no_time_happened_when_it_was_made(database: Database, tenant: str) -> None:
    switch_on(database, tenant, large())
    timeless = [commit(1_001 + number, at=None) for number in range(2)]
    for event, made_at in zip(timeless, (NOON - HOUR, NOON + HOUR), strict=True):
        decide_messages(
            database, tenant, [event], connection="handbook", now=NOON + HOUR, made_at=made_at
        )
    with database.control() as session:
        kept = session.scalars(select(DecisionRecord).order_by(DecisionRecord.sequence)).all()
        assert [one.actions for one in kept] == [0, 2]


def test_a_catch_up_is_for_active_rules_over_a_span(database: Database, tenant: str) -> None:
    switch_on(database, tenant, large())
    with database.control() as session:
        with pytest.raises(TenantActionError, match=r"'other' is not active.*: large"):
            plan_catch_up(session, tenant, ["other"], since=NOON, until=NOON + HOUR)
        with pytest.raises(TenantActionError, match="ends before it begins"):
            plan_catch_up(session, tenant, ["large"], since=NOON, until=NOON)


def test_a_catch_up_leaves_to_a_rule_what_is_new_for_it(database: Database, tenant: str) -> None:
    switch_on(database, tenant, large())
    dated = [commit(2_000 + hours, at=NOON + hours * HOUR) for hours in range(-5, 5)]
    run = DryRun()
    with database.control() as session:
        plan = plan_catch_up(
            session, tenant, ["large"], since=NOON - 3 * HOUR, until=NOON + 9 * HOUR
        )
        preview(run, session, plan, dated, connection="handbook")
    assert run.messages == 3
    assert run.actions == {("large", "create_task"): 3, ("large", "tag"): 3}


def test_the_day_is_made_again_alike_and_its_chain_holds(database: Database, tenant: str) -> None:
    switch_on(database, tenant, large())
    decide_all(database, tenant, [commit(number) for number in range(20)])
    late = NOON + timedelta(days=3)
    decide_all(database, tenant, [commit(number) for number in range(1_000, 1_010)], now=late)
    with database.control() as session:
        alike = replay_of_the_day(session, now=late + HOUR)
        chains = chains_of_the_day(session, now=late + HOUR)
    assert (alike.passed, alike.metadata["equal"], alike.metadata["tenants"]) == (True, 10, 1)
    assert (chains.passed, chains.metadata["links"]) == (True, 10)
    with database.control() as session:
        session.execute(text("RESET ROLE"))
        session.execute(
            update(DecisionRecord).where(DecisionRecord.sequence == 25).values(open=b"{}")
        )
        chains = chains_of_the_day(session, now=late + HOUR)
    assert not chains.passed
    assert chains.summary == f"{tenant} at record 25: its open half was changed"


def test_what_waits_too_long_or_needs_a_person_is_told(database: Database, tenant: str) -> None:
    switch_on(database, tenant, large())
    decide_all(database, tenant, [commit(1_001)])
    with database.control() as session:
        assert outbox_age(session, now=NOON + HOUR).passed
        assert dead_letters(session, now=NOON).passed
        late = outbox_age(session, now=NOON + HOUR + timedelta(seconds=1))
        assert (late.passed, late.metadata["waiting"]) == (False, 2)
        session.execute(update(OutboxRow).where(OutboxRow.ordinal == 0).values(state="dead"))
        dead = dead_letters(session, now=NOON)
    assert (dead.passed, dead.metadata["dead"]) == (False, 1)


def test_a_run_does_not_learn_who_switched_a_rule(database: Database, tenant: str) -> None:
    switch_on(database, tenant, large())
    with pytest.raises(ProgrammingError), database.tenant(tenant) as session:
        session.execute(text("SELECT made_by FROM rule_activations"))
