"""A rule's own tests, and whether both implementations say the same of each."""

from collections.abc import Iterator, Mapping
from typing import Any

from coworker_pipelines.automation.actions.types import ACTION_TYPES
from coworker_pipelines.automation.expressions.evaluation import (
    Computation,
    Problem,
    Situation,
)
from coworker_pipelines.automation.expressions.second_opinion import NoValueError, second_opinion
from coworker_pipelines.automation.expressions.types import Shape
from coworker_pipelines.automation.rules.compiled import Considered, Outcome
from coworker_pipelines.automation.rules.given_messages import facts_of, key_of_person, message_of
from coworker_pipelines.automation.rules.refusal import Refusal
from coworker_pipelines.automation.rules.rule import Computed, Rule, RuleTest
from coworker_pipelines.automation.rules.rule_set import RuleSet
from coworker_pipelines.automation.rules.situation import Facts, situation_of


def failures_of(rule: Rule) -> list[Refusal]:
    """All tests that do not come out as they are written; the rule itself makes sense.

    A rule without a test in which it acts is a failure of its own.
    """
    rules = RuleSet([rule])
    found = [
        Refusal(path=("tests", number), sentence=f"{test.name}: {sentence}")
        for number, test in enumerate(rule.tests)
        for sentence in _failures(rule, rules, test)
    ]
    if not any(test.actions for test in rule.tests):
        found.append(
            Refusal(path=("tests",), sentence="No test shows the rule acting: write one that does.")
        )
    return found


def _failures(rule: Rule, rules: RuleSet, test: RuleTest) -> Iterator[str]:
    event, facts = message_of(test.message, rule), facts_of(test.message, rule)
    considered = _considered(rules, event, facts)
    failed = considered.outcome is Outcome.FAILED
    if failed != test.fails:
        yield f"it fails, because {considered.problem}." if failed else "it does not fail."
    expected = [dict(_expected(action)) for action in test.actions]
    chosen = [{one.type: dict(one.parameters)} for one in considered.actions]
    if chosen != expected:
        yield f"it does {_shown(chosen)}, and should do {_shown(expected)}."
    situation = situation_of(event, facts)
    sources = [rule.when]
    if considered.outcome is Outcome.MATCHED:
        sources += _computed(rule)
    for source in sources:
        if not implementations_agree(source, situation):
            yield f"two implementations differ on {source!r}: write it in another way."


def _considered(rules: RuleSet, event: Mapping[str, Any], facts: Facts) -> Considered:
    data = event["data"]
    for one in rules.triggered(data["kind"], data["object"]["stream"], data["verb"]).rules:
        if one.rule.in_force(facts.decided_at):
            return one.consider(situation_of(event, facts))
    return Considered(Outcome.NOT_MATCHED, [])


def implementations_agree(source: str, situation: Situation) -> bool:
    """Whether both give the same value, of the same type, or both none."""
    found = Computation.of(source).value(situation)
    try:
        other = second_opinion(source, situation.values)
    except NoValueError:
        return isinstance(found, Problem)
    return type(found) is type(other) and bool(found == other)


def _computed(rule: Rule) -> Iterator[str]:
    for action in rule.actions:
        for value in action.parameters.values():
            if isinstance(value, Computed):
                yield value.cel


def _expected(action: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Persons are words in a test, and keys in a message."""
    for name, values in action.items():
        known = ACTION_TYPES[name].parameters if name in ACTION_TYPES else {}
        yield name, {key: _value(value, known.get(key)) for key, value in values.items()}


def _value(value: Any, parameter: Any) -> Any:
    if parameter is not None and parameter.type.shape is Shape.SUBJECT:
        return key_of_person(str(value))
    return list(value) if isinstance(value, tuple) else value


def _shown(actions: list[dict[str, dict[str, Any]]]) -> str:
    return str(actions) if actions else "nothing"
