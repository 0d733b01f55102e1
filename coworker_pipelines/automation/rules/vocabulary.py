"""What a rule may name, by what triggers it: the message's schema, and what its kinds can say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from coworker_pipelines.automation.expressions.syntax import Path
from coworker_pipelines.automation.expressions.types import (
    BOOLEAN,
    INTEGER,
    SUBJECT,
    TEXT,
    TEXTS,
    Names,
    Shape,
    ValueType,
    Variable,
)
from coworker_pipelines.automation.rules.rule import Trigger
from coworker_pipelines.connectors import registry
from coworker_pipelines.sdk.activity import AttributeType, FactShape
from coworker_pipelines.sdk.connector import ANY_STREAM

Shapes = Mapping[tuple[str, str], FactShape]
"""By kind and stream."""

_TYPES: Final[Mapping[AttributeType, ValueType]] = {
    AttributeType.TEXT: TEXT,
    AttributeType.WHOLE: INTEGER,
    AttributeType.TRUTH: BOOLEAN,
    AttributeType.TEXTS: TEXTS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """``shapes`` are those that the trigger lets through.

    An attribute that is one thing here and another there has no name.
    """

    names: Names
    shapes: Shapes


def shapes_of(kind: str) -> Mapping[str, FactShape]:
    """By stream, or by ``ANY_STREAM``.

    Raises:
        TenantActionError: there is no such kind.
    """
    return registry.connector_class(kind).fact_shapes


def vocabulary_of(trigger: Trigger) -> Vocabulary:
    """All that a message which triggers the rule can hold."""
    shapes = {
        (kind, stream): shape
        for kind in trigger.kinds
        for stream, shape in shapes_of(kind).items()
        if not trigger.streams or stream in trigger.streams or stream == ANY_STREAM
        if not trigger.verbs or shape.verbs & set(trigger.verbs)
    }
    verbs = frozenset(verb for shape in shapes.values() for verb in shape.verbs)
    told = verbs & set(trigger.verbs) if trigger.verbs else verbs
    streams = frozenset(trigger.streams or (stream for _, stream in shapes))
    variables: dict[Path, Variable] = {
        ("message", "id"): Variable(type=TEXT),
        ("message", "time"): Variable(type=TEXT, optional=True),
        ("message", "window"): Variable(type=TEXT),
        ("message", "verb"): Variable(type=_words(frozenset(map(str, told)))),
        ("message", "kind"): Variable(type=_words(frozenset(trigger.kinds))),
        ("message", "stream"): Variable(type=TEXT if ANY_STREAM in streams else _words(streams)),
        ("message", "actor"): Variable(type=SUBJECT, optional=True),
        ("message", "object", "id"): Variable(type=TEXT),
        ("message", "object", "type"): Variable(
            type=_words(frozenset(one for shape in shapes.values() for one in shape.object_types))
        ),
        ("message", "document", "key"): Variable(type=TEXT),
        ("message", "document", "version"): Variable(type=INTEGER, optional=True),
        ("message", "document", "content_hash"): Variable(type=TEXT),
        ("connection", "name"): Variable(type=TEXT),
    }
    variables |= _told(shapes)
    attributes = _attributes(shapes)
    variables |= {("message", "attributes", name): one for name, one in attributes.items()}
    return Vocabulary(names=Names(variables=variables), shapes=shapes)


def _words(words: frozenset[str]) -> ValueType:
    return ValueType(shape=Shape.TEXT, words=words)


def _told(shapes: Shapes) -> dict[Path, Variable]:
    """What messages say of their source's event, where one of the streams can say it."""
    told: dict[Path, Variable] = {}
    if any(shape.unmapped for shape in shapes.values()):
        told["message", "unmapped"] = Variable(type=BOOLEAN)
    paths = frozenset(path for shape in shapes.values() for path in shape.changes)
    if paths:
        changed = ValueType(shape=Shape.LIST, item=_words(paths))
        told["message", "changed"] = Variable(type=changed)
    return told


def _attributes(shapes: Shapes) -> dict[str, Variable]:
    found: dict[str, set[AttributeType]] = {}
    for shape in shapes.values():
        for name, kind in shape.attributes.items():
            found.setdefault(name, set()).add(kind)
    return {
        name: Variable(
            type=_TYPES[next(iter(types))],
            optional=not all(name in shape.always for shape in shapes.values()),
        )
        for name, types in found.items()
        if len(types) == 1
    }
