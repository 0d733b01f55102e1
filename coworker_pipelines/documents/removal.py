"""Removing documents by key or by query, without a script on the cluster."""

from collections.abc import Iterable

from elasticsearch import Elasticsearch

from coworker_pipelines.documents.reader import Query, ids, refresh
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.segments.block import blocks_of, delete_line
from coworker_pipelines.segments.manifest import WriteMode


def delete_keys(writer: DocumentsWriter, keys: Iterable[str]) -> int:
    """After this none of the keys is there; how many of them were."""
    blocks = blocks_of(map(delete_line, keys))
    return sum(outcome.deleted for outcome in writer.write(blocks, WriteMode.VERSIONED))


def delete_matching(
    client: Elasticsearch, writer: DocumentsWriter, alias: str, query: Query
) -> int:
    """After this nothing that was written before matches; how many did."""
    refresh(client, alias)
    return delete_keys(writer, ids(client, alias, query))
