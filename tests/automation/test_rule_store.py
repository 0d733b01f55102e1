"""Versions never change; what is in force is told by activations, which are only added."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import ProgrammingError

from coworker_pipelines.automation.rows import RuleActivation, RuleVersion
from coworker_pipelines.automation.rules.rule import Rule
from coworker_pipelines.automation.rules.store import (
    activate,
    activations,
    active_members,
    active_rule_set,
    add_version,
    deactivate,
    find_version,
    newest_rules,
    recorded_rule_set,
    versions_of,
)
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import DefectError, RefusedError, TenantActionError
from tests.automation.messages import NOON
from tests.automation.planting import add_tenant
from tests.automation.rules import large

SECOND = large(version=2, priority=5)


@pytest.fixture
def tenant(database: Database) -> str:
    return add_tenant(database, "acme")


def keep(database: Database, tenant: str, *rules: Rule) -> None:
    with database.control() as session:
        for rule in rules:
            add_version(session, tenant, rule, by="ann", now=NOON)


def test_a_version_is_kept_once_and_never_with_another_content(
    database: Database, tenant: str
) -> None:
    with database.control() as session:
        assert add_version(session, tenant, large(), by="ann", now=NOON)
        assert not add_version(session, tenant, large(), by="bob", now=NOON)
        with pytest.raises(RefusedError, match="make it version 2"):
            add_version(session, tenant, large(priority=1), by="ann", now=NOON)
        assert find_version(session, tenant, "large") == large()


def test_the_newest_version_is_meant_where_none_is_named(database: Database, tenant: str) -> None:
    keep(database, tenant, SECOND, large(), large(id="other"))
    with database.control() as session:
        assert find_version(session, tenant, "large") == SECOND
        assert find_version(session, tenant, "large", 1) == large()
        assert versions_of(session, tenant, "large") == [1, 2]
        assert newest_rules(session, tenant) == [SECOND, large(id="other")]
        with pytest.raises(TenantActionError, match=r"no version 3; there is: 1, 2\."):
            find_version(session, tenant, "large", 3)
        with pytest.raises(TenantActionError, match="Did you mean 'large'"):
            find_version(session, tenant, "lage")


def test_activations_say_who_when_and_which_content(database: Database, tenant: str) -> None:
    keep(database, tenant, large(), SECOND)
    later = NOON + timedelta(hours=1)
    with database.control() as session:
        assert activate(session, tenant, large(), by="ann", now=NOON)
        assert not activate(session, tenant, large(), by="bob", now=later)
        assert activate(session, tenant, SECOND, by="bob", now=later)
        assert deactivate(session, tenant, "large", by="eve", now=later)
        assert not deactivate(session, tenant, "large", by="eve", now=later)
        with pytest.raises(TenantActionError, match="Did you mean 'large'"):
            deactivate(session, tenant, "larg", by="eve", now=later)
        told = activations(session, tenant, "large")
    assert [(one.version, one.digest, one.by, one.at) for one in told] == [
        (None, None, "eve", later),
        (2, SECOND.digest, "bob", later),
        (1, large().digest, "ann", NOON),
    ]


def test_one_version_of_a_rule_is_in_force_and_its_set_is_found_again(
    database: Database, tenant: str
) -> None:
    keep(database, tenant, large(), SECOND, large(id="other"))
    with database.control() as session:
        for rule in (large(), large(id="other"), SECOND):
            activate(session, tenant, rule, by="ann", now=NOON)
        assert [(one.rule, one.version) for one in active_members(session, tenant)] == [
            ("large", 2),
            ("other", 1),
        ]
    with database.tenant(tenant) as session:
        rules = active_rule_set(session, tenant)
        assert active_rule_set(session, tenant).digest == rules.digest
    with database.control() as session:
        deactivate(session, tenant, "large", by="ann", now=NOON)
        again = recorded_rule_set(session, tenant, rules.digest)
        assert [one.rule for one in again.rules] == [SECOND, large(id="other")]
        with pytest.raises(DefectError, match="not recorded"):
            recorded_rule_set(session, tenant, "0" * 32)


def test_nobody_changes_what_is_kept(database: Database, tenant: str) -> None:
    keep(database, tenant, large())
    with database.control() as session:
        activate(session, tenant, large(), by="ann", now=NOON)
    for statement in (
        update(RuleVersion).values(content=b"{}"),
        update(RuleActivation).values(version=2),
        delete(RuleVersion),
        delete(RuleActivation),
    ):
        with pytest.raises(ProgrammingError), database.control() as session:
            session.execute(statement)
        with pytest.raises(ProgrammingError), database.tenant(tenant) as session:
            session.execute(statement)


def test_a_rule_that_was_changed_behind_our_back_is_not_acted_by(
    database: Database, tenant: str
) -> None:
    keep(database, tenant, large())
    with database.control() as session:
        session.execute(text("RESET ROLE"))
        session.execute(text("SET LOCAL row_security = off"))
        session.execute(update(RuleVersion).values(content=large(priority=9).to_bytes()))
        with pytest.raises(DefectError, match="not what it was"):
            find_version(session, tenant, "large")


def test_a_run_does_not_learn_who_wrote_a_rule(database: Database, tenant: str) -> None:
    keep(database, tenant, large())
    with pytest.raises(ProgrammingError), database.tenant(tenant) as session:
        session.scalars(select(RuleVersion.added_by)).all()
