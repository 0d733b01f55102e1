"""Where messages rest: one index of a connection, written create-only."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from elasticsearch import Elasticsearch

from coworker_pipelines.activities.message import Message
from coworker_pipelines.documents import names
from coworker_pipelines.documents.reader import EVERYTHING, Query, count, latest, refresh, scan
from coworker_pipelines.documents.removal import delete_matching
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.extraction.payload import time_text
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.segments.block import blocks_of
from coworker_pipelines.segments.manifest import WriteMode

KEYS_PER_QUERY: Final = 1_000
"""Elasticsearch takes 65,536 terms in a query; a page of keys is enough for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of messages: new ones, and those that were there already."""

    created: int = 0
    existing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a sync made of one stream and window: messages that were new since its documents."""

    stream: str
    window: Window
    sync: str

    @property
    def query(self) -> Query:
        terms = {"stream": self.stream, "window": self.window.key, "sync": self.sync}
        return {"bool": {"filter": [{"term": {name: value}} for name, value in terms.items()]}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A message as it was written, and what made it."""

    made: Made
    event: dict[str, Any]


class ActivitiesStore:
    """One connection's messages. ``writer`` writes to the alias of its activities."""

    def __init__(self, client: Elasticsearch, writer: DocumentsWriter, scope: Scope) -> None:
        self._client = client
        self._writer = writer
        self._alias = names.activities_alias(scope)

    def write(self, messages: Iterable[Message]) -> Written:
        """After this all of them are there; one that was there before stays as it is.

        Raises:
            DefectError: Elasticsearch would not take one.
        """
        created = existing = 0
        # An operation that creates answers 409 where the id is taken: "unchanged" here.
        for outcome in self._writer.write(blocks_of(map(_operation, messages)), WriteMode.CREATED):
            if outcome.rejected:
                raise DefectError(
                    f"Elasticsearch refused an activity: {outcome.rejected[0].detail}."
                )
            created += outcome.indexed
            existing += outcome.unchanged
        return Written(created=created, existing=existing)

    def count(self, stream: str | None = None) -> int:
        """How many there are now, everything written so far included."""
        refresh(self._client, self._alias)
        return count(self._client, self._alias, _of_stream(stream))

    def count_documents(self, stream: str, keys: Sequence[str]) -> int:
        """How many messages of these documents there are now."""
        refresh(self._client, self._alias)
        return sum(
            count(
                self._client,
                self._alias,
                _of_documents(stream, keys[start : start + KEYS_PER_QUERY]),
            )
            for start in range(0, len(keys), KEYS_PER_QUERY)
        )

    def page(self, *, stream: str | None = None, limit: int) -> list[dict[str, Any]]:
        """Events, the latest first; those without a time come last."""
        refresh(self._client, self._alias)
        order = [{"occurred_at": {"order": "desc", "missing": "_last"}}, {"id": "asc"}]
        sources = latest(self._client, self._alias, _of_stream(stream), order=order, limit=limit)
        return [source["payload"] for source in sources]

    def scan(self, stream: str | None = None) -> Iterator[list[dict[str, Any]]]:
        """All events, a page in memory at a time, in no order that means anything."""
        yield from self._scan(_of_stream(stream))

    def scan_made(
        self, made: Made, *, since: datetime, timeless: bool
    ) -> Iterator[list[dict[str, Any]]]:
        """The same of what a sync made, as far as it happened at ``since`` or later.

        ``timeless``: and what has no time.
        """
        moments: list[Query] = [{"range": {"occurred_at": {"gte": time_text(since)}}}]
        if timeless:
            moments.append({"bool": {"must_not": [{"exists": {"field": "occurred_at"}}]}})
        query = {"bool": {"filter": [made.query], "should": moments, "minimum_should_match": 1}}
        yield from self._scan(query)

    def count_made(self, made: Made) -> int:
        """How many messages a sync made."""
        refresh(self._client, self._alias)
        return count(self._client, self._alias, made.query)

    def find(self, message: str) -> Found | None:
        """The message of that id, and what made it."""
        refresh(self._client, self._alias)
        query = {"term": {"id": message}}
        for source in latest(self._client, self._alias, query, order=["_doc"], limit=1):
            made = Made(
                stream=source["stream"],
                window=Window.parse(source["window"]),
                sync=source["sync"],
            )
            return Found(made=made, event=source["payload"])
        return None

    def delete_stream(self, stream: str) -> int:
        """After this no message of the stream is there; how many there were."""
        return delete_matching(self._client, self._writer, self._alias, _of_stream(stream))

    def delete_documents(self, stream: str, keys: Sequence[str]) -> int:
        """After this no message of these documents is there; how many there were."""
        return sum(
            delete_matching(
                self._client,
                self._writer,
                self._alias,
                _of_documents(stream, keys[start : start + KEYS_PER_QUERY]),
            )
            for start in range(0, len(keys), KEYS_PER_QUERY)
        )

    def _scan(self, query: Query) -> Iterator[list[dict[str, Any]]]:
        refresh(self._client, self._alias)
        for hits in scan(self._client, self._alias, query):
            yield [hit["_source"]["payload"] for hit in hits]


def _of_stream(stream: str | None) -> Query:
    return EVERYTHING if stream is None else {"term": {"stream": stream}}


def _of_documents(stream: str, keys: Sequence[str]) -> Query:
    return {"bool": {"filter": [_of_stream(stream), {"terms": {"document_key": list(keys)}}]}}


def _operation(message: Message) -> bytes:
    envelope: dict[str, Any] = {
        "id": message.id,
        "verb": message.verb,
        "stream": message.stream,
        "document_key": message.document_key,
        "object_type": message.object_type,
        "window": message.window,
        "sync": message.sync,
        "subject_keys": () if message.actor is None else (message.actor,),
        "payload": orjson.Fragment(message.event),
    }
    if message.actor is not None:
        envelope["actor"] = message.actor
    if message.occurred_at is not None:
        envelope["occurred_at"] = message.occurred_at
    return b'{"create":{"_id":"%b"}}\n%b\n' % (message.id.encode(), orjson.dumps(envelope))
