"""One record through a page's preparation, and what came of it."""

from dataclasses import dataclass
from typing import Any

from coworker_pipelines.extraction.prepare import (
    LeftOut,
    Preparation,
)
from coworker_pipelines.sdk.stream import Stream
from tests.extraction.shop import (
    SUBJECT_KEY,
    manifest_for,
    request_for,
    screen_for,
)

SECRET = "a-value-of-a-client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The one document that a page of one record became."""

    key: str
    content_hash: str
    lines: bytes


def preparation_of(
    stream: Stream, *, suppressed: frozenset[str] = frozenset(), **changes: Any
) -> Preparation:
    return Preparation(
        changes.get("request") or request_for(stream),
        manifest_for(stream, changes.get("mode")),
        subject_key=SUBJECT_KEY,
        screen=screen_for(stream, suppressed),
    )


def outcome_of(stream: Stream, record: dict[str, Any], **changes: Any) -> Operation | LeftOut:
    return only_outcome(preparation_of(stream, **changes), record)


def only_outcome(preparation: Preparation, record: dict[str, Any]) -> Operation | LeftOut:
    page = preparation.prepare((record,))
    documents = page.documents
    operations = [
        Operation(key=key, content_hash=content_hash, lines=lines)
        for key, content_hash, lines in zip(
            documents.keys, documents.content_hashes, documents.lines(), strict=True
        )
    ]
    outcomes: list[Operation | LeftOut] = [*operations, *page.left_out]
    (only,) = outcomes
    return only


def operation_of(stream: Stream, record: dict[str, Any], **changes: Any) -> Operation:
    prepared = outcome_of(stream, record, **changes)
    assert isinstance(prepared, Operation)
    return prepared


def lines_of(operation: Operation) -> tuple[bytes, bytes]:
    """The action's line and the document's; nothing more stands in an operation."""
    action, document, rest = operation.lines.split(b"\n")
    assert not rest
    return action, document
