"""Would it be decided again? Kept decisions made anew, and held against what was kept."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from coworker_pipelines.automation.decisions.decide import decide
from coworker_pipelines.automation.decisions.decision import ENGINE_VERSION, Decision
from coworker_pipelines.automation.decisions.differences import differences
from coworker_pipelines.automation.decisions.store import Kept
from coworker_pipelines.automation.rules.rule_set import RuleSet
from coworker_pipelines.automation.rules.situation import Facts

RuleSets = Callable[[str], RuleSet]
"""From a digest to the rules that it stands for."""
PLACES_MAX = 20


class ReplayOutcome(StrEnum):
    EQUAL = "equal"
    DIFFERENT = "different"
    ERASED = "erased"
    """What it was decided on is gone, with a person or a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """``places`` are where it differs; ``engine`` is the one that decided, if it is another."""

    sequence: int
    id: str
    outcome: ReplayOutcome
    places: tuple[str, ...] = ()
    engine: str | None = None


def replay(kept: Iterable[Kept], rule_sets: RuleSets) -> Iterator[Replayed]:
    """Each of them decided again under its recorded rules, compared byte by byte."""
    for one in kept:
        personal, opened = one.personal_content(), one.open_content()
        if personal is None:
            yield Replayed(sequence=one.sequence, id=one.id, outcome=ReplayOutcome.ERASED)
            continue
        again = _again(personal, opened, rule_sets(one.rule_set))
        if again.open == one.open and again.personal == one.personal:
            yield Replayed(sequence=one.sequence, id=one.id, outcome=ReplayOutcome.EQUAL)
            continue
        places = [
            *differences(opened, again.open_content()),
            *differences(personal, again.personal_content()),
        ]
        engine = opened.get("engine")
        yield Replayed(
            sequence=one.sequence,
            id=one.id,
            outcome=ReplayOutcome.DIFFERENT,
            places=tuple(places[:PLACES_MAX]) or ("the order of its bytes",),
            engine=None if engine == ENGINE_VERSION else engine,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """One rule on one message: what it was and is; ``None`` where it was not asked."""

    message: str
    decided_at: str
    rule: str
    before: str | None
    after: str | None


def replay_under(kept: Iterable[Kept], rules: RuleSet) -> Iterator[RuleChange]:
    """What other rules would have made otherwise of the same messages at the same moments."""
    for one in kept:
        personal, opened = one.personal_content(), one.open_content()
        if personal is None:
            continue
        before = _outcomes(opened)
        after = _outcomes(_again(personal, opened, rules).open_content())
        for rule in sorted(before.keys() | after.keys()):
            if before.get(rule) != after.get(rule):
                yield RuleChange(
                    message=one.message,
                    decided_at=opened["facts"]["decided_at"],
                    rule=rule,
                    before=before.get(rule),
                    after=after.get(rule),
                )


def counted(changes: Iterable[RuleChange]) -> Counter[tuple[str, str, str]]:
    """How often which rule went from what to what."""
    return Counter((one.rule, one.before or "-", one.after or "-") for one in changes)


def _again(personal: Mapping[str, Any], opened: Mapping[str, Any], rules: RuleSet) -> Decision:
    return decide(personal["event"], Facts.from_content(opened["facts"]), rules)


def _outcomes(opened: Mapping[str, Any]) -> dict[str, str]:
    return {rule["id"]: rule["outcome"] for rule in opened["rules"]}
