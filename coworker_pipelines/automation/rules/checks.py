"""Does a rule make sense? Everything that can be known before the first message comes."""

import re
from collections.abc import Iterator
from dataclasses import replace

from coworker_pipelines.automation.actions.types import (
    ACTION_TYPES,
    NAME_PATTERN,
    ActionType,
    Parameter,
)
from coworker_pipelines.automation.expressions.checker import require_type
from coworker_pipelines.automation.expressions.parser import parse
from coworker_pipelines.automation.expressions.presence import NOTHING, present_if
from coworker_pipelines.automation.expressions.refusal import ExpressionError, nearest
from coworker_pipelines.automation.expressions.syntax import Path
from coworker_pipelines.automation.expressions.types import BOOLEAN, Names, Shape, ValueType
from coworker_pipelines.automation.rules.action_values import size_refusal
from coworker_pipelines.automation.rules.given_messages import message_refusals
from coworker_pipelines.automation.rules.places import KeyPath
from coworker_pipelines.automation.rules.refusal import Refusal
from coworker_pipelines.automation.rules.rule import Computed, ParameterValue, Rule, Trigger
from coworker_pipelines.automation.rules.vocabulary import (
    Vocabulary,
    shapes_of,
    vocabulary_of,
)
from coworker_pipelines.connectors import registry
from coworker_pipelines.sdk.connector import ANY_STREAM


def refusals_of(rule: Rule) -> list[Refusal]:
    """All that is wrong with it; of an expression, the first thing."""
    wrong = list(_trigger(rule.trigger))
    if wrong:
        # What can be named depends on what triggers the rule.
        return wrong
    vocabulary = vocabulary_of(rule.trigger)
    wrong += _when(rule.when, vocabulary.names)
    present = NOTHING if wrong else present_if(parse(rule.when), truth=True)
    wrong += _actions(rule, vocabulary.names, present)
    wrong += _tests(rule, vocabulary)
    return wrong


def _trigger(trigger: Trigger) -> Iterator[Refusal]:
    known = registry.kinds()
    for number, kind in enumerate(trigger.kinds):
        if kind not in known:
            hint = nearest(kind, known)
            path = ("trigger", "kinds", number)
            yield Refusal(path=path, sentence=f"There is no kind {kind!r}.{hint}")
    if set(trigger.kinds) - set(known):
        return
    shapes = {kind: shapes_of(kind) for kind in trigger.kinds}
    streams = frozenset(stream for of in shapes.values() for stream in of)
    for number, stream in enumerate(trigger.streams):
        if stream not in streams and ANY_STREAM not in streams:
            hint = nearest(stream, streams)
            path = ("trigger", "streams", number)
            yield Refusal(path=path, sentence=f"There is no stream {stream!r}.{hint}")
    chosen = [
        shape
        for of in shapes.values()
        for stream, shape in of.items()
        if not trigger.streams or stream in trigger.streams or stream == ANY_STREAM
    ]
    told = frozenset(str(verb) for shape in chosen for verb in shape.verbs)
    for number, verb in enumerate(trigger.verbs if chosen else ()):
        if verb not in told:
            sentence = f"What triggers it never tells {str(verb)!r}.{nearest(verb, told)}"
            yield Refusal(path=("trigger", "verbs", number), sentence=sentence)


def _when(source: str, names: Names) -> Iterator[Refusal]:
    yield from _expression(("when",), source, names, BOOLEAN, NOTHING)


def _expression(
    path: KeyPath, source: str, names: Names, wanted: ValueType, present: frozenset[Path]
) -> Iterator[Refusal]:
    try:
        require_type(parse(source), names, wanted, present=present)
    except ExpressionError as error:
        yield Refusal(path=path, sentence=str(error), offset=error.at)


def _actions(rule: Rule, names: Names, present: frozenset[Path]) -> Iterator[Refusal]:
    for number, action in enumerate(rule.actions):
        path: KeyPath = ("then", number, action.type)
        known = ACTION_TYPES.get(action.type)
        if known is None:
            hint = nearest(action.type, ACTION_TYPES)
            sentence = f"There is no action {action.type!r}.{hint}"
            yield Refusal(path=path, sentence=sentence, of_key=True)
            continue
        yield from _parameters(path, known, frozenset(action.parameters))
        for name, value in action.parameters.items():
            parameter = known.parameters.get(name)
            if parameter is not None:
                yield from _parameter((*path, name), parameter, value, names, present)


def _parameters(path: KeyPath, known: ActionType, given: frozenset[str]) -> Iterator[Refusal]:
    for name in sorted(given - known.parameters.keys()):
        hint = nearest(name, known.parameters)
        yield Refusal(
            path=(*path, name), sentence=f"{known.name} has no {name!r}.{hint}", of_key=True
        )
    for name, parameter in known.parameters.items():
        if parameter.required and name not in given:
            sentence = f"{known.name} wants {name!r}: {parameter.what}"
            yield Refusal(path=path, sentence=sentence, of_key=True)


def _parameter(
    path: KeyPath,
    parameter: Parameter,
    value: ParameterValue,
    names: Names,
    present: frozenset[Path],
) -> Iterator[Refusal]:
    if isinstance(value, Computed):
        if parameter.constant:
            sentence = "This is not computed: what a rule can reach is known before it runs."
            yield Refusal(path=path, sentence=sentence, of_key=True)
        else:
            yield from _expression((*path, "cel"), value.cel, names, parameter.type, present)
        return
    wrong = _constant(parameter, value)
    if wrong is not None:
        yield Refusal(path=path, sentence=wrong)


def _constant(parameter: Parameter, value: ParameterValue) -> str | None:
    """What is wrong with a plain value."""
    match parameter.type.shape, value:
        case Shape.SUBJECT, _:
            return "Nobody is named in a rule: write cel: message.actor."
        case Shape.LIST, tuple():
            unknown = [item for item in value if item not in parameter.words]
            if parameter.words and unknown:
                return f"{unknown[0]!r} is nothing to send.{nearest(unknown[0], parameter.words)}"
        case Shape.TEXT, str():
            if parameter.is_name and not re.fullmatch(NAME_PATTERN, value):
                return "A name has lower-case letters, digits, '.', '_' and '-', 60 at the most."
        case Shape.INTEGER, int() if not isinstance(value, bool):
            pass
        case _:
            return f"{parameter.type} is wanted here.".capitalize()
    return size_refusal(value)


def _tests(rule: Rule, vocabulary: Vocabulary) -> Iterator[Refusal]:
    for number, test in enumerate(rule.tests):
        for wrong in message_refusals(test.message, rule, vocabulary):
            yield replace(wrong, path=("tests", number, "message", *wrong.path))
        if test.fails and test.actions:
            yield Refusal(
                path=("tests", number), sentence="A test that fails has no actions.", of_key=True
            )
