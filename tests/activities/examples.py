"""A document for everything that the kinds can say, and the messages that they make of it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import orjson

from coworker_pipelines.activities.derive import derive_messages
from coworker_pipelines.activities.message import Message
from coworker_pipelines.connectors import registry
from coworker_pipelines.connectors.git.streams import BRANCHES, COMMITS, TAGS
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.extraction.payload import content_hash_of
from coworker_pipelines.sdk.connector import ANY_STREAM
from coworker_pipelines.sdk.stream import Field, Stream, SyncMode
from tests.activities.shapes import SCOPE, SUBJECT_KEY
from tests.connectors.github.test_facts import CASES, document_of

MORNING: Final = "2026-01-15T08:00:00Z"
NOON: Final = "2026-01-15T12:00:00Z"
ORDERS: Final = Stream(
    name="public.orders",
    fields=(
        Field(name="id", type="integer"),
        Field(name="created_at", type="string"),
        Field(name="updated_at", type="string"),
    ),
    primary_key=("id",),
    mode=SyncMode.WINDOW,
    cursor_field="updated_at",
    time_field="updated_at",
    created_field="created_at",
)
Said = tuple[str, str, Message]
"""The kind, the stream as the kind's shapes name it, and a message."""


def documents() -> Iterator[tuple[str, Stream, StoredDocument]]:
    commit = {
        "sha": "c" * 40,
        "author_email": "ann@example.org",
        "committed_at": NOON,
        "parents": ["b" * 40],
        "files_changed": 2,
        "lines_added": 30,
        "lines_deleted": 4,
    }
    tag = {
        "name": "v1",
        "sha": "d" * 40,
        "target": "c" * 40,
        "target_type": "commit",
        "tagger_email": "ann@example.org",
        "tagged_at": NOON,
    }
    yield "git", COMMITS, stored("c" * 40, commit)
    yield "git", COMMITS, stored("c" * 40, {**commit, "parents": ["a" * 40, "b" * 40]})
    yield "git", BRANCHES, stored("main", {"name": "main", "sha": "c" * 40})
    yield "git", TAGS, stored("v1", tag)
    yield "sql", ORDERS, stored("7", {"id": 7, "created_at": MORNING, "updated_at": NOON})
    for case in CASES:
        yield "github", replace(case.stream, namespace="github.com"), document_of(case)


def stored(key: str, payload: dict[str, Any]) -> StoredDocument:
    return StoredDocument(
        key=key,
        version=1,
        content_hash=content_hash_of(orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)),
        occurred_at=NOON,
        extracted_at="2026-02-01T00:00:00Z",
        window="2026-01-01",
        sync="y0123456789abcde",
        subject_keys=(),
        payload=payload,
    )


def said() -> Iterator[Said]:
    """All messages of all documents."""
    for kind, stream, document in documents():
        connector_class = registry.connector_class(kind)
        told = stream.name if stream.name in connector_class.fact_shapes else ANY_STREAM
        for message in derive_messages(
            connector_class, stream, document, scope=SCOPE, kind=kind, subject_key=SUBJECT_KEY
        ):
            yield kind, told, message
