"""Rules at rest: versions that never change, and what of them is in force."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from coworker_pipelines.automation.rows import RuleActivation, RuleSetRecord, RuleVersion
from coworker_pipelines.automation.rules.rule import Rule
from coworker_pipelines.automation.rules.rule_set import ACTIVE_MAX, Member, RuleSet
from coworker_pipelines.connections.naming import unknown
from coworker_pipelines.kernel.errors import DefectError, RefusedError, TenantActionError

RULE_SETS_OPEN: Final = 64
"""A span of decisions goes through few rule sets, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """``version`` is ``None`` where the rule was switched off."""

    rule: str
    version: int | None
    digest: str | None
    by: str
    at: datetime


def add_version(session: Session, tenant: str, rule: Rule, *, by: str, now: datetime) -> bool:
    """After this the version is kept; whether it is new.

    Raises:
        RefusedError: there is such a version with another content.
    """
    found = session.get(RuleVersion, (tenant, rule.id, rule.version))
    if found is not None:
        if found.digest != rule.digest:
            raise RefusedError(
                f"Version {rule.version} of {rule.id!r} is kept with another content, and a "
                f"version never changes: make it version {_newest(session, tenant, rule.id) + 1}."
            )
        return False
    session.add(
        RuleVersion(
            tenant_id=tenant,
            rule=rule.id,
            version=rule.version,
            digest=rule.digest,
            content=rule.to_bytes(),
            added_by=by,
            added_at=now,
        )
    )
    session.flush()
    return True


def find_version(session: Session, tenant: str, rule: str, version: int | None = None) -> Rule:
    """A version of a rule; without a number the newest one.

    Raises:
        TenantActionError: there is none.
        DefectError: it is not what it was when it was kept.
    """
    number = version if version is not None else _newest(session, tenant, rule)
    found = session.get(RuleVersion, (tenant, rule, number))
    if found is None:
        versions = versions_of(session, tenant, rule)
        if not versions:
            raise unknown("rule", rule, _names(session, tenant))
        raise TenantActionError(
            f"{rule!r} has no version {number}; there is: {', '.join(map(str, versions))}."
        )
    return _opened(found)


def versions_of(session: Session, tenant: str, rule: str) -> list[int]:
    """Numbers of all versions, ascending."""
    statement = (
        select(RuleVersion.version)
        .where(RuleVersion.tenant_id == tenant, RuleVersion.rule == rule)
        .order_by(RuleVersion.version)
    )
    return list(session.scalars(statement))


def newest_rules(session: Session, tenant: str) -> list[Rule]:
    """Of each rule the newest version, by name."""
    statement = (
        select(RuleVersion)
        .where(RuleVersion.tenant_id == tenant)
        .ext(distinct_on(RuleVersion.rule))
        .order_by(RuleVersion.rule, RuleVersion.version.desc())
    )
    return [_opened(found) for found in session.scalars(statement)]


def activate(session: Session, tenant: str, rule: Rule, *, by: str, now: datetime) -> bool:
    """After this the version is in force, and no other one of the rule; whether it was not before.

    Raises:
        RefusedError: so many rules are not in force at once.
    """
    _lock(session, tenant)
    active = active_members(session, tenant)
    if Member(rule.id, rule.version, rule.digest) in active:
        return False
    if len({one.rule for one in active} | {rule.id}) > ACTIVE_MAX:
        raise RefusedError(f"{ACTIVE_MAX} rules are active, which is the most.")
    _record(session, tenant, rule.id, rule, by=by, now=now)
    return True


def deactivate(session: Session, tenant: str, rule: str, *, by: str, now: datetime) -> bool:
    """After this no version of the rule is in force; whether one was.

    Raises:
        TenantActionError: there is no such rule.
    """
    _lock(session, tenant)
    if not versions_of(session, tenant, rule):
        raise unknown("rule", rule, _names(session, tenant))
    if all(one.rule != rule for one in active_members(session, tenant)):
        return False
    _record(session, tenant, rule, None, by=by, now=now)
    return True


def activations(session: Session, tenant: str, rule: str) -> list[Activation]:
    """All that was switched, the latest first."""
    found = RuleActivation
    statement = (
        select(found.version, found.digest, found.made_by, found.made_at)
        .where(found.tenant_id == tenant, found.rule == rule)
        .order_by(found.id.desc())
    )
    return [
        Activation(rule=rule, version=version, digest=digest, by=by, at=at)
        for version, digest, by, at in session.execute(statement)
    ]


def active_members(session: Session, tenant: str) -> list[Member]:
    """What is in force now, by name."""
    statement = (
        select(RuleActivation.rule, RuleActivation.version, RuleActivation.digest)
        .where(RuleActivation.tenant_id == tenant)
        .ext(distinct_on(RuleActivation.rule))
        .order_by(RuleActivation.rule, RuleActivation.id.desc())
    )
    return [
        Member(rule, version, digest)
        for rule, version, digest in session.execute(statement)
        if version is not None and digest is not None
    ]


def active_rule_set(session: Session, tenant: str) -> RuleSet:
    """The rules in force, made ready; what their digest stands for is kept from now on."""
    rules = _rules_of(session, tenant, active_members(session, tenant))
    session.execute(
        insert(RuleSetRecord)
        .values(
            tenant_id=tenant,
            digest=rules.digest,
            members=[[one.rule, one.version, one.digest] for one in rules.members],
        )
        .on_conflict_do_nothing()
    )
    return rules


def recorded_rule_set(session: Session, tenant: str, digest: str) -> RuleSet:
    """The rules that a decision names, as they were.

    Raises:
        DefectError: they are not there any more, or are not what they were.
    """
    found = session.get(RuleSetRecord, (tenant, digest))
    if found is None:
        raise DefectError("A decision names a rule set that is not recorded.")
    rules = _rules_of(session, tenant, [Member(*member) for member in found.members])
    if rules.digest != digest:
        raise DefectError("A recorded rule set is not what it was.")
    return rules


def recorded_rule_sets(session: Session, tenant: str) -> Callable[[str], RuleSet]:
    """The same for many digests in turn: each is made ready once, as long as few others come."""

    @lru_cache(maxsize=RULE_SETS_OPEN)
    def found(digest: str) -> RuleSet:
        return recorded_rule_set(session, tenant, digest)

    return found


def _rules_of(session: Session, tenant: str, members: Sequence[Member]) -> RuleSet:
    rules = []
    for member in members:
        rule = find_version(session, tenant, member.rule, member.version)
        if rule.digest != member.digest:
            raise DefectError("A rule is not what it was when it was activated.")
        rules.append(rule)
    return RuleSet(rules)


def _opened(row: RuleVersion) -> Rule:
    rule = Rule.from_bytes(row.content)
    if rule.digest != row.digest or (rule.id, rule.version) != (row.rule, row.version):
        raise DefectError("A rule is not what it was when it was kept.")
    return rule


def _record(
    session: Session, tenant: str, name: str, rule: Rule | None, *, by: str, now: datetime
) -> None:
    session.add(
        RuleActivation(
            tenant_id=tenant,
            rule=name,
            version=None if rule is None else rule.version,
            digest=None if rule is None else rule.digest,
            made_by=by,
            made_at=now,
        )
    )
    session.flush()


def _newest(session: Session, tenant: str, rule: str) -> int:
    return max(versions_of(session, tenant, rule), default=0)


def _names(session: Session, tenant: str) -> list[str]:
    statement = select(RuleVersion.rule).where(RuleVersion.tenant_id == tenant).distinct()
    return list(session.scalars(statement))


def _lock(session: Session, tenant: str) -> None:
    """Who switches a tenant's rules waits for whoever does so now."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"rules/{tenant}"}
    )
