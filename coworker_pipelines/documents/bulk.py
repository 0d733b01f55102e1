"""What a bulk request's answer says about each of its operations."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import orjson

from coworker_pipelines.connections.rejected import RejectReason

AGAIN: Final = frozenset({429, 500, 502, 503, 504})
CONFLICT: Final = 409
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
SUCCESS: Final = frozenset({200, 201})
DELETE: Final = "delete"
_LINES_OF_AN_INDEX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedItem:
    """A document that Elasticsearch would not take; ``body`` is its line."""

    key: str
    reason: RejectReason
    detail: str
    body: bytes


@dataclass(slots=True)
class BulkAnswer:
    """Numbers of outcomes; ``again`` holds the operations that should be sent once more."""

    indexed: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: list[RejectedItem] = field(default_factory=list)
    again: bytes = b""
    gone: bool = False
    forbidden: bool = False


class Operations:
    """A bulk body, taken apart: only done where an item needs to be looked at."""

    def __init__(self, spans: list[tuple[bytes, bytes]]) -> None:
        self._spans = spans

    def __len__(self) -> int:
        return len(self._spans)

    def join(self, positions: Iterable[int]) -> bytes:
        return b"".join(b"".join(self._spans[position]) for position in positions)

    def rejected(self, position: int, reason: str, detail: str) -> RejectedItem:
        action, document = self._spans[position]
        key = next(iter(orjson.loads(action).values()))["_id"]
        return RejectedItem(key=key, reason=RejectReason(reason), detail=detail, body=document)


def split_operations(body: bytes) -> Operations:
    """Action and document lines in pairs; a delete has no document."""
    lines = body.splitlines(keepends=True)
    spans: list[tuple[bytes, bytes]] = []
    position = 0
    while position < len(lines):
        action = lines[position]
        if action.startswith(b'{"delete"'):
            spans.append((action, b""))
            position += 1
        else:
            spans.append((action, lines[position + 1]))
            position += _LINES_OF_AN_INDEX
    return Operations(spans)


def read_answer(answer: bytes, body: bytes) -> BulkAnswer:
    """Count every item; find those to send again and those that will never be taken."""
    result = BulkAnswer()
    again: list[int] = []
    refused: list[tuple[int, str]] = []
    for position, item in enumerate(orjson.loads(answer)["items"]):
        ((action, outcome),) = item.items()
        status = outcome["status"]
        if status in SUCCESS:
            if action == DELETE:
                result.deleted += 1
            else:
                result.indexed += 1
        elif status == CONFLICT:
            result.unchanged += action != DELETE
        elif status in AGAIN:
            again.append(position)
        elif action == DELETE and status == NOT_FOUND and "error" not in outcome:
            continue
        elif status == NOT_FOUND:
            result.gone = True
        elif status == FORBIDDEN:
            result.forbidden = True
        else:
            refused.append((position, outcome.get("error", {}).get("type", str(status))))
    if again or refused:
        operations = split_operations(body)
        result.again = operations.join(again)
        result.rejected = [
            operations.rejected(position, RejectReason.REFUSED, detail)
            for position, detail in refused
        ]
    return result
