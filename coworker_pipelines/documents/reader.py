"""The one reader: counts, single documents, pages, and scans of any length in flat memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

import orjson
from elasticsearch import Elasticsearch, NotFoundError

from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import ask
from coworker_pipelines.documents.patience import ONCE
from coworker_pipelines.kernel.errors import CoworkerError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window

PAGE_FIRST: Final = 200
PAGE_MAX: Final = 1_000
PAGE_BYTES: Final = 8 * 2**20
"""A page of a scan aims at this many bytes: documents may be large, and memory is not."""
KEYS_PAGE: Final = 5_000
KEEP_ALIVE: Final = "5m"
"""Longer than a page's documents take to be worked on, with all patience."""
IN_ANY_ORDER: Final = ("_shard_doc",)
"""The cheapest there is."""
_SAMPLE: Final = 10

Query = Mapping[str, Any]
EVERYTHING: Final[Query] = {"match_all": {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A document as it rests. Times are RFC 3339 text, as they were written."""

    key: str
    version: int | None
    content_hash: str
    occurred_at: str | None
    extracted_at: str
    window: str
    sync: str
    subject_keys: tuple[str, ...]
    payload: Mapping[str, Any]

    @property
    def payload_bytes(self) -> bytes:
        """The canonical bytes, over which ``content_hash`` was computed."""
        return orjson.dumps(self.payload, option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_source(cls, source: Mapping[str, Any]) -> Self:
        return cls(
            key=source["key"],
            version=source.get("version"),
            content_hash=source["content_hash"],
            occurred_at=source.get("occurred_at"),
            extracted_at=source["extracted_at"],
            window=source["window"],
            sync=source["sync"],
            subject_keys=tuple(source["subject_keys"]),
            payload=source["payload"],
        )


class DocumentsReader:
    """Reads one connection's documents with its own key."""

    def __init__(self, client: Elasticsearch, scope: Scope) -> None:
        self._client = client
        self._scope = scope

    def count(
        self,
        stream: str,
        *,
        sync: str | None = None,
        window: Window | None = None,
        subject_keys: Sequence[str] | None = None,
        within: Query = EVERYTHING,
    ) -> int:
        """How many there are now, everything written so far included."""
        alias = self._alias(stream)
        refresh(self._client, alias)
        query = matching(sync, window, subject_keys)
        return count(self._client, alias, {"bool": {"filter": [query, within]}})

    def get(self, stream: str, key: str) -> StoredDocument | None:
        """One document, as it is at this moment."""
        try:
            answer = ask(lambda: self._get(stream, key))
        except _NoDocumentError:
            return None
        return StoredDocument.from_source(answer["_source"])

    def page(self, stream: str, *, limit: int) -> list[StoredDocument]:
        """The latest by the time when they happened; those without a time come last."""
        alias = self._alias(stream)
        refresh(self._client, alias)
        order = [{"occurred_at": {"order": "desc", "missing": "_last"}}, {"key": "asc"}]
        sources = latest(self._client, alias, EVERYTHING, order=order, limit=limit)
        return [StoredDocument.from_source(source) for source in sources]

    def scan(
        self,
        stream: str,
        *,
        sync: str | None = None,
        window: Window | None = None,
        subject_keys: Sequence[str] | None = None,
        without: Query | None = None,
    ) -> Iterator[list[StoredDocument]]:
        """Pages of all documents that match every filter that is given, and not ``without``.

        ``subject_keys`` finds documents about any of these subjects.
        """
        alias = self._alias(stream)
        refresh(self._client, alias)
        query = excluding(matching(sync, window, subject_keys), without)
        for hits in scan(self._client, alias, query):
            yield [StoredDocument.from_source(hit["_source"]) for hit in hits]

    def keys_sorted(self, stream: str, *, without: Query | None = None) -> Iterator[str]:
        """Keys of what does not match ``without``, ascending by their UTF-8 bytes.

        That is Python's order of texts too.
        """
        alias = self._alias(stream)
        refresh(self._client, alias)
        with _View(self._client, alias) as view:
            # The sort values are all that is needed: no document is opened.
            request = {"sort": [{"key": "asc"}], "source": False, "stored_fields": "_none_"}
            query = excluding(EVERYTHING, without)
            while hits := view.next(query, size=KEYS_PAGE, **request):
                yield from (hit["sort"][0] for hit in hits)

    def _get(self, stream: str, key: str) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = self._client.get(index=self._alias(stream), id=key).body
        except NotFoundError as error:
            if isinstance(error.body, dict) and error.body.get("found") is False:
                raise _NoDocumentError from error
            raise
        return found

    def _alias(self, stream: str) -> str:
        return names.documents_alias(self._scope, stream)


class _NoDocumentError(CoworkerError):
    """The index is there, the document is not."""


def matching(sync: str | None, window: Window | None, subject_keys: Sequence[str] | None) -> Query:
    """A query for what matches all of those that are given."""
    filters: list[Query] = []
    if sync is not None:
        filters.append({"term": {"sync": sync}})
    if window is not None:
        filters.append({"term": {"window": window.key}})
    if subject_keys is not None:
        filters.append({"terms": {"subject_keys": list(subject_keys)}})
    return {"bool": {"filter": filters}} if filters else EVERYTHING


def excluding(query: Query, without: Query | None) -> Query:
    """What matches the one and not the other."""
    return query if without is None else {"bool": {"filter": [query], "must_not": [without]}}


def refresh(client: Elasticsearch, alias: str) -> None:
    """After this, searches see everything that was written before."""
    ask(lambda: client.indices.refresh(index=alias))


def count(client: Elasticsearch, alias: str, query: Query) -> int:
    """How many match; a shard that can't answer is an error, never a smaller number."""
    answer = ask(
        lambda: client.search(
            index=alias,
            query=query,
            size=0,
            track_total_hits=True,
            allow_partial_search_results=False,
        )
    )
    return int(answer["hits"]["total"]["value"])


def latest(
    client: Elasticsearch, alias: str, query: Query, *, order: list[Any], limit: int
) -> list[Mapping[str, Any]]:
    """Sources of the first hits in an order."""
    answer = ask(lambda: client.search(index=alias, query=query, sort=order, size=limit))
    return [hit["_source"] for hit in answer["hits"]["hits"]]


def scan(
    client: Elasticsearch,
    alias: str,
    query: Query,
    *,
    order: Sequence[Any] = IN_ANY_ORDER,
    **request: Any,
) -> Iterator[list[Mapping[str, Any]]]:
    """All hits with their sources, a page of bounded bytes in memory at a time.

    What was visible when the scan began is seen, once, whatever is written meanwhile.
    """
    with _View(client, alias) as view:
        size = PAGE_FIRST
        while hits := view.next(query, size=size, sort=order, **request):
            yield hits
            size = _page_size(hits)


def ids(client: Elasticsearch, alias: str, query: Query) -> Iterator[str]:
    """Ids of all hits."""
    with _View(client, alias) as view:
        while hits := view.next(query, size=KEYS_PAGE, sort=["_shard_doc"], source=False):
            yield from (hit["_id"] for hit in hits)


def scan_marks(
    client: Elasticsearch, alias: str, query: Query, fields: Sequence[str], *, size: int
) -> Iterator[list[Mapping[str, Any]]]:
    """All hits with these fields and the revision that was seen; no document is opened."""
    with _View(client, alias) as view:
        request = {
            "sort": ["_shard_doc"],
            "source": False,
            "docvalue_fields": list(fields),
            "seq_no_primary_term": True,
        }
        while hits := view.next(query, size=size, **request):
            yield hits


def _page_size(hits: Sequence[Mapping[str, Any]]) -> int:
    """From what a few of the last page's documents weigh."""
    sample = hits[:: max(1, len(hits) // _SAMPLE)]
    weight = sum(len(orjson.dumps(hit["_source"])) for hit in sample) / len(sample)
    return max(1, min(PAGE_MAX, int(PAGE_BYTES / weight)))


class _View:
    """A point in time of an index, and how far it was read."""

    def __init__(self, client: Elasticsearch, alias: str) -> None:
        self._client = client
        self._alias = alias
        self._id = ""
        self._after: list[Any] | None = None

    def __enter__(self) -> Self:
        self._id = ask(
            lambda: self._client.open_point_in_time(index=self._alias, keep_alive=KEEP_ALIVE)
        )["id"]
        return self

    def __exit__(self, *_: object) -> None:
        # One that can't be closed ends by itself, when nobody has read it for a while.
        with suppress(CoworkerError):
            ask(
                lambda: self._client.options(ignore_status=404).close_point_in_time(id=self._id),
                ONCE,
            )

    def next(self, query: Query, *, size: int, **request: Any) -> list[Mapping[str, Any]]:
        answer = ask(
            lambda: self._client.search(
                pit={"id": self._id, "keep_alive": KEEP_ALIVE},
                query=query,
                size=size,
                search_after=self._after,
                track_total_hits=False,
                allow_partial_search_results=False,
                **request,
            )
        )
        self._id = answer["pit_id"]
        hits: list[Mapping[str, Any]] = answer["hits"]["hits"]
        if hits:
            self._after = hits[-1]["sort"]
        return hits
