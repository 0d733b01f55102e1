"""The one reader: counts, single documents, pages, and scans of any length in flat memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from elasticsearch import Elasticsearch, NotFoundError

from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import translated
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window

SCAN_PAGE: Final = 1_000
KEEP_ALIVE: Final = "2m"
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

    def count(self, stream: str) -> int:
        """How many there are now, everything written so far included."""
        alias = self._alias(stream)
        refresh(self._client, alias)
        return count(self._client, alias, EVERYTHING)

    def get(self, stream: str, key: str) -> StoredDocument | None:
        with translated():
            try:
                answer = self._client.get(index=self._alias(stream), id=key)
            except NotFoundError as error:
                if isinstance(error.body, dict) and error.body.get("found") is False:
                    return None
                raise
        return StoredDocument.from_source(answer["_source"])

    def page(self, stream: str, *, limit: int) -> list[StoredDocument]:
        """The latest by the time when they happened; those without a time come last."""
        alias = self._alias(stream)
        refresh(self._client, alias)
        order = [{"occurred_at": {"order": "desc", "missing": "_last"}}, {"key": "asc"}]
        sources = latest(self._client, alias, EVERYTHING, order=order, limit=limit)
        return [StoredDocument.from_source(source) for source in sources]

    def scan(
        self, stream: str, *, sync: str | None = None, window: Window | None = None
    ) -> Iterator[list[StoredDocument]]:
        """Pages of all documents, or of those that a sync wrote for a window."""
        filters: list[Query] = []
        if sync is not None:
            filters.append({"term": {"sync": sync}})
        if window is not None:
            filters.append({"term": {"window": window.key}})
        query: Query = {"bool": {"filter": filters}} if filters else EVERYTHING
        alias = self._alias(stream)
        refresh(self._client, alias)
        for hits in scan(self._client, alias, query):
            yield [StoredDocument.from_source(hit["_source"]) for hit in hits]

    def keys_sorted(self, stream: str) -> Iterator[str]:
        """All keys, ascending by their UTF-8 bytes."""
        alias = self._alias(stream)
        refresh(self._client, alias)
        for hits in scan(self._client, alias, EVERYTHING, order=[{"key": "asc"}], source=False):
            for hit in hits:
                yield hit["_id"]

    def _alias(self, stream: str) -> str:
        return names.documents_alias(self._scope, stream)


def refresh(client: Elasticsearch, alias: str) -> None:
    """After this, searches see everything that was written before."""
    with translated():
        client.indices.refresh(index=alias)


def count(client: Elasticsearch, alias: str, query: Query) -> int:
    with translated():
        return int(client.count(index=alias, query=query)["count"])


def latest(
    client: Elasticsearch, alias: str, query: Query, *, order: list[Any], limit: int
) -> list[Mapping[str, Any]]:
    """Sources of the first hits in an order."""
    with translated():
        answer = client.search(index=alias, query=query, sort=order, size=limit)
    return [hit["_source"] for hit in answer["hits"]["hits"]]


def scan(
    client: Elasticsearch,
    alias: str,
    query: Query,
    *,
    order: list[Any] | None = None,
    source: bool = True,
    page: int = SCAN_PAGE,
) -> Iterator[list[Mapping[str, Any]]]:
    """All hits, a page in memory at a time, over one unmoving view of the index."""
    with translated():
        view = client.open_point_in_time(index=alias, keep_alive=KEEP_ALIVE)["id"]
    after: list[Any] | None = None
    try:
        while True:
            with translated():
                answer = client.search(
                    pit={"id": view, "keep_alive": KEEP_ALIVE},
                    query=query,
                    sort=order or ["_shard_doc"],
                    size=page,
                    search_after=after,
                    source=source,
                    track_total_hits=False,
                )
            view, hits = answer["pit_id"], answer["hits"]["hits"]
            if not hits:
                return
            yield hits
            after = hits[-1]["sort"]
    finally:
        with translated():
            client.options(ignore_status=404).close_point_in_time(id=view)
