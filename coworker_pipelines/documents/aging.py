"""Documents by their age: queries over it, its measure from the data, and exact removal.

Elasticsearch keeps times to the millisecond and cuts off what is finer. All bounds here are
whole milliseconds, so that "earlier than" means the same on the cluster and in Python.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from elasticsearch import Elasticsearch

from coworker_pipelines.connections.holds import Hold
from coworker_pipelines.connections.retention import Basis, Policy
from coworker_pipelines.documents.client import ask
from coworker_pipelines.documents.reader import Query, scan_marks
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.segments.block import blocks_of
from coworker_pipelines.segments.manifest import WriteMode

NOTHING: Final[Query] = {"match_none": {}}
_UNDATED: Final[Query] = {"bool": {"must_not": [{"exists": {"field": "occurred_at"}}]}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is known of a stored document without its payload; the revision that was seen.

    ``content`` is its version, or where it has none its content's hash.
    """

    key: str
    occurred_at: datetime | None
    extracted_at: datetime
    content: bytes
    sequence: int
    term: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """The earliest times of the documents that were asked about; ``None`` where there are none.

    ``undated`` have no time of their own, so their age is counted from when they were taken in:
    ``undated_at`` is the earliest of these.
    """

    documents: int
    undated: int
    occurred_at: datetime | None
    undated_at: datetime | None
    extracted_at: datetime | None

    def oldest(self, basis: Basis) -> datetime | None:
        """The time from which the oldest document's age is counted."""
        if basis is Basis.INGESTION:
            return self.extracted_at
        return min(filter(None, (self.occurred_at, self.undated_at)), default=None)


def older_than(basis: Basis, moment: datetime) -> Query:
    """Documents whose age is counted from an earlier moment."""
    ingested = {"range": {"extracted_at": {"lt": _text(moment)}}}
    if basis is Basis.INGESTION:
        return ingested
    occurred = {"range": {"occurred_at": {"lt": _text(moment)}}}
    return _any(occurred, {"bool": {"filter": [_UNDATED, ingested]}})


def held(holds: Sequence[Hold]) -> Query:
    """Documents of a stream that lie in the span of one of the holds, which all reach it."""
    return _any(*map(_in_span, holds)) if holds else NOTHING


def out_of_use(policy: Policy | None, holds: Sequence[Hold], now: datetime) -> Query:
    """Documents that are not worked on: due by their policy, or under a hold."""
    due = NOTHING if policy is None else older_than(policy.basis, policy.due_before(now))
    return _any(due, held(holds))


def ages(client: Elasticsearch, alias: str, query: Query) -> Ages:
    """Measured from the data, as of the last refresh."""
    answer = ask(
        lambda: client.search(
            index=alias,
            query=query,
            size=0,
            track_total_hits=True,
            allow_partial_search_results=False,
            aggregations={
                "occurred": {"min": {"field": "occurred_at"}},
                "extracted": {"min": {"field": "extracted_at"}},
                "undated": {
                    "filter": _UNDATED,
                    "aggregations": {"first": {"min": {"field": "extracted_at"}}},
                },
            },
        )
    )
    found = answer["aggregations"]
    return Ages(
        documents=int(answer["hits"]["total"]["value"]),
        undated=int(found["undated"]["doc_count"]),
        occurred_at=_moment(found["occurred"]),
        undated_at=_moment(found["undated"]["first"]),
        extracted_at=_moment(found["extracted"]),
    )


def marks(client: Elasticsearch, alias: str, query: Query, *, size: int) -> Iterator[list[Mark]]:
    """Of all hits; what was visible when this began is seen, once."""
    fields = ("occurred_at", "extracted_at", "version", "content_hash")
    for hits in scan_marks(client, alias, query, fields, size=size):
        yield [_mark(hit) for hit in hits]


def delete_seen(writer: DocumentsWriter, seen: Iterable[Mark]) -> int:
    """Remove documents in exactly the revision that was seen; how many there were.

    One that was written since then stays: nobody has asked about what it is now.
    """
    blocks = blocks_of(map(_deletion, seen))
    return sum(outcome.deleted for outcome in writer.write(blocks, WriteMode.VERSIONED))


def _deletion(mark: Mark) -> bytes:
    return b'{"delete":{"_id":%b,"if_seq_no":%d,"if_primary_term":%d}}\n' % (
        orjson.dumps(mark.key),
        mark.sequence,
        mark.term,
    )


def _mark(hit: Any) -> Mark:
    fields = hit["fields"]
    return Mark(
        key=hit["_id"],
        occurred_at=_parsed(fields.get("occurred_at")),
        extracted_at=datetime.fromisoformat(fields["extracted_at"][0]),
        content=str(fields.get("version", fields["content_hash"])[0]).encode(),
        sequence=hit["_seq_no"],
        term=hit["_primary_term"],
    )


def _parsed(values: Sequence[str] | None) -> datetime | None:
    return datetime.fromisoformat(values[0]) if values else None


def _in_span(hold: Hold) -> Query:
    bounds = {
        name: _text(bound)
        for name, bound in (("gte", hold.since), ("lt", hold.until))
        if bound is not None
    }
    if not bounds:
        return {"match_all": {}}
    occurred = {"range": {"occurred_at": bounds}}
    return _any(occurred, {"bool": {"filter": [_UNDATED, {"range": {"extracted_at": bounds}}]}})


def _any(*queries: Query) -> Query:
    asked = [query for query in queries if query is not NOTHING]
    if not asked:
        return NOTHING
    return {"bool": {"should": asked, "minimum_should_match": 1}}


def _moment(aggregation: Any) -> datetime | None:
    value = aggregation["value"]
    return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
