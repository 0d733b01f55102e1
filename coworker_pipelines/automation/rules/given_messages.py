"""Messages of a rule's own tests: whole ones, from the little that a person writes down."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from coworker_pipelines.activities.message import (
    CONTENT_TYPE,
    SCHEMA_ID,
    SCHEMA_VERSION,
    SPEC_VERSION,
)
from coworker_pipelines.automation.expressions.refusal import nearest
from coworker_pipelines.automation.rules.refusal import Refusal
from coworker_pipelines.automation.rules.rule import MessageGiven, Rule
from coworker_pipelines.automation.rules.situation import Facts
from coworker_pipelines.automation.rules.vocabulary import Vocabulary
from coworker_pipelines.connectors import registry
from coworker_pipelines.extraction.payload import time_text
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.activity import AttributeType, FactShape, Verb
from coworker_pipelines.sdk.connector import ANY_STREAM

_ID: Final = "0" * 32
_TENANT, _CONNECTION = "t" + "0" * 15, "c" + "0" * 15
_WINDOW: Final = Window(2026, 1)
_IS: Final = {
    AttributeType.TEXT: str,
    AttributeType.WHOLE: int,
    AttributeType.TRUTH: bool,
    AttributeType.TEXTS: tuple,
}


def key_of_person(word: str) -> str:
    """As a subject key looks; the same word is the same person."""
    return hashlib.blake2b(word.encode(), digest_size=16).hexdigest()


def facts_of(given: MessageGiven, rule: Rule) -> Facts:
    """The rule is asked at the message's own time, or at one at which it is in force."""
    moment = given.time or rule.valid_from or _WINDOW.start_at
    return Facts(connection=given.connection, decided_at=moment)


def message_of(given: MessageGiven, rule: Rule) -> dict[str, Any]:
    """A whole event; what is left out is the first thing that triggers the rule."""
    kind, stream, shape = _shape_of(given, rule)
    moment = given.time or _WINDOW.start_at
    filled = (
        {name: _filled(shape.attributes[name], stream) for name in shape.always} if shape else {}
    )
    verb = given.verb or (Verb.UPDATE if given.unmapped else _verb(rule, shape))
    event: dict[str, Any] = {
        "specversion": SPEC_VERSION,
        "id": _ID,
        "source": f"/tenants/{_TENANT}/connections/{_CONNECTION}",
        "type": f"com.coworker.activity.{verb.lower()}.v{SCHEMA_VERSION}",
        "subject": f"{stream}/{given.object.id}",
        "datacontenttype": CONTENT_TYPE,
        "dataschema": SCHEMA_ID,
        "data": {
            "verb": str(verb),
            "actor": None if given.actor is None else key_of_person(given.actor),
            "kind": kind,
            "object": {
                "type": given.object.type or (min(shape.object_types) if shape else "object"),
                "id": given.object.id,
                "stream": stream,
            },
            "document": {"key": given.object.id, "version": given.version, "content_hash": _ID},
            "window": Window.of(moment).key,
            "attributes": {
                **filled,
                **{
                    name: list(value) if isinstance(value, tuple) else value
                    for name, value in given.attributes.items()
                },
            },
        },
    }
    if given.time is not None:
        event["time"] = time_text(given.time)
    if given.unmapped:
        event["data"]["unmapped"] = True
    if given.changed:
        event["data"]["changes"] = [
            {"path": path, "before": _ID, "after": None} for path in given.changed
        ]
    return event


def message_refusals(given: MessageGiven, rule: Rule, vocabulary: Vocabulary) -> Iterator[Refusal]:
    """Why there can be no such message."""
    if given.kind is not None and given.kind not in registry.kinds():
        hint = nearest(given.kind, registry.kinds())
        yield Refusal(path=("kind",), sentence=f"There is no kind {given.kind!r}.{hint}")
        return
    kind, stream, shape = _shape_of(given, rule)
    if shape is None:
        known = {name for of, name in vocabulary.shapes if of == kind}
        sentence = f"There is no stream {stream!r}.{nearest(stream, known)}"
        yield Refusal(path=("stream",), sentence=sentence)
        return
    if given.verb is not None and given.verb not in shape.verbs:
        hint = nearest(given.verb, map(str, shape.verbs))
        sentence = f"{kind} {stream} never tells {str(given.verb)!r}.{hint}"
        yield Refusal(path=("verb",), sentence=sentence)
    for name, value in given.attributes.items():
        wanted = shape.attributes.get(name)
        if wanted is None:
            hint = nearest(name, shape.attributes)
            sentence = f"{kind} {stream} has no attribute {name!r}.{hint}"
            yield Refusal(path=("attributes", name), sentence=sentence, of_key=True)
        elif type(value) is not _IS[wanted]:
            yield Refusal(path=("attributes", name), sentence=f"{name} is a {wanted}.")
    yield from _event_refusals(given, shape, f"{kind} {stream}")


def _event_refusals(given: MessageGiven, shape: FactShape, where: str) -> Iterator[Refusal]:
    if given.unmapped and not (shape.unmapped and given.verb in {None, Verb.UPDATE}):
        sentence = f"{where} tells no such event that is unmapped: it would be an Update."
        yield Refusal(path=("unmapped",), sentence=sentence)
    for number, changed in enumerate(given.changed):
        if changed not in shape.changes:
            sentence = f"{where} tells no change of {changed!r}.{nearest(changed, shape.changes)}"
            yield Refusal(path=("changed", number), sentence=sentence)


def _shape_of(given: MessageGiven, rule: Rule) -> tuple[str, str, FactShape | None]:
    kind = given.kind or rule.trigger.kinds[0]
    shapes = registry.connector_class(kind).fact_shapes
    own = kind in rule.trigger.kinds
    stream = given.stream or next(
        (name for name in (rule.trigger.streams if own else ()) if name in shapes), None
    )
    if stream is None:
        anything = rule.trigger.streams if own and rule.trigger.streams else ("table",)
        stream = anything[0] if ANY_STREAM in shapes else next(iter(shapes))
    return kind, stream, shapes.get(stream, shapes.get(ANY_STREAM))


def _filled(attribute: AttributeType, stream: str) -> Any:
    """What stands where a test says nothing: the one text that is always there names a table."""
    match attribute:
        case AttributeType.TEXT:
            return stream
        case AttributeType.WHOLE:
            return 0
        case AttributeType.TRUTH:
            return False
        case AttributeType.TEXTS:
            return []


def _verb(rule: Rule, shape: FactShape | None) -> str:
    told = shape.verbs if shape is not None else frozenset()
    triggering = [verb for verb in rule.trigger.verbs if verb in told]
    return triggering[0] if triggering else min(told)
