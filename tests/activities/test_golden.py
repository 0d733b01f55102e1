"""One golden message for each kind, stream and verb; and a schema that is only ever added to."""

import copy
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from coworker_pipelines.activities.message import Message, schema
from coworker_pipelines.connectors import registry
from coworker_pipelines.sdk.connector import ANY_STREAM
from tests.activities.examples import said
from tests.activities.json_schema import violations

HERE: Final = Path(__file__).parent
RENEW: Final = "COWORKER_RENEW_GOLDEN"
FIRST: Final[Mapping[str, Any]] = orjson.loads(
    (HERE / "published" / "activity-v1-first.json").read_bytes()
)
"""The schema of version 1 as it was first published: what readers hold on to."""


def examples() -> dict[str, Message]:
    """By file: the first message of each kind, stream and verb, and one that is unmapped."""
    found: dict[str, Message] = {}
    for kind, stream, message in said():
        name = "any" if stream == ANY_STREAM else stream
        unmapped = "-unmapped" if message.unmapped else ""
        found.setdefault(f"{kind}/{name}-{message.verb.lower()}{unmapped}.json", message)
    return found


EXAMPLES: Final = examples()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_message_is_the_golden_one(name: str) -> None:
    event = orjson.loads(EXAMPLES[name].event)
    shown = orjson.dumps(event, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
    path = HERE / "golden" / name
    if RENEW in os.environ:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(shown)
    assert path.read_bytes() == shown
    assert violations(schema(), event) == []
    assert violations(FIRST, event) == [], "A reader of the first day refuses it."


def test_everything_that_a_kind_can_say_has_its_golden_message() -> None:
    promised = {
        (kind, stream, verb)
        for kind in registry.kinds()
        for stream, shape in registry.connector_class(kind).fact_shapes.items()
        for verb in shape.verbs
    }
    assert {(kind, stream, message.verb) for kind, stream, message in said()} == promised
    kept = {f"{path.parent.name}/{path.name}" for path in (HERE / "golden").glob("*/*.json")}
    assert kept == set(EXAMPLES)


def test_a_change_is_told_by_its_path_and_two_hashes() -> None:
    event = orjson.loads(EXAMPLES["github/issue_events-update.json"].event)
    ((change),) = event["data"]["changes"]
    assert change["path"] == "/title"
    assert change["before"] != change["after"]
    assert b"Old" not in EXAMPLES["github/issue_events-update.json"].event


def test_within_its_version_the_schema_was_only_added_to() -> None:
    assert list(narrowings(FIRST, schema())) == []


@pytest.mark.parametrize(
    ("place", "value"),
    (
        (("required",), ["specversion", "sequence"]),
        (("properties",), {}),
        (("properties", "id", "pattern"), "^[0-9a-f]{16}$"),
        (("properties", "data", "required"), ["verb", "changes"]),
        (("properties", "data", "properties", "actor", "type"), "string"),
        (("properties", "data", "properties", "verb", "enum"), ["Create", "Destroy"]),
        (("properties", "data", "additionalProperties"), False),
    ),
)
def test_a_change_that_would_break_a_reader_is_found(place: tuple[str, ...], value: object) -> None:
    changed = copy.deepcopy(schema())
    inner = changed
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    assert list(narrowings(FIRST, changed))


def narrowings(first: Mapping[str, Any], now: Mapping[str, Any], at: str = "$") -> Iterator[str]:
    """Where a reader of the first schema, or a message that was valid then, is let down now."""
    if set(now.get("required", ())) != set(first.get("required", ())):
        yield f"{at} requires other properties"
    for name, inner in first.get("properties", {}).items():
        if name in now.get("properties", {}):
            yield from narrowings(inner, now["properties"][name], f"{at}.{name}")
        else:
            yield f"{at}.{name} is gone"
    told = {"required", "properties", "description", "title"}
    for keyword in (first.keys() | now.keys()) - told:
        if first.get(keyword) != now.get(keyword):
            yield f"{at} has another {keyword}"
