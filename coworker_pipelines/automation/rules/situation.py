"""What an expression sees: a message, and the facts that were captured with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from coworker_pipelines.automation.expressions.evaluation import Situation, Values
from coworker_pipelines.extraction.payload import time_text


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """That an operator ordered the decision: ``rules`` alone are to act, each once on a message.

    ``happened_at`` is the moment for which it is asked which rules are in force; ``acted`` are
    those that have acted on the message before.
    """

    order: str
    rules: tuple[str, ...]
    happened_at: datetime
    acted: tuple[str, ...] = ()

    def content(self) -> dict[str, Any]:
        return {
            "order": self.order,
            "rules": list(self.rules),
            "happened_at": time_text(self.happened_at),
            "acted": list(self.acted),
        }

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Self:
        return cls(
            order=content["order"],
            rules=tuple(content["rules"]),
            happened_at=datetime.fromisoformat(content["happened_at"]),
            acted=tuple(content["acted"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a decision depends on beside the message: taken down once, and recorded with it.

    ``connection`` is the connection's name, ``decided_at`` the moment for which it is asked which
    rules are in force, unless it is a catch-up. ``history`` names rules that became active only
    after the message had happened, and since when they are.
    """

    connection: str
    decided_at: datetime
    history: Mapping[str, datetime] = field(default_factory=dict)
    catch_up: CatchUp | None = None

    @property
    def moment(self) -> datetime:
        return self.decided_at if self.catch_up is None else self.catch_up.happened_at

    def content(self) -> dict[str, Any]:
        """As JSON; what most decisions have not is not there."""
        content: dict[str, Any] = {
            "connection": self.connection,
            "decided_at": time_text(self.decided_at),
        }
        if self.history:
            content["history"] = {rule: time_text(at) for rule, at in self.history.items()}
        if self.catch_up is not None:
            content["catch_up"] = self.catch_up.content()
        return content

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Self:
        history, catch_up = content.get("history", {}), content.get("catch_up")
        return cls(
            connection=content["connection"],
            decided_at=datetime.fromisoformat(content["decided_at"]),
            history={rule: datetime.fromisoformat(at) for rule, at in history.items()},
            catch_up=None if catch_up is None else CatchUp.from_content(catch_up),
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
