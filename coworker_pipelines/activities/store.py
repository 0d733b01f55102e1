"""Where messages rest: one index of a connection, written create-only, in numbered order.

The number stands beside the event and is no part of it: the event is of facts alone, the same for
ever, while the number says when we learned of it, and is given once, with the message's creation.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import orjson
from elasticsearch import Elasticsearch

from coworker_pipelines.activities.message import Message
from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import ask
from coworker_pipelines.documents.reader import (
    EVERYTHING,
    Query,
    count,
    excluding,
    latest,
    refresh,
    scan,
)
from coworker_pipelines.documents.removal import delete_matching
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.extraction.payload import time_text
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.activity import Verb
from coworker_pipelines.segments.block import blocks_of
from coworker_pipelines.segments.manifest import WriteMode

KEYS_PER_QUERY: Final = 1_000
"""Elasticsearch takes 65,536 terms in a query; a page of keys is enough for one."""
STREAMS_MAX: Final = 10_000
_TALLY: Final = {
    "streams": {
        "terms": {"field": "stream", "size": STREAMS_MAX, "order": {"_key": "asc"}},
        "aggregations": {
            "verbs": {
                "terms": {"field": "verb", "size": len(Verb), "order": {"_key": "asc"}},
                "aggregations": {"unmapped": {"filter": {"term": {"unmapped": True}}}},
            }
        },
    }
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of messages: new ones, and those that were there already.

    ``last_sequence`` is the highest number that was used up so far.
    """

    created: int = 0
    existing: int = 0
    last_sequence: int = 0


class Numbered(NamedTuple):
    """An event and its number; one that was made before messages had numbers has none."""

    sequence: int | None
    event: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many messages of a stream have a verb, and how many of them an event without one."""

    stream: str
    verb: str
    activities: int
    unmapped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which messages are meant, by the day (UTC) on which it happened; ``None`` leaves a side open.

    One without a time counts for the first day of its month. ``until`` is not in it.
    """

    stream: str | None = None
    since: date | None = None
    until: date | None = None


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

    def write(self, messages: Iterable[Message], *, after: int = 0) -> Written:
        """After this all of them are there; one that was there before stays as it is.

        New ones are numbered in their order, behind ``after`` and behind all that are there; one
        that was there keeps its number, so the row has gaps. One write at a time, or two messages
        get the same number.

        Raises:
            DefectError: Elasticsearch would not take one.
        """
        created = existing = 0
        last = max(after, self.last_sequence())

        def operations() -> Iterator[bytes]:
            nonlocal last
            for message in messages:
                last += 1
                yield operation_of(message, last)

        # An operation that creates answers 409 where the id is taken: "unchanged" here.
        for outcome in self._writer.write(blocks_of(operations()), WriteMode.CREATED):
            if outcome.rejected:
                raise DefectError(
                    f"Elasticsearch refused an activity: {outcome.rejected[0].detail}."
                )
            created += outcome.indexed
            existing += outcome.unchanged
        # Where an answer was lost, what was created counts as existing: the number is used up.
        return Written(created=created, existing=existing, last_sequence=last)

    def last_sequence(self) -> int:
        """The highest number that a message has now; 0 where none has one."""
        refresh(self._client, self._alias)
        order = [_by_sequence("desc")]
        found = latest(self._client, self._alias, EVERYTHING, order=order, limit=1)
        return int(found[0].get("sequence", 0)) if found else 0

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

    def page(self, *, stream: str | None = None, limit: int) -> list[Numbered]:
        """The latest first, by when they happened; those without a time come last."""
        refresh(self._client, self._alias)
        order = [{"occurred_at": {"order": "desc", "missing": "_last"}}, {"id": "asc"}]
        sources = latest(self._client, self._alias, _of_stream(stream), order=order, limit=limit)
        return list(map(_numbered, sources))

    def in_order(self, span: Span, *, up_to: int) -> Iterator[list[Numbered]]:
        """Events by their numbers up to one, a page in memory at a time; then those without."""
        refresh(self._client, self._alias)
        query = excluding(_within(span), {"range": {"sequence": {"gt": up_to}}})
        for hits in scan(self._client, self._alias, query, order=[_by_sequence("asc")]):
            yield [_numbered(hit["_source"]) for hit in hits]

    def tally(self) -> list[Tally]:
        """How many messages there are now, by stream and verb."""
        refresh(self._client, self._alias)
        answer = ask(
            lambda: self._client.search(
                index=self._alias,
                size=0,
                allow_partial_search_results=False,
                aggregations=_TALLY,
            )
        )
        return [
            Tally(
                stream=stream["key"],
                verb=verb["key"],
                activities=verb["doc_count"],
                unmapped=verb["unmapped"]["doc_count"],
            )
            for stream in answer["aggregations"]["streams"]["buckets"]
            for verb in stream["verbs"]["buckets"]
        ]

    def scan(self, stream: str | None = None) -> Iterator[list[dict[str, Any]]]:
        """All events, a page in memory at a time, in no order that means anything."""
        refresh(self._client, self._alias)
        for hits in scan(self._client, self._alias, _of_stream(stream)):
            yield [hit["_source"]["payload"] for hit in hits]

    def scan_made(
        self, made: Made, *, since: datetime, timeless: bool
    ) -> Iterator[list[dict[str, Any]]]:
        """What a sync made, in the order of its numbers, as far as it happened since then.

        ``timeless``: and what has no time.
        """
        moments: list[Query] = [{"range": {"occurred_at": {"gte": time_text(since)}}}]
        if timeless:
            moments.append({"bool": {"must_not": [{"exists": {"field": "occurred_at"}}]}})
        query = {"bool": {"filter": [made.query], "should": moments, "minimum_should_match": 1}}
        refresh(self._client, self._alias)
        for hits in scan(self._client, self._alias, query, order=[_by_sequence("asc")]):
            yield [hit["_source"]["payload"] for hit in hits]

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


def operation_of(message: Message, sequence: int) -> bytes:
    """Creates the message in a bulk request: its envelope, around the event as it is."""
    envelope: dict[str, Any] = {
        "id": message.id,
        "verb": message.verb,
        "stream": message.stream,
        "document_key": message.document_key,
        "object_type": message.object_type,
        "window": message.window,
        "sync": message.sync,
        "sequence": sequence,
        "subject_keys": () if message.actor is None else (message.actor,),
        "payload": orjson.Fragment(message.event),
    }
    if message.actor is not None:
        envelope["actor"] = message.actor
    if message.occurred_at is not None:
        envelope["occurred_at"] = message.occurred_at
    if message.unmapped:
        envelope["unmapped"] = True
    return b'{"create":{"_id":"%b"}}\n%b\n' % (message.id.encode(), orjson.dumps(envelope))


def _of_stream(stream: str | None) -> Query:
    return EVERYTHING if stream is None else {"term": {"stream": stream}}


def _of_documents(stream: str, keys: Sequence[str]) -> Query:
    return {"bool": {"filter": [_of_stream(stream), {"terms": {"document_key": list(keys)}}]}}


def _numbered(source: Mapping[str, Any]) -> Numbered:
    return Numbered(source.get("sequence"), source["payload"])


def _by_sequence(direction: str) -> dict[str, Any]:
    # An index that is older than the numbers has no mapping of them.
    return {"sequence": {"order": direction, "unmapped_type": "long", "missing": "_last"}}


def _within(span: Span) -> Query:
    bounds = (("gte", span.since), ("lt", span.until))
    days = {bound: day.isoformat() for bound, day in bounds if day is not None}
    query = _of_stream(span.stream)
    if not days:
        return query
    moments = {bound: f"{day}T00:00:00Z" for bound, day in days.items()}
    # A window is written as its first day, and such texts compare as days do.
    timeless = {"bool": {"must_not": [{"exists": {"field": "occurred_at"}}]}}
    in_time: list[Query] = [
        {"range": {"occurred_at": moments}},
        {"bool": {"filter": [timeless, {"range": {"window": days}}]}},
    ]
    return {"bool": {"filter": [query], "should": in_time, "minimum_should_match": 1}}
