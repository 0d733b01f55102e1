"""A rule made ready: what it makes of one message, by itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from coworker_pipelines.automation.actions.types import TEXT_CHARACTERS_MAX
from coworker_pipelines.automation.expressions.evaluation import (
    Computation,
    Condition,
    Problem,
    Reason,
    Situation,
)
from coworker_pipelines.automation.expressions.parser import parse
from coworker_pipelines.automation.expressions.syntax import Path
from coworker_pipelines.automation.rules.rule import Computed, Rule, RuleAction

TOO_LONG: Final = "a text became too long"


class Outcome(StrEnum):
    """What became of a rule that a message triggered."""

    MATCHED = "matched"
    NOT_MATCHED = "not_matched"
    FAILED = "failed"
    """Its evaluation is an error, which is no *no*."""
    LOST = "lost"
    """It matched, and another one of its conflict group comes first."""
    BLOCKED = "blocked"
    """It matched, and another one that comes first failed: nobody knows who would have won."""
    NOT_IN_FORCE = "not_in_force"
    HISTORY = "history"
    """It matched, and the message had happened before the rule became active."""
    ACTED_BEFORE = "acted_before"
    """A catch-up came to a message on which it has acted already; it was not asked again."""
    NOT_ORDERED = "not_ordered"
    """It matched, and the catch-up is for other rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyAction:
    """An action with values; they are JSON."""

    type: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Considered:
    """``problem`` is set where it failed; ``reasons`` are numbered as the rule's conditions."""

    outcome: Outcome
    reasons: list[Reason]
    actions: tuple[ReadyAction, ...] = ()
    problem: str | None = None


class CompiledRule:
    """What is computed at once for all messages: programs, and parameters that are constant.

    ``names`` are those below ``message`` that the rule reads.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.digest = rule.digest
        self.condition = Condition(rule.when, parse(rule.when))
        self._actions = tuple(_CompiledAction(action) for action in rule.actions)
        self.names = frozenset(
            path[1]
            for paths in (
                *((path for _, path in atom.paths) for atom in self.condition.atoms),
                *(action.paths for action in self._actions),
            )
            for path in paths
            if path[0] == "message" and len(path) > 1
        )
        self.always_in_force = rule.valid_from is None and rule.valid_to is None

    def consider(self, situation: Situation) -> Considered:
        """What the rule says of a message that triggers it, whatever other rules say."""
        matched, reasons = self.condition.judge(situation)
        if isinstance(matched, Problem):
            return Considered(Outcome.FAILED, reasons, problem=matched)
        if not matched:
            return Considered(Outcome.NOT_MATCHED, reasons)
        ready = []
        for action in self._actions:
            made = action.make(situation)
            if isinstance(made, str):
                return Considered(Outcome.FAILED, reasons, problem=made)
            ready.append(made)
        return Considered(Outcome.MATCHED, reasons, tuple(ready))


class _CompiledAction:
    def __init__(self, action: RuleAction) -> None:
        self._type = action.type
        self._constants = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in action.parameters.items()
            if not isinstance(value, Computed)
        }
        self._computed = [
            (name, Computation.of(value.cel))
            for name, value in action.parameters.items()
            if isinstance(value, Computed)
        ]

    @property
    def paths(self) -> Iterator[Path]:
        return (path for _, computation in self._computed for path in computation.paths)

    def make(self, situation: Situation) -> ReadyAction | str:
        """The action with its values, or what kept it from having them."""
        parameters = dict(self._constants)
        for name, computation in self._computed:
            value = computation.value(situation)
            if isinstance(value, Problem):
                return value
            if isinstance(value, str) and len(value) > TEXT_CHARACTERS_MAX:
                return TOO_LONG
            parameters[name] = value
        return ReadyAction(type=self._type, parameters=parameters)
