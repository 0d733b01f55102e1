"""Why was this done? A kept decision in words, from its record and the rules that it names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coworker_pipelines.automation.decisions.store import Kept
from coworker_pipelines.automation.rules.compiled import CompiledRule, Outcome
from coworker_pipelines.automation.rules.rule_set import RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """A condition of the rule, as it is written, and what it came to; ``read`` are its values."""

    condition: str
    outcome: str
    read: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleExplained:
    rule: str
    version: int
    outcome: str
    sentence: str
    because: Sequence[Because]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionExplained:
    """``parameters`` are ``None`` where they were erased."""

    ordinal: int
    rule: str
    type: str
    parameters: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    rules: Sequence[RuleExplained]
    actions: Sequence[ActionExplained]
    erased: bool


def explain(kept: Kept, rules: RuleSet) -> Explanation:
    """``rules`` are those that the decision names."""
    opened, personal = kept.open_content(), kept.personal_content()
    compiled = {one.rule.id: one for one in rules.rules}
    reasons = {} if personal is None else personal["reasons"]
    return Explanation(
        rules=[
            RuleExplained(
                rule=told["id"],
                version=told["version"],
                outcome=told["outcome"],
                sentence=_sentence(told, opened["facts"]),
                because=list(_because(compiled[told["id"]], reasons.get(told["id"], ()))),
            )
            for told in opened["rules"]
        ],
        actions=[
            ActionExplained(
                ordinal=ordinal,
                rule=action["rule"],
                type=action["type"],
                parameters=None if personal is None else personal["parameters"][ordinal],
            )
            for ordinal, action in enumerate(opened["actions"])
        ],
        erased=personal is None,
    )


def _because(rule: CompiledRule, reasons: Sequence[Sequence[Any]]) -> Iterator[Because]:
    for number, outcome, read in reasons:
        said = str(outcome).lower() if isinstance(outcome, bool) else f"failed: {outcome}"
        yield Because(condition=rule.condition.atoms[number].source, outcome=said, read=read)


def _sentence(told: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    match Outcome(told["outcome"]):
        case Outcome.MATCHED:
            return "It matched, and its actions were chosen."
        case Outcome.NOT_MATCHED:
            return "It did not match."
        case Outcome.FAILED:
            return f"It failed: {told['problem']}. That is no 'no', so it is counted by itself."
        case Outcome.LOST:
            return f"It matched, but {told['by']} of the same conflict group comes first."
        case Outcome.BLOCKED:
            return (
                f"It matched, but {told['by']} of the same conflict group comes first and failed, "
                "so nobody knows which of them would have acted."
            )
        case Outcome.NOT_IN_FORCE:
            return "It was not in force at that moment."
        case Outcome.HISTORY:
            return (
                "It matched, but the message had happened before the rule became active, "
                f"{facts['history'][told['id']]}: it is history, and nothing is done about it "
                "unless a catch-up is ordered."
            )
        case Outcome.ACTED_BEFORE:
            return "It has acted on this message before, and acts once."
        case Outcome.NOT_ORDERED:
            return "It matched, but the catch-up was ordered for other rules."
