"""What must hold of the facts of one record."""

import copy
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from coworker_pipelines.sdk.activity import AttributeType, Fact, FactShape, StoredRecord, Verb
from coworker_pipelines.sdk.conformance.reading import as_moment, bytes_of, key_of
from coworker_pipelines.sdk.connector import ANY_STREAM, Connector
from coworker_pipelines.sdk.page import Record
from coworker_pipelines.sdk.stream import Stream

PERSONAL_CHARACTERS_MIN = 5
"""Shorter values (a login ``ab``) would be found in anything."""


def require_pure_facts(kind: type[Connector[Any]], stream: Stream, record: Record) -> None:
    """Facts are the same twice, tell themselves apart, and name nobody in the clear.

    Raises:
        AssertionError: they are not, or do not; or the record was changed on the way.
    """
    stored = stored_record(stream, record)
    untouched = copy.deepcopy(stored)
    first, second = list(kind.derive(stream, stored)), list(kind.derive(stream, stored))
    assert first == second, "Two derivations of one record differ."
    assert stored == untouched, "A derivation changes its record."
    _require_distinct(first)
    shape = kind.fact_shapes.get(stream.name, kind.fact_shapes.get(ANY_STREAM))
    for fact in first:
        if shape is not None:
            _require_shape(shape, fact)
        assert fact.at is None or fact.at.tzinfo is not None, "A fact has a time without a zone."
        _require_no_person(stream, stored.payload, fact)
    smallest = {name: stored.payload.get(name) for name in stream.required_fields}
    _require_derivable(kind, stream, smallest)


def stored_record(stream: Stream, record: Record) -> StoredRecord:
    """The record as it comes back from the store."""
    content = bytes_of(record)
    payload = orjson.loads(content)
    moment = record.get(stream.time_field) if stream.time_field else None
    return StoredRecord(
        stream=stream.name,
        key="|".join(map(str, key_of(stream, payload))),
        version=1 if stream.cursor_field else None,
        content_hash=hashlib.blake2b(content, digest_size=16).hexdigest(),
        occurred_at=None if moment is None else as_moment(moment),
        payload=payload,
    )


def _require_distinct(facts: list[Fact]) -> None:
    counted = Counter((fact.verb, fact.discriminator) for fact in facts)
    doubled = [f"{verb} {discriminator!r}" for (verb, discriminator), n in counted.items() if n > 1]
    assert not doubled, f"Facts of one record share verb and discriminator: {', '.join(doubled)}."


def _require_shape(shape: FactShape, fact: Fact) -> None:
    assert fact.verb in shape.verbs, f"The stream does not say that it tells {fact.verb}."
    assert fact.object_type in shape.object_types, f"It has no {fact.object_type}."
    missing = shape.always - fact.attributes.keys()
    assert not missing, f"A fact lacks what is always there: {', '.join(sorted(missing))}."
    assert shape.unmapped or not fact.unmapped, "The stream does not say that it has such facts."
    assert not fact.unmapped or fact.verb is Verb.UPDATE, "An event without a verb is an Update."
    for change in fact.changes:
        assert change.path in shape.changes, f"It does not say that it tells {change.path}."
    for name, value in fact.attributes.items():
        wanted = shape.attributes.get(name)
        assert wanted is not None, f"The stream does not say that it has an attribute {name}."
        assert _IS[wanted](value), f"The attribute {name} is no {wanted}."


_WHOLE_MAX: Final = 2**63
_IS: Final[Mapping[AttributeType, Callable[[Any], bool]]] = {
    AttributeType.TEXT: lambda value: isinstance(value, str),
    AttributeType.WHOLE: lambda value: type(value) is int and -_WHOLE_MAX <= value < _WHOLE_MAX,
    AttributeType.TRUTH: lambda value: isinstance(value, bool),
    AttributeType.TEXTS: lambda value: (
        isinstance(value, list) and all(isinstance(item, str) for item in value)
    ),
}


def _require_no_person(stream: Stream, payload: Mapping[str, Any], fact: Fact) -> None:
    try:
        told = orjson.dumps(fact.attributes, option=orjson.OPT_SORT_KEYS).decode()
        changed = orjson.dumps([(one.before, one.after) for one in fact.changes]).decode()
    except orjson.JSONEncodeError as error:
        raise AssertionError(f"A fact's attributes or changes are not JSON: {error}.") from error
    for field in stream.fields:
        value = payload.get(field.name)
        if field.identifier is None or value is None or len(str(value)) < PERSONAL_CHARACTERS_MIN:
            continue
        assert str(value) not in told, (
            f"A fact's attributes hold {field.name}, which names a person."
        )
        # A hash of it would stay in the message when the person is erased.
        assert str(value) not in changed, f"A change tells {field.name}, which names a person."


def _require_derivable(kind: type[Connector[Any]], stream: Stream, smallest: Record) -> None:
    try:
        list(kind.derive(stream, stored_record(stream, smallest)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AssertionError(
            f"A record with the required fields alone cannot be derived: {error!r}."
        ) from error
