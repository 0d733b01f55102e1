"""Bulk requests, and what an answer says about each of their operations."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Self

import orjson

from coworker_pipelines.connections.rejected import RejectReason
from coworker_pipelines.documents.endpoint import GONE, OVERLOADED, Answer
from coworker_pipelines.kernel.errors import DefectError, RefusedError

ANSWER: Final = "items.*.status,items.*.error.type,items.*.error.caused_by.type"
"""The least of an answer that still holds every operation, in its place."""
CREATED: Final = frozenset({200, 201})
TOO_LARGE: Final = 413
_STORED: Final = tuple(
    b'{"%b":{"status":%d}}' % operation
    for operation in ((b"index", 201), (b"index", 200), (b"create", 201))
)
_KNOWN: Final = b'{"index":{"status":409,"error":{"type":"version_conflict_engine_exception"}}}'
_DELETE: Final = b'{"delete"'
_NEXT_DELETE: Final = b'\n{"delete":{"_id":"'
"""As long as it can be: the longer it is, the faster it is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedItem:
    """A document that Elasticsearch would not take; ``body`` is its line."""

    key: str
    reason: RejectReason
    detail: str
    body: bytes


@dataclass(slots=True)
class Tally:
    """What became of operations so far. ``missing`` are deletes that found nothing."""

    indexed: int = 0
    unchanged: int = 0
    deleted: int = 0
    missing: int = 0
    rejected: list[RejectedItem] = field(default_factory=list)

    @property
    def accounted(self) -> int:
        return self.indexed + self.unchanged + self.deleted + self.missing + len(self.rejected)


class Batch:
    """A bulk request: bytes, taken apart only where an operation needs to be looked at."""

    def __init__(self, body: bytes, operations: int) -> None:
        self.body = body
        self.operations = operations

    @property
    def holds_deletes(self) -> bool:
        """Whether there is a delete; no document's line begins like one."""
        return self.body.startswith(_DELETE) or _NEXT_DELETE in self.body

    @cached_property
    def lines(self) -> list[tuple[bytes, bytes]]:
        """An action and its document for each operation; a delete's document is empty."""
        remaining = iter(self.body.removesuffix(b"\n").split(b"\n"))
        pairs = [
            (action, b"" if action.startswith(_DELETE) else next(remaining, b""))
            for action in remaining
        ]
        if len(pairs) != self.operations:
            raise DefectError(f"A block of {self.operations} operations holds {len(pairs)}.")
        return pairs

    def select(self, positions: Iterable[int]) -> Self:
        """A batch of some of the operations, in that order."""
        chosen = [self.lines[position] for position in positions]
        body = b"".join(line + b"\n" for pair in chosen for line in pair if line)
        return type(self)(body, len(chosen))

    def halves(self) -> tuple[Self, Self]:
        middle = self.operations // 2
        return self.select(range(middle)), self.select(range(middle, self.operations))

    def rejected(self, position: int, reason: RejectReason, detail: str) -> RejectedItem:
        action, document = self.lines[position]
        if action.startswith(_DELETE):
            raise DefectError(f"Elasticsearch refused to delete a document: {detail}.")
        key = next(iter(orjson.loads(action).values()))["_id"]
        return RejectedItem(key=key, reason=reason, detail=detail, body=document)


def read_answer(answer: Answer, batch: Batch, tally: Tally) -> Batch:
    """Count every operation; what comes back is to be sent again.

    Raises:
        RefusedError: the index is gone, or the key may not write to it.
    """
    # Nearly all answers say one of two things of every operation; counting them in the bytes
    # costs a fiftieth of parsing them, and looks at every operation all the same.
    stored = sum(answer.body.count(text) for text in _STORED)
    known = answer.body.count(_KNOWN)
    if stored + known == batch.operations:
        tally.indexed += stored
        tally.unchanged += known
        return batch.select(())
    items = answer.json()["items"]
    if len(items) != batch.operations:
        raise DefectError(f"{len(items)} answers came for {batch.operations} operations.")
    again = [position for position, item in enumerate(items) if _open(item, position, batch, tally)]
    return batch.select(again)


def _open(item: dict[str, Any], position: int, batch: Batch, tally: Tally) -> bool:
    """Count one operation; whether it has no outcome yet."""
    ((action, outcome),) = item.items()
    match action, outcome["status"]:
        case "delete", status if status in CREATED:
            tally.deleted += 1
        case "delete", 409:
            tally.missing += 1
        case "delete", 404 if "error" not in outcome:
            tally.missing += 1
        case _, status if status in CREATED:
            tally.indexed += 1
        case _, 409:
            tally.unchanged += 1
        case _, status if status in OVERLOADED:
            return True
        case _, 404:
            raise RefusedError(GONE)
        case _, 403:
            raise RefusedError(f"Elasticsearch refuses to write: {_described(outcome)}.")
        case _, status:
            reason = RejectReason.TOO_LARGE if status == TOO_LARGE else RejectReason.REFUSED
            tally.rejected.append(batch.rejected(position, reason, _described(outcome)))
    return False


def _described(outcome: dict[str, Any]) -> str:
    """Types alone: a reason quotes the value that was refused."""
    error = outcome.get("error", {})
    types = (error.get("type"), error.get("caused_by", {}).get("type"))
    return ", ".join(kind for kind in types if kind) or f"status {outcome['status']}"
