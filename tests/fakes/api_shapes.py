"""Shapes of GitHub's answers, from its published API description.

The description is an OpenAPI 3.0 document; ``github_api.json`` holds the part of it that is used.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

_TEXTS: Final = {
    "uri": "https://api.github.com/unused",
    "date-time": "2020-01-01T00:00:00Z",
    "email": "nobody@example.com",
}
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


@cache
def schemas() -> dict[str, Any]:
    content = orjson.loads((Path(__file__).parent / "github_api.json").read_bytes())
    found: dict[str, Any] = content["schemas"]
    return found


def shaped(schema: str, /, **values: Any) -> dict[str, Any]:
    """An object of the schema: all that it requires, with these values in their places."""
    return {**_template(schema), **values}


def violations(schema: Mapping[str, Any], value: Any, place: str = "$") -> Iterator[str]:
    """Where a value is not what the schema says."""
    schema = _resolved(schema)
    if value is None and schema.get("nullable"):
        return
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema and all(any(violations(one, value)) for one in schema[keyword]):
            yield f"{place} is none of the {keyword}"
    expected = _TYPES.get(schema.get("type", ""))
    is_false_number = isinstance(value, bool) and schema.get("type") in {"integer", "number"}
    if expected is not None and (not isinstance(value, expected) or is_false_number):
        yield f"{place} is {type(value).__name__}, not {schema['type']}"
        return
    if value not in schema.get("enum", [value]):
        yield f"{place} is none of {schema['enum']}"
    if isinstance(value, dict):
        yield from _members(schema, value, place)
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from violations(schema.get("items", {}), one, f"{place}[{number}]")


def _members(schema: Mapping[str, Any], value: Mapping[str, Any], place: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place}.{name} is missing"
    for name, inner in schema.get("properties", {}).items():
        if name in value:
            yield from violations(inner, value[name], f"{place}.{name}")
    if schema.get("additionalProperties") is False:
        for name in value.keys() - schema.get("properties", {}).keys():
            yield f"{place}.{name} is unknown"


@cache
def _template(name: str) -> Mapping[str, Any]:
    made: Mapping[str, Any] = _made(schemas()[name])
    return made


def _made(schema: Mapping[str, Any]) -> Any:
    schema = _resolved(schema)
    if schema.get("nullable"):
        return None
    for keyword in ("oneOf", "anyOf", "allOf"):
        if keyword in schema:
            return _made(schema[keyword][0])
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "array":
            return []
        case "string":
            return _TEXTS.get(schema.get("format", ""), "text")
        case "integer" | "number":
            return 0
        case "boolean":
            return False
        case _:
            inner = schema.get("properties", {})
            return {one: _made(inner[one]) for one in schema.get("required", ()) if one in inner}


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = schemas()[schema["$ref"].rpartition("/")[2]]
    return schema
