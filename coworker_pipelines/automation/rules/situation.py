"""What an expression sees: a message, and the facts that were captured with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coworker_pipelines.automation.expressions.evaluation import Situation, Values
from coworker_pipelines.extraction.payload import time_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a decision depends on beside the message: taken down once, and recorded with it.

    ``connection`` is the connection's name, ``decided_at`` the moment for which it is asked which
    rules are in force.
    """

    connection: str
    decided_at: datetime

    def content(self) -> dict[str, str]:
        return {"connection": self.connection, "decided_at": time_text(self.decided_at)}

    @classmethod
    def from_content(cls, content: Mapping[str, str]) -> "Facts":
        return cls(
            connection=content["connection"],
            decided_at=datetime.fromisoformat(content["decided_at"]),
        )


def situation_of(
    event: Mapping[str, Any], facts: Facts, names: frozenset[str] | None = None
) -> Situation:
    """``event`` is a CloudEvent, as it was written; ``names`` are what is read of the message."""
    return Situation(values_of(event, facts), names)


def values_of(event: Mapping[str, Any], facts: Facts) -> Values:
    """By name; a value that is missing is not there, and none is null."""
    data = event["data"]
    thing, document = data["object"], data["document"]
    message = {
        "id": event["id"],
        "verb": data["verb"],
        "kind": data["kind"],
        "stream": thing["stream"],
        "window": data["window"],
        "object": {"type": thing["type"], "id": thing["id"]},
        "document": {"key": document["key"], "content_hash": document["content_hash"]},
        "attributes": data["attributes"],
        "unmapped": data.get("unmapped", False),
        "changed": [change["path"] for change in data.get("changes", ())],
    }
    if document["version"] is not None:
        message["document"]["version"] = document["version"]
    if data["actor"] is not None:
        message["actor"] = data["actor"]
    if "time" in event:
        message["time"] = event["time"]
    return {"message": message, "connection": {"name": facts.connection}}
