"""One meaning: what the language takes, three evaluations agree on."""

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import cel
import pytest

from coworker_pipelines.automation.expressions.checker import require_type
from coworker_pipelines.automation.expressions.evaluation import (
    Computation,
    Condition,
    Problem,
    Situation,
)
from coworker_pipelines.automation.expressions.parser import parse
from coworker_pipelines.automation.expressions.refusal import ExpressionError
from coworker_pipelines.automation.expressions.second_opinion import NoValueError, second_opinion
from coworker_pipelines.automation.expressions.types import BOOLEAN
from tests.automation.expressions import NAMES, Generator, message

FEW, MANY = 600, 5_000
ERROR = "error"

DIFFERING = (
    "size('äöü') == 3",
    "1 == 1.0",
    "1 in [1.0]",
    "-message.attributes.count < 0",
    "message.attributes.count % -1 == 0",
    "['a', 'b'][-1] == 'b'",
    "[1, 2].exists(x, 1 / (x - 1) > 0)",
    "string(true) == 'True'",
    "has(message.x.y)",
    "timestamp('2026-01-04T23:59:59Z').getHours('Europe/Berlin') == 0",
    "(message.verb + 'a').contains('a')",
    "(message.attributes.draft && message.attributes.count) == 1",
)
"""Each has a value in one implementation, and another one or none in the other."""


@pytest.mark.parametrize("source", DIFFERING)
def test_what_implementations_differ_on_is_refused(source: str) -> None:
    lowest = {
        "message": {"verb": "", "attributes": {"count": -(2**63), "draft": True, "parents": []}}
    }
    assert _first(source, lowest) != _second(source, lowest)
    with pytest.raises(ExpressionError):
        require_type(parse(source), NAMES, BOOLEAN)


def test_generated_expressions_are_agreed_on_or_refused() -> None:
    _require_agreement(FEW, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 6))
def test_thousands_of_generated_expressions_are_agreed_on_or_refused(seed: int) -> None:
    _require_agreement(MANY, seed=seed)


def _require_agreement(count: int, seed: int) -> None:
    chance = random.Random(seed)
    found: Counter[object] = Counter()
    for _ in range(count):
        source = Generator(chance).boolean()
        try:
            node = parse(source)
            require_type(node, NAMES, BOOLEAN)
        except ExpressionError:
            found["refused"] += 1
            continue
        for _ in range(2):
            values = message(chance)
            judged, _reasons = Condition(source, node).judge(Situation(values))
            ours = ERROR if isinstance(judged, Problem) else judged
            assert ours == _first(source, values), f"{source} by parts, on {values}"
            assert ours == _second(source, values), f"{source} elsewhere, on {values}"
            found[ours] += 1
    # A generator that only makes what is refused, or what is always true, would prove nothing.
    assert min(found[True], found[False]) > count / 10, found
    assert found[ERROR] > 0, found
    assert found["refused"] < count * 0.9, found


def _first(source: str, values: Mapping[str, Any]) -> object:
    found = Computation(cel.compile(source), ()).value(Situation(values))
    return ERROR if isinstance(found, Problem) else found


def _second(source: str, values: Mapping[str, Any]) -> object:
    try:
        return second_opinion(source, values)
    except NoValueError:
        return ERROR
