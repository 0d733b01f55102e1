"""The decision: canonical bytes, in two halves."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from coworker_pipelines.automation.expressions.evaluation import IMPLEMENTATION

ENGINE_VERSION: Final = f"1/{IMPLEMENTATION}"
"""Raised with anything that could make another decision of the same message."""
ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """``open`` and ``personal`` are JSON with sorted keys: equal bytes for equal decisions.

    ``open`` names no person and holds no value of the message. ``personal`` holds the message
    as it was, the reasons with their values, and the actions' parameters. ``subject_keys`` are
    whom it is about.
    """

    id: str
    message: str
    connection: str
    stream: str
    rule_set: str
    decided_at: str
    actions: int
    failed: int
    open: bytes
    personal: bytes
    subject_keys: tuple[str, ...]

    def open_content(self) -> dict[str, Any]:
        return _content(self.open)

    def personal_content(self) -> dict[str, Any]:
        return _content(self.personal)


def decision_id(
    *, message: str, content: str, facts: Mapping[str, Any], rule_set: str, engine: str
) -> str:
    """A hash of everything that a decision is a function of.

    Who did it is not hashed: the id stays when the person is erased. It is told by the
    message's id, of which there is one for each fact.
    """
    hashed = orjson.dumps([message, content, facts, rule_set, engine], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(hashed, digest_size=ID_BYTES).hexdigest()


def content_digest(event: Mapping[str, Any]) -> str:
    """Of the whole event but for who did it."""
    impersonal = {**event, "data": {**event["data"], "actor": None}}
    return hashlib.blake2b(canonical(impersonal), digest_size=ID_BYTES).hexdigest()


def canonical(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def _content(encoded: bytes) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(encoded)
    return content
