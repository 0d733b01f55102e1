"""Leaving out what is stored already: content hashes, compared before anything is sent."""

from collections.abc import Mapping, Sequence

import orjson

from coworker_pipelines.documents.bulk import Batch
from coworker_pipelines.documents.endpoint import Endpoint
from coworker_pipelines.segments.block import BlockHeader


def content_hashes(endpoint: Endpoint, alias: str, keys: Sequence[str]) -> dict[str, str]:
    """Hashes of those of the keys that are stored, as of the last refresh.

    Both come from doc values, and no stored field is opened: three times as fast as asking for
    ``_id``, and six times as fast as ``_mget`` (measured on 1 kB documents, 2,000 at a time).
    """
    query = {
        "size": len(keys),
        "query": {"ids": {"values": keys}},
        "docvalue_fields": ["key", "content_hash"],
        "stored_fields": "_none_",
        "_source": False,
        "track_total_hits": False,
        "sort": ["_doc"],
    }
    wanted = "filter_path=hits.hits.fields&allow_partial_search_results=false"
    answer = endpoint.post(f"/{alias}/_search?{wanted}", orjson.dumps(query))
    hits = answer.json().get("hits", {}).get("hits", ())
    return {hit["fields"]["key"][0]: hit["fields"]["content_hash"][0] for hit in hits}


def changed_only(batch: Batch, header: BlockHeader, stored: Mapping[str, str]) -> Batch:
    """The batch without documents whose stored hash is equal; deletes stay, in their place."""
    documents = zip(header.keys, header.content_hashes, strict=True)
    if stored.items().isdisjoint(pairs := list(documents)):
        return batch
    if len(pairs) == batch.operations and stored.items() >= set(pairs):
        return Batch(b"", 0)
    remaining = iter(pairs)
    return batch.select(
        position
        for position, (_, document) in enumerate(batch.lines)
        if not document or not _is_stored(stored, *next(remaining))
    )


def _is_stored(stored: Mapping[str, str], key: str, content_hash: str) -> bool:
    return stored.get(key) == content_hash
