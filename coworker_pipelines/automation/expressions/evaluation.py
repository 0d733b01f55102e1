"""What an expression comes to for one message, and why. The work is done in Rust."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from typing import Any, Final, TypeAlias

import cel

from coworker_pipelines.automation.expressions.parser import parse
from coworker_pipelines.automation.expressions.syntax import (
    Binary,
    Conditional,
    Node,
    Path,
    Unary,
    paths_in,
)
from coworker_pipelines.kernel.errors import DefectError

IMPLEMENTATION: Final = f"cel-{version('common-expression-language')}"
"""Part of what a decision is a function of."""

Values: TypeAlias = Mapping[str, Any]
"""By the first name of a path; a value that is missing is not there, and none is null."""


class Problem(StrEnum):
    """What an evaluation can fail of; never with a value in it."""

    OVERFLOW = "a number became too large"
    MISSING = "something was missing"
    OUTSIDE = "a list was too short"
    TYPE = "a value had another type than its schema says"


_PROBLEMS: Final = {
    ArithmeticError: Problem.OVERFLOW,
    KeyError: Problem.MISSING,
    RuntimeError: Problem.MISSING,
    IndexError: Problem.OUTSIDE,
    TypeError: Problem.TYPE,
    ValueError: Problem.TYPE,
}
_RAISED: Final = tuple(_PROBLEMS)

Reason: TypeAlias = tuple[int, bool | Problem, dict[str, Any]]
"""A condition's number, what it came to, and the values of the paths in it."""


class Situation:
    """One message, made ready once for all expressions that look at it.

    ``names`` are those below ``message`` that they read: to hand over others costs time.
    What is asked again is answered from memory.
    """

    __slots__ = ("_outcomes", "_values", "context", "values")

    def __init__(self, values: Values, names: frozenset[str] | None = None) -> None:
        self.values = values
        handed = dict(values)
        if names is not None:
            message = values["message"]
            handed["message"] = {name: message[name] for name in names if name in message}
        self.context = cel.Context(variables=handed)
        self._values: dict[Path, Any] = {}
        self._outcomes: dict[str, bool | Problem] = {}

    def value(self, path: Path) -> Any:
        """``None`` if it is missing."""
        if path in self._values:
            return self._values[path]
        found: Any = self.values
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        self._values[path] = found
        return found

    def outcome(self, atom: "Atom") -> bool | Problem:
        """What a condition comes to."""
        known = self._outcomes.get(atom.source)
        if known is None:
            known = self._outcomes[atom.source] = _executed(atom.program, self.context)
        return known


@dataclass(frozen=True, slots=True)
class Computation:
    """An expression that gives a value."""

    program: cel.Program
    paths: tuple[Path, ...]

    @classmethod
    def of(cls, source: str) -> "Computation":
        return cls(_compiled(source), paths_in(parse(source)))

    def value(self, situation: Situation) -> Any:
        """The value, or the ``Problem`` that kept it from being one."""
        try:
            return self.program.execute(situation.context)
        except _RAISED as error:
            return _problem(error)


@dataclass(frozen=True, slots=True)
class Atom:
    """A condition that is not made of others. ``source`` is its text, ``paths`` what it reads."""

    source: str
    paths: tuple[tuple[str, Path], ...]
    program: cel.Program


Ask: TypeAlias = Callable[[int], bool | Problem]
Judging: TypeAlias = Callable[[Ask], tuple[bool | Problem, tuple[int, ...]]]


class Condition:
    """An expression that says yes or no, taken apart where it is joined.

    Its value and its reasons come out of the same evaluation, so they cannot differ. As CEL has
    it, an error on one side is no error where the other side decides alone.
    """

    def __init__(self, source: str, node: Node) -> None:
        self.atoms = tuple(_atoms(source, node))
        self._judge = _judging(node, iter(range(len(self.atoms))))

    def judge(self, situation: Situation) -> tuple[bool | Problem, list[Reason]]:
        """What it comes to, and the conditions that made it so."""
        atoms = self.atoms
        outcome_of, value_of = situation.outcome, situation.value

        def ask(number: int) -> bool | Problem:
            return outcome_of(atoms[number])

        result, numbers = self._judge(ask)
        return result, [
            (
                number,
                outcome_of(atoms[number]),
                {name: value_of(path) for name, path in atoms[number].paths},
            )
            for number in numbers
        ]


def _executed(program: cel.Program, context: cel.Context) -> bool | Problem:
    try:
        found = program.execute(context)
    except _RAISED as error:
        return _problem(error)
    return found if found is True or found is False else Problem.TYPE


def _atoms(source: str, node: Node) -> Iterator[Atom]:
    """From left to right, as ``_judging`` counts them."""
    match node:
        case Unary():
            yield from _atoms(source, node.of)
        case Binary(operator="&&" | "||"):
            yield from _atoms(source, node.left)
            yield from _atoms(source, node.right)
        case Conditional():
            for part in (node.condition, node.yes, node.no):
                yield from _atoms(source, part)
        case _:
            text = source[node.start : node.end]
            paths = tuple((".".join(path), path) for path in paths_in(node) if len(path) > 1)
            yield Atom(source=text, paths=paths, program=_compiled(text))


def _judging(node: Node, numbers: Iterator[int]) -> Judging:
    match node:
        case Unary():
            return partial(_not, _judging(node.of, numbers))
        case Binary(operator="&&" | "||" as operator):
            left, right = _judging(node.left, numbers), _judging(node.right, numbers)
            return partial(_joined, operator == "||", left, right)
        case Conditional():
            condition = _judging(node.condition, numbers)
            yes, no = _judging(node.yes, numbers), _judging(node.no, numbers)
            return partial(_chosen, condition, yes, no)
        case _:
            return partial(_asked, next(numbers))


def _asked(number: int, ask: Ask) -> tuple[bool | Problem, tuple[int, ...]]:
    return ask(number), (number,)


def _not(of: Judging, ask: Ask) -> tuple[bool | Problem, tuple[int, ...]]:
    outcome, numbers = of(ask)
    return (outcome if isinstance(outcome, Problem) else not outcome), numbers


def _joined(
    decisive: bool,  # noqa: FBT001 - the value that one side alone gives the whole
    left: Judging,
    right: Judging,
    ask: Ask,
) -> tuple[bool | Problem, tuple[int, ...]]:
    first, first_numbers = left(ask)
    if first is decisive:
        return first, first_numbers
    second, second_numbers = right(ask)
    if second is decisive or isinstance(second, Problem):
        return second, second_numbers
    if isinstance(first, Problem):
        return first, first_numbers
    return second, first_numbers + second_numbers


def _chosen(
    condition: Judging, yes: Judging, no: Judging, ask: Ask
) -> tuple[bool | Problem, tuple[int, ...]]:
    chosen, numbers = condition(ask)
    if isinstance(chosen, Problem):
        return chosen, numbers
    outcome, more = (yes if chosen else no)(ask)
    return outcome, numbers + more


def _compiled(source: str) -> cel.Program:
    try:
        return cel.compile(source)
    except ValueError as error:
        raise DefectError("A checked expression is none for the evaluator.") from error


def _problem(error: BaseException) -> Problem:
    return next(_PROBLEMS[kind] for kind in type(error).__mro__ if kind in _PROBLEMS)
