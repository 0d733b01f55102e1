"""What rules make of a message: pure, with every outcome told apart."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from coworker_pipelines.automation.decisions.decide import decide
from coworker_pipelines.automation.decisions.decision import ENGINE_VERSION, Decision
from coworker_pipelines.automation.rules.rule import Rule
from coworker_pipelines.automation.rules.rule_set import RuleSet
from coworker_pipelines.automation.rules.situation import CatchUp, Facts
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.sdk.activity import Verb
from tests.automation.messages import ANN, BOB, FACTS, NOON, commit
from tests.automation.rules import large
from tests.benchmarks.decisions import different_decisions

FAILS = "message.attributes.parents[9] == message.id"


def named(name: str, **changes: Any) -> Rule:
    return large(id=name, then=[{"tag": {"name": name}}], **changes)


def decided(event: dict[str, Any], *rules: Rule) -> Decision:
    return decide(event, FACTS, RuleSet(rules))


def outcomes(decision: Decision) -> list[tuple[str, str, str | None]]:
    return [
        (told["id"], told["outcome"], told.get("by")) for told in decision.open_content()["rules"]
    ]


def chosen(decision: Decision) -> list[tuple[str, Any]]:
    actions = decision.open_content()["actions"]
    parameters = decision.personal_content()["parameters"]
    return [(one["rule"], given) for one, given in zip(actions, parameters, strict=True)]


def test_a_match_has_its_actions_in_order_and_its_reasons_with_values() -> None:
    decision = decided(commit(1001), large())
    assert chosen(decision) == [
        ("large", {"list": "reviews", "title": f"Look at {1001:040x}"}),
        ("large", {"name": "large"}),
    ]
    assert decision.personal_content()["reasons"] == {
        "large": [
            [0, True, {"message.attributes.lines_added": 1001}],
            [1, True, {"message.attributes.lines_added": 1001}],
        ]
    }


def test_what_does_not_match_names_the_condition_that_made_it_so() -> None:
    decision = decided(commit(1000), large())
    assert outcomes(decision) == [("large", "not_matched", None)]
    reasons = decision.personal_content()["reasons"]
    assert reasons == {"large": [[1, False, {"message.attributes.lines_added": 1000}]]}
    assert decided(commit(5, lines_added=None), large()).personal_content()["reasons"] == {
        "large": [[0, False, {"message.attributes.lines_added": None}]]
    }


def test_a_message_that_triggers_nothing_has_a_decision_too() -> None:
    decision = decided(commit(2000, verb=Verb.MERGE), large())
    assert outcomes(decision) == []
    assert decision.actions == decision.failed == 0


def test_a_failure_is_an_outcome_of_its_own() -> None:
    decision = decided(commit(1), named("fails", when=FAILS))
    (told,) = decision.open_content()["rules"]
    assert (told["outcome"], told["problem"]) == ("failed", "a list was too short")
    assert (decision.actions, decision.failed) == (0, 1)


def test_a_parameter_that_cannot_be_computed_takes_all_actions_of_the_rule_along() -> None:
    title = {"cel": "message.attributes.parents[9]"}
    rule = large(then=[{"tag": {"name": "a"}}, {"create_task": {"list": "l", "title": title}}])
    decision = decided(commit(1001), rule)
    assert outcomes(decision) == [("large", "failed", None)]
    assert decision.actions == 0


def test_of_a_conflict_group_the_first_by_priority_and_name_acts() -> None:
    rules = (
        named("b", conflict_group="g"),
        named("a", conflict_group="g"),
        named("top", conflict_group="g", priority=5, when="false"),
        named("free"),
        named("other", conflict_group="h", priority=-1),
    )
    decision = decided(commit(1001), *rules)
    assert outcomes(decision) == [
        ("top", "not_matched", None),
        ("a", "matched", None),
        ("b", "lost", "a"),
        ("free", "matched", None),
        ("other", "matched", None),
    ]
    assert [rule for rule, _ in chosen(decision)] == ["a", "free", "other"]


def test_behind_a_failure_nobody_of_the_group_acts() -> None:
    rules = (
        named("first", conflict_group="g", priority=1, when=FAILS),
        named("second", conflict_group="g"),
    )
    decision = decided(commit(1001), *rules)
    assert outcomes(decision) == [("first", "failed", None), ("second", "blocked", "first")]
    assert decision.actions == 0


def test_a_failure_behind_the_first_changes_nothing() -> None:
    rules = (
        named("first", conflict_group="g", priority=1),
        named("second", conflict_group="g", when=FAILS),
    )
    assert outcomes(decided(commit(1001), *rules)) == [
        ("first", "matched", None),
        ("second", "failed", None),
    ]


def test_a_rule_is_in_force_from_its_first_moment_up_to_its_last() -> None:
    rules = (
        named("begins", valid_from=NOON),
        named("begins-later", valid_from=NOON + timedelta(seconds=1)),
        named("has-ended", valid_to=NOON),
        named("ends-later", valid_to=NOON + timedelta(seconds=1)),
    )
    assert [outcome for _, outcome, _ in outcomes(decided(commit(1001), *rules))] == [
        "matched",
        "not_in_force",
        "matched",
        "not_in_force",
    ]


def test_an_id_is_of_message_facts_rules_and_engine() -> None:
    rules, event = RuleSet([large()]), commit(1001)
    decision = decide(event, FACTS, rules)
    others = (
        decide(commit(1002), FACTS, rules),
        decide(commit(1001, lines_added=1002), FACTS, rules),
        decide(event, FACTS, RuleSet([large(priority=1)])),
        decide(event, FACTS, rules, engine="2"),
        decide(event, type(FACTS)(connection="other", decided_at=NOON), rules),
    )
    assert decision.id not in {one.id for one in others}
    assert decision.open_content()["engine"] == ENGINE_VERSION


def test_the_open_half_names_nobody_and_holds_no_value() -> None:
    one, other = (
        decided(commit(1001, actor=ANN), large()),
        decided(commit(1001, actor=BOB), large()),
    )
    assert one.open == other.open
    assert one.personal != other.personal
    assert ANN.encode() not in one.open
    assert f"{1001:040x}".encode() not in one.open
    assert one.subject_keys == (ANN,)


def test_the_order_of_rules_and_names_changes_nothing() -> None:
    rules = [named("a"), named("b", priority=1), large()]
    event = commit(1001)
    backwards: dict[str, Any] = dict(reversed(list(event.items())))
    backwards["data"] = dict(reversed(list(event["data"].items())))
    assert decided(event, *rules) == decided(backwards, *reversed(rules))


def test_deciding_changes_no_message() -> None:
    event = commit(1001)
    before = orjson.dumps(event)
    decided(event, large())
    assert orjson.dumps(event) == before


def test_what_is_no_message_is_a_defect() -> None:
    with pytest.raises(DefectError, match="no activity"):
        decided({"id": "x"}, large())


def test_other_processes_with_other_hash_seeds_and_shuffled_input_decide_the_same() -> None:
    assert different_decisions(1_500) == 0


def test_generated_messages_are_decided_alike_twice() -> None:
    chance = random.Random(7)
    rules = [
        large(),
        named("fails", when=FAILS, conflict_group="g"),
        named("z", conflict_group="g"),
    ]
    for number in chance.sample(range(3_000), 200):
        event = commit(number)
        assert decided(event, *rules) == decided(event, *rules[::-1])


def history(*rules: str) -> Facts:
    return replace(FACTS, history=dict.fromkeys(rules, NOON + timedelta(hours=1)))


def test_who_became_active_later_matches_and_does_nothing() -> None:
    decision = decide(commit(1001), history("large"), RuleSet([large()]))
    assert outcomes(decision) == [("large", "history", None)]
    assert decision.actions == 0
    assert decision.open_content()["facts"]["history"] == {"large": "2026-03-01T13:00:00Z"}


@pytest.mark.parametrize("when", ("true", FAILS))
def test_who_became_active_later_stands_in_nobodys_way(when: str) -> None:
    rules = RuleSet(
        [
            named("new", when=when, priority=5, conflict_group="one"),
            named("old", when="true", conflict_group="one"),
        ]
    )
    decision = decide(commit(1), history("new"), rules)
    assert [one["rule"] for one in decision.open_content()["actions"]] == ["old"]


def caught_up(*rules: str, acted: tuple[str, ...] = ()) -> Facts:
    ordered = CatchUp(order="k" * 16, rules=rules, happened_at=NOON, acted=acted)
    return replace(FACTS, decided_at=NOON + timedelta(days=9), catch_up=ordered)


def test_a_catch_up_is_for_the_rules_that_were_ordered() -> None:
    rules = RuleSet([named("asked", when="true"), named("other", when="true")])
    decision = decide(commit(1), caught_up("asked"), rules)
    assert outcomes(decision) == [("asked", "matched", None), ("other", "not_ordered", None)]


def test_who_acted_before_is_not_asked_and_closes_its_group() -> None:
    rules = RuleSet(
        [
            named("first", when="true", priority=5, conflict_group="one"),
            named("second", when="true", conflict_group="one"),
        ]
    )
    decision = decide(commit(1), caught_up("first", "second", acted=("second",)), rules)
    assert outcomes(decision) == [("first", "lost", "second"), ("second", "acted_before", None)]
    assert decision.actions == 0


def test_a_catch_up_asks_who_was_in_force_when_it_happened() -> None:
    later = named("later", when="true", valid_from=NOON + timedelta(days=1))
    decision = decide(commit(1), caught_up("later"), RuleSet([later]))
    assert outcomes(decision) == [("later", "not_in_force", None)]


@pytest.mark.parametrize("facts", (FACTS, history("a", "b"), caught_up("a", acted=("b",))))
def test_facts_come_back_from_their_record(facts: Facts) -> None:
    again = Facts.from_content(orjson.loads(orjson.dumps(facts.content())))
    assert again == facts
    decision = decide(commit(1001), facts, RuleSet([large()]))
    assert decide(commit(1001), again, RuleSet([large()])) == decision
