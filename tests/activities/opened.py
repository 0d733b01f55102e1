"""A connection's indices on a real node, opened with its own key."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import orjson
from elasticsearch import Elasticsearch

from coworker_pipelines.activities.mapping import ACTIVITY_PROPERTIES
from coworker_pipelines.activities.store import ActivitiesStore
from coworker_pipelines.documents import names
from coworker_pipelines.documents.access import mint_key, revoke_keys
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.documents.endpoint import Endpoint
from coworker_pipelines.documents.indices import (
    create_activities_index,
    create_documents_index,
    delete_connection_indices,
)
from coworker_pipelines.documents.reader import DocumentsReader, StoredDocument
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.segments.block import Block, BlockHeader
from coworker_pipelines.segments.manifest import WriteMode
from coworker_pipelines.services.address import ElasticsearchAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    scope: Scope
    admin: Elasticsearch
    client: Elasticsearch
    endpoint: Endpoint
    reader: DocumentsReader
    activities: ActivitiesStore

    def writer(self, alias: str) -> DocumentsWriter:
        return DocumentsWriter(self.endpoint, alias)

    def put(self, stream: str, documents: Sequence[StoredDocument]) -> None:
        """Store documents as a sync would have."""
        writer = self.writer(names.documents_alias(self.scope, stream))
        for start in range(0, len(documents), 1_000):
            part = documents[start : start + 1_000]
            body = b"".join(_operation(document) for document in part)
            header = BlockHeader(operations=len(part), raw_bytes=len(body), stored_bytes=len(body))
            (outcome,) = writer.write([Block(header=header, body=body)], WriteMode.VERSIONED)
            assert not outcome.rejected


@contextmanager
def opened(address: ElasticsearchAddress, scope: Scope, streams: Sequence[str]) -> Iterator[Opened]:
    admin = open_client(address)
    for stream in streams:
        create_documents_index(admin, scope, stream, replicas=0)
    create_activities_index(admin, scope, ACTIVITY_PROPERTIES, replicas=0)
    own = replace(address, user=None, password=None, api_key=mint_key(admin, scope).value)
    client, endpoint = open_client(own), Endpoint(own)
    writer = DocumentsWriter(endpoint, names.activities_alias(scope))
    try:
        yield Opened(
            scope=scope,
            admin=admin,
            client=client,
            endpoint=endpoint,
            reader=DocumentsReader(client, scope),
            activities=ActivitiesStore(client, writer, scope),
        )
    finally:
        endpoint.close()
        client.close()
        revoke_keys(admin, scope)
        delete_connection_indices(admin, scope)
        admin.close()


def _operation(document: StoredDocument) -> bytes:
    content = {
        name: value
        for name in StoredDocument.__dataclass_fields__
        if (value := getattr(document, name)) is not None
    }
    target: dict[str, object] = {"_id": document.key}
    if document.version is not None:
        target |= {"version": document.version, "version_type": "external"}
    return orjson.dumps({"index": target}) + b"\n" + orjson.dumps(content) + b"\n"
