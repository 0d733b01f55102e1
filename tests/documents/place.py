"""A connection in Elasticsearch, opened with its own key, and documents to put there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import orjson
from elasticsearch import Elasticsearch

from coworker_pipelines.documents import names
from coworker_pipelines.documents.access import mint_key
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.documents.endpoint import Endpoint
from coworker_pipelines.documents.indices import create_documents_index, delete_connection_indices
from coworker_pipelines.documents.patience import Patience
from coworker_pipelines.documents.reader import DocumentsReader
from coworker_pipelines.documents.writer import DocumentsWriter, WriterLimits
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.segments.block import Block, BlockHeader
from coworker_pipelines.segments.manifest import WriteMode
from coworker_pipelines.services.address import ElasticsearchAddress

STREAM = "commits"
HASTY = WriterLimits(patience=Patience(attempts=30, delay_s=0.002, delay_max_s=0.01))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a run would have: ``address`` holds the connection's key."""

    scope: Scope
    address: ElasticsearchAddress
    endpoint: Endpoint
    client: Elasticsearch

    @property
    def alias(self) -> str:
        return names.documents_alias(self.scope, STREAM)

    @property
    def reader(self) -> DocumentsReader:
        return DocumentsReader(self.client, self.scope)

    def writer(
        self, limits: WriterLimits = HASTY, endpoint: Endpoint | None = None
    ) -> DocumentsWriter:
        return DocumentsWriter(endpoint or self.endpoint, self.alias, limits)

    def stored(self) -> dict[str, bytes]:
        """Payloads by key."""
        return {
            document.key: document.payload_bytes
            for page in self.reader.scan(STREAM)
            for document in page
        }


@contextmanager
def made_place(
    admin: Elasticsearch, address: ElasticsearchAddress, scope: Scope | None = None
) -> Iterator[Place]:
    scope = scope or Scope(
        tenant=new_id(IdPrefix.TENANT), connection=new_id(IdPrefix.CONNECTION), epoch=1
    )
    create_documents_index(admin, scope, STREAM, replicas=0)
    own = replace(address, user=None, password=None, api_key=mint_key(admin, scope).value)
    endpoint = Endpoint(own)
    try:
        with open_client(own) as client:
            yield Place(scope=scope, address=own, endpoint=endpoint, client=client)
    finally:
        endpoint.close()
        delete_connection_indices(admin, scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document before it is stored."""

    key: str
    payload: dict[str, Any]
    version: int | None = 1
    sync: str = "y0"
    window: str = "2026-01-01"
    occurred_at: str | None = "2026-01-02T03:04:05Z"
    subject_keys: tuple[str, ...] = ()

    @property
    def payload_bytes(self) -> bytes:
        return orjson.dumps(self.payload, option=orjson.OPT_SORT_KEYS)

    @property
    def content_hash(self) -> str:
        return blake2b(self.payload_bytes, digest_size=16).hexdigest()

    def operation(self, mode: WriteMode) -> bytes:
        """Its action and its envelope, as extraction writes them."""
        action: dict[str, Any] = {"_id": self.key}
        if mode in {WriteMode.VERSIONED, WriteMode.REWRITE}:
            external = "external" if mode is WriteMode.VERSIONED else "external_gte"
            action |= {"version": self.version, "version_type": external}
        name = "create" if mode is WriteMode.CREATED else "index"
        return orjson.dumps({name: action}) + b"\n" + self.envelope() + b"\n"

    def envelope(self) -> bytes:
        content = {
            "key": self.key,
            "version": self.version,
            "content_hash": self.content_hash,
            "occurred_at": self.occurred_at,
            "extracted_at": "2026-02-01T00:00:00Z",
            "window": self.window,
            "sync": self.sync,
            "subject_keys": self.subject_keys,
        }
        known = {name: value for name, value in content.items() if value is not None}
        return orjson.dumps(known | {"payload": orjson.Fragment(self.payload_bytes)})


def sources(count: int, *, start: int = 0, **changed: Any) -> list[Source]:
    """Documents that differ, ``k00000000`` onwards."""
    return [
        Source(key=f"k{number:08}", payload={"number": number, "text": "x" * 50}, **changed)
        for number in range(start, start + count)
    ]


def block(documents: Sequence[Source], mode: WriteMode, *, deletes: Sequence[str] = ()) -> Block:
    """All documents, and deletes behind them."""
    body = b"".join(document.operation(mode) for document in documents)
    body += b"".join(orjson.dumps({"delete": {"_id": key}}) + b"\n" for key in deletes)
    compared = documents if mode is WriteMode.COMPARED else ()
    return raw_block(body, len(documents) + len(deletes), compared)


def raw_block(body: bytes, operations: int, compared: Sequence[Source] = ()) -> Block:
    header = BlockHeader(
        operations=operations,
        raw_bytes=len(body),
        stored_bytes=len(body),
        keys=tuple(document.key for document in compared),
        content_hashes=tuple(document.content_hash for document in compared),
    )
    return Block(header=header, body=body)


def blocks(documents: Sequence[Source], mode: WriteMode, size: int = 500) -> Iterator[Block]:
    for start in range(0, len(documents), size):
        yield block(documents[start : start + size], mode)
