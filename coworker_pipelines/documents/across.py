"""Finding and changing documents in all of a tenant's indices at once.

An erasure has seconds, and a tenant may have hundreds of indices: so one search goes over all of
them, and one bulk request changes what it found, wherever that lies. It goes to indices by name
and not through their aliases, because what an earlier epoch left has no alias any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self

import orjson
from elasticsearch import Elasticsearch

from coworker_pipelines.documents.client import ask
from coworker_pipelines.documents.going import indices_of
from coworker_pipelines.documents.reader import Query, count, refresh, scan
from coworker_pipelines.kernel.errors import DefectError, RetryLaterError

BULK_BYTES_MAX: Final = 4 * 2**20
_OVERLOADED: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_DONE: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A document where it lies, as it was when it was found."""

    index: str
    id: str
    sequence: int
    term: int
    source: Mapping[str, Any]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        return cls(
            index=found["_index"],
            id=found["_id"],
            sequence=found["_seq_no"],
            term=found["_primary_term"],
            source=found["_source"],
        )


def find_across(client: Elasticsearch, pattern: str, query: Query) -> Iterator[list[Hit]]:
    """Pages of all that match in the indices of the pattern, everything written so far included."""
    if not indices_of(client, pattern):
        return
    refresh(client, pattern)
    for page in scan(client, pattern, query, seq_no_primary_term=True):
        yield [Hit.of(found) for found in page]


def count_across(client: Elasticsearch, pattern: str, query: Query) -> int:
    """How many match now, everything written so far included."""
    if not indices_of(client, pattern):
        return 0
    refresh(client, pattern)
    return count(client, pattern, query)


def delete_hit(hit: Hit) -> bytes:
    """The operation that deletes a document if nobody has changed it since."""
    return orjson.dumps({"delete": _unchanged(hit)}) + b"\n"


def replace_hit(hit: Hit, source: Mapping[str, Any]) -> bytes:
    """The operation that puts another content in its place, if nobody has changed it since.

    A document with a version keeps it: nothing newer is overwritten, and no version is used up.
    """
    action = _unchanged(hit)
    version = hit.source.get("version")
    if version is not None:
        action = {
            "_index": hit.index,
            "_id": hit.id,
            "version": version,
            "version_type": "external_gte",
        }
    return orjson.dumps({"index": action}) + b"\n" + orjson.dumps(source) + b"\n"


def change(client: Elasticsearch, operations: Sequence[bytes]) -> list[bool]:
    """Which were carried out; the others met a change, and are found again if need be.

    Raises:
        RetryLaterError: the cluster is overloaded; some may have been carried out.
        DefectError: it refuses one.
    """
    return [done for batch in _batches(operations) for done in _sent(client, batch)]


def _unchanged(hit: Hit) -> dict[str, Any]:
    return {
        "_index": hit.index,
        "_id": hit.id,
        "if_seq_no": hit.sequence,
        "if_primary_term": hit.term,
    }


def _batches(operations: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    weight = 0
    for operation in operations:
        if batch and weight + len(operation) > BULK_BYTES_MAX:
            yield batch
            batch, weight = [], 0
        batch.append(operation)
        weight += len(operation)
    if batch:
        yield batch


def _sent(client: Elasticsearch, batch: Sequence[bytes]) -> Iterator[bool]:
    lines: list[Any] = [b"".join(batch)[:-1]]
    answer = ask(lambda: client.bulk(operations=lines))
    for item in answer["items"]:
        (outcome,) = item.values()
        status = HTTPStatus(outcome["status"])
        if status in _OVERLOADED:
            raise RetryLaterError("Elasticsearch is overloaded: it took a part.")
        if status not in _DONE | _GONE:
            raise DefectError(f"Elasticsearch refused a change with status {status.value}.")
        yield status in _DONE
