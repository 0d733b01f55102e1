"""Removing documents by key or by query, without a script on the cluster."""

from collections.abc import Iterable, Iterator
from itertools import islice

import orjson
from elasticsearch import Elasticsearch

from coworker_pipelines.documents.reader import Query, ids, refresh
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.segments.block import BLOCK_OPERATIONS_MAX, Block, BlockHeader
from coworker_pipelines.segments.manifest import WriteMode


def delete_keys(writer: DocumentsWriter, keys: Iterable[str]) -> int:
    """After this none of the keys is there; how many of them were."""
    return sum(outcome.deleted for outcome in writer.write(_blocks(keys), WriteMode.VERSIONED))


def delete_matching(
    client: Elasticsearch, writer: DocumentsWriter, alias: str, query: Query
) -> int:
    """After this nothing that was written before matches; how many did."""
    refresh(client, alias)
    return delete_keys(writer, ids(client, alias, query))


def _blocks(keys: Iterable[str]) -> Iterator[Block]:
    remaining = iter(keys)
    while batch := list(islice(remaining, BLOCK_OPERATIONS_MAX)):
        body = b"".join(orjson.dumps({"delete": {"_id": key}}) + b"\n" for key in batch)
        header = BlockHeader(operations=len(batch), raw_bytes=len(body), stored_bytes=len(body))
        yield Block(header=header, body=body)
