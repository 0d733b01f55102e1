"""A rule is the same thing as a YAML text and as a row."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coworker_pipelines.automation.rules.rule import Rule
from coworker_pipelines.automation.rules.template import starting_text
from coworker_pipelines.automation.rules.text import read_rule, write_rule
from coworker_pipelines.automation.rules.trials import failures_of
from coworker_pipelines.connectors import registry
from coworker_pipelines.kernel.errors import TenantActionError
from tests.automation.rules import LARGE, changed, large

# What YAML can hold, and what it likes to take for something else.
texts = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40),
    st.sampled_from(
        ("no", "on", "1", "-1", "1.5", "0x1F", "2026-01-01", "null", "~", "", " a ", "a\nb")
    ),
)
slugs = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
moments = st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1))  # noqa: DTZ001 - the zone is added


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    begin, end = sorted(draw(st.lists(moments, min_size=2, max_size=2, unique=True)))
    content: dict[str, Any] = {
        "id": draw(slugs),
        "version": draw(st.integers(1, 1_000_000)),
        "description": draw(texts),
        "when": draw(st.sampled_from(("true", 'message.id != "ä\\n"', "  true\n  && true "))),
        "priority": draw(st.integers(-1_000, 1_000)),
        "conflict_group": draw(st.none() | slugs),
        "valid_from": draw(st.sampled_from((None, begin))),
        "valid_to": draw(st.sampled_from((None, end))),
        "then": [
            {"notify": {"channel": draw(slugs), "text": draw(texts)}},
            {
                "create_task": {
                    "list": "a",
                    "title": {"cel": '"a" + message.id'},
                    "note": draw(texts),
                }
            },
            {"webhook": {"destination": "a", "fields": ["message.id", "message.verb"]}},
        ],
        "tests": [
            {
                "name": draw(texts.filter(bool)),
                "message": {"actor": draw(slugs), "object": {"id": draw(texts)}},
                "actions": [{"tag": {"name": draw(texts)}}],
            }
        ],
    }
    return changed(large(), **content)


@settings(max_examples=40)
@given(rules())
def test_a_rule_goes_through_text_and_row_and_stays_the_same(rule: Rule) -> None:
    text = write_rule(rule)
    assert read_rule(text).rule == rule
    assert Rule.from_bytes(rule.to_bytes()) == rule
    assert read_rule(write_rule(Rule.from_bytes(rule.to_bytes()))).rule == rule
    assert read_rule(text).rule.digest == rule.digest


def test_a_digest_is_of_what_a_rule_says_and_not_of_how_it_is_written() -> None:
    rule = read_rule(LARGE).rule
    written_out = LARGE.replace("version: 1", "version: 1\npriority: 0  # as it is anyway")
    assert read_rule(written_out).rule.digest == rule.digest
    assert changed(rule, description="other").digest != rule.digest


@pytest.mark.parametrize("kind", registry.kinds())
def test_a_new_rule_makes_sense_and_passes_its_test(kind: str) -> None:
    rule = read_rule(starting_text("mine", kind)).rule
    assert rule.trigger.kinds == (kind,)
    assert failures_of(rule) == []


def test_a_new_rule_needs_a_name_and_a_kind() -> None:
    with pytest.raises(TenantActionError, match="is no name for a rule"):
        starting_text("My rule", "git")
    with pytest.raises(TenantActionError, match="There is no kind"):
        starting_text("mine", "gti")


def test_a_test_that_does_not_come_out_says_what_came_out() -> None:
    text = LARGE.replace("Look at 4f2a", "Look at it")
    (failure,) = failures_of(read_rule(text).rule)
    assert failure.path == ("tests", 0)
    assert failure.sentence.startswith("a large one: it does [{'create_task'")
    assert "should do" in failure.sentence


def test_a_rule_whose_tests_never_act_has_none() -> None:
    rule = changed(large(), tests=[{"name": "nothing", "message": {}}])
    (failure,) = failures_of(rule)
    assert failure.sentence == "No test shows the rule acting: write one that does."


def test_a_failure_is_no_no() -> None:
    counting = {
        "when": "message.attributes.parents[0] == message.id",
        "tests": [{"name": "no parent", "message": {}}],
    }
    failures = failures_of(changed(large(), **counting))
    assert failures[0].sentence == "no parent: it fails, because a list was too short."
    counting["tests"] = [{"name": "no parent", "message": {}, "fails": True}]
    assert [one.path for one in failures_of(changed(large(), **counting))] == [("tests",)]


def test_persons_are_words_in_a_test_and_keys_in_a_message() -> None:
    rule = changed(
        large(),
        when="has(message.actor)",
        then=[{"ledger.post": {"account": {"cel": "message.actor"}, "amount": 5, "reason": "r"}}],
        tests=[
            {
                "name": "ann",
                "message": {"actor": "ann"},
                "actions": [{"ledger.post": {"account": "ann", "amount": 5, "reason": "r"}}],
            },
            {"name": "nobody", "message": {}},
        ],
    )
    assert failures_of(read_rule(write_rule(rule)).rule) == []
