"""Leaving out what is stored already: content hashes, compared before anything is sent."""

from typing import Final

import orjson

from coworker_pipelines.documents.bulk import split_operations
from coworker_pipelines.documents.endpoint import Answer, Endpoint
from coworker_pipelines.segments.block import Block

OK: Final = 200
_WANTED = "hits.hits._id,hits.hits.fields.content_hash"


def without_unchanged(endpoint: Endpoint, alias: str, block: Block) -> tuple[bytes, int] | Answer:
    """The block's body without documents whose stored hash is equal, and how many those were.

    An ``Answer`` comes back instead where the cluster gave none that can be used. Deletes and
    documents without a stored hash stay.
    """
    keys = block.header.keys
    query = orjson.dumps(
        {
            "size": len(keys),
            "_source": False,
            "docvalue_fields": ["content_hash"],
            "query": {"ids": {"values": keys}},
            "track_total_hits": False,
            "sort": ["_doc"],
        }
    )
    answer = endpoint.post(f"/{alias}/_search?filter_path={_WANTED}", query)
    if answer.status != OK:
        return answer
    hits = answer.json().get("hits", {}).get("hits", ())
    stored = {hit["_id"]: hit["fields"]["content_hash"][0] for hit in hits}
    if not stored:
        return block.body, 0
    changed = [
        position
        for position, (key, content_hash) in enumerate(
            zip(keys, block.header.content_hashes, strict=True)
        )
        if stored.get(key) != content_hash
    ]
    if len(changed) == len(keys):
        return block.body, 0
    operations = split_operations(block.body)
    deletes = range(len(keys), len(operations))
    return operations.join((*changed, *deletes)), len(keys) - len(changed)
