"""The part of JSON Schema that the published schema uses; an unknown keyword fails."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

TYPES: Mapping[str, type] = {"object": dict, "string": str, "integer": int, "null": type(None)}


def violations(schema: Mapping[str, Any], value: Any, place: str = "$") -> list[str]:
    """Where a value is not what the schema says; empty for a valid one."""
    return [
        violation
        for keyword, wanted in schema.items()
        for violation in KEYWORDS[keyword](wanted, value, place)
    ]


def _nothing(_wanted: Any, _value: Any, _place: str) -> Iterator[str]:
    return iter(())


def _type(wanted: Any, value: Any, place: str) -> Iterator[str]:
    names = wanted if isinstance(wanted, list) else [wanted]
    if not any(isinstance(value, TYPES[name]) for name in names):
        yield f"{place} is not {' or '.join(names)}"


def _const(wanted: Any, value: Any, place: str) -> Iterator[str]:
    if value != wanted:
        yield f"{place} is not {wanted!r}"


def _enum(wanted: Any, value: Any, place: str) -> Iterator[str]:
    if value not in wanted:
        yield f"{place} is none of {wanted}"


def _pattern(wanted: Any, value: Any, place: str) -> Iterator[str]:
    if isinstance(value, str) and not re.search(wanted, value):
        yield f"{place} does not match {wanted}"


def _min_length(wanted: Any, value: Any, place: str) -> Iterator[str]:
    if isinstance(value, str) and len(value) < wanted:
        yield f"{place} is too short"


def _required(wanted: Any, value: Any, place: str) -> Iterator[str]:
    yield from (f"{place}.{name} is missing" for name in wanted if name not in value)


def _properties(wanted: Any, value: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in wanted.items():
            if name in value:
                yield from violations(inner, value[name], f"{place}.{name}")


KEYWORDS: Mapping[str, Callable[[Any, Any, str], Iterator[str]]] = {
    **dict.fromkeys(("$schema", "$id", "title", "description", "format"), _nothing),
    "type": _type,
    "const": _const,
    "enum": _enum,
    "pattern": _pattern,
    "minLength": _min_length,
    "required": _required,
    "properties": _properties,
}
