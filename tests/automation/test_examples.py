"""The rules that we show people are good ones."""

from collections import Counter
from pathlib import Path

import pytest

from coworker_pipelines.automation.actions.types import ACTION_TYPES
from coworker_pipelines.automation.rules.text import read_rule
from coworker_pipelines.automation.rules.trials import failures_of
from coworker_pipelines.connectors import registry

FILES = sorted((Path(__file__).parents[2] / "examples" / "rules").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_makes_sense_and_shows_when_it_acts_and_when_not(path: Path) -> None:
    rule = read_rule(path.read_text(encoding="utf-8")).rule
    assert failures_of(rule) == []
    assert rule.id == path.stem
    assert rule.description
    assert any(test.actions for test in rule.tests)
    assert any(not test.actions for test in rule.tests)


def test_there_are_ten_of_every_kind_and_with_every_action() -> None:
    rules = [read_rule(path.read_text(encoding="utf-8")).rule for path in FILES]
    kinds = Counter(kind for rule in rules for kind in rule.trigger.kinds)
    assert len(rules) == 10
    assert all(kinds[kind] > 1 for kind in registry.kinds())
    assert {action.type for rule in rules for action in rule.actions} == set(ACTION_TYPES)
