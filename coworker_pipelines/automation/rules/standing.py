"""What is in force, and since when: what happened before a rule was active is history for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from coworker_pipelines.automation.rows import RuleActivation
from coworker_pipelines.automation.rules.compiled import CompiledRule
from coworker_pipelines.automation.rules.rule_set import RuleSet, digest_of
from coworker_pipelines.automation.rules.store import active_members, active_rule_set

NOTHING_IS_HISTORY: Mapping[str, datetime] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """``since`` says of each active rule since when it is, in whichever versions, without a break.

    To the second: sources tell their times no finer, and what happened in the same one is new.
    """

    rules: RuleSet
    since: Mapping[str, datetime]

    def looking_at(self, kind: str, stream: str) -> list[str]:
        """The rules that any message of the stream can trigger."""
        return [one.rule.id for one in self.rules.rules if _looks_at(one, kind, stream)]

    def new_since(self, kind: str, stream: str) -> datetime | None:
        """What happened before is history for all who look at the stream; ``None``: nobody does."""
        return min((self.since[rule] for rule in self.looking_at(kind, stream)), default=None)

    def history(self, rules: Sequence[CompiledRule], moment: datetime) -> Mapping[str, datetime]:
        """Those of the rules that became active only after the moment, and when."""
        # One look for most messages: they happened after everything was switched on.
        late = [one.rule.id for one in rules if moment < self.since[one.rule.id]]
        return {rule: self.since[rule] for rule in late} if late else NOTHING_IS_HISTORY


def standing_rules(session: Session, tenant: str, known: Standing | None = None) -> Standing:
    """What is in force now; rules are made ready again only if they are others than ``known``."""
    since = active_since(session, tenant)
    if known is not None and digest_of(active_members(session, tenant)) == known.rules.digest:
        return Standing(rules=known.rules, since=since)
    return Standing(rules=active_rule_set(session, tenant), since=since)


def active_since(session: Session, tenant: str) -> dict[str, datetime]:
    """Of each active rule the moment of its first activation since it was last switched off."""
    off = aliased(RuleActivation)
    last_off = (
        select(func.max(off.id))
        .where(
            off.tenant_id == tenant,
            off.rule == RuleActivation.rule,
            off.version.is_(None),
        )
        .scalar_subquery()
    )
    statement = (
        select(RuleActivation.rule, func.min(RuleActivation.made_at))
        .where(
            RuleActivation.tenant_id == tenant,
            RuleActivation.version.is_not(None),
            RuleActivation.id > func.coalesce(last_off, 0),
        )
        .group_by(RuleActivation.rule)
    )
    return {rule: at.replace(microsecond=0) for rule, at in session.execute(statement)}


def _looks_at(one: CompiledRule, kind: str, stream: str) -> bool:
    trigger = one.rule.trigger
    return kind in trigger.kinds and (not trigger.streams or stream in trigger.streams)
