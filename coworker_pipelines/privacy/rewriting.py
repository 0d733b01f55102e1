"""Documents, written again without some of their fields."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from coworker_pipelines.documents import names
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.extraction.payload import canonical_payload, content_hash_of
from coworker_pipelines.extraction.subjects import subject_keys_of
from coworker_pipelines.kernel.errors import DefectError, RetryLaterError
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.sdk.stream import Stream
from coworker_pipelines.segments.block import blocks_of
from coworker_pipelines.segments.manifest import WriteMode

PASSES_MAX: Final = 3
"""The first removes, the second finds nothing, unless a dead run's last request came between."""


def remove_fields(holdings: Holdings, stream: Stream, fields: frozenset[str]) -> int:
    """After this no stored document of the stream has any of the fields; how many had.

    Key, version, time and window stay; hash and subject keys are those of what is left, so
    that the next sync finds the documents as it would have written them itself.

    Raises:
        RetryLaterError: documents with the field keep coming.
    """
    writer = holdings.writer(names.documents_alias(holdings.scope, stream.name))
    rewritten = 0
    for _ in range(PASSES_MAX):
        found = _rewrite(holdings, stream, fields, writer)
        if not found:
            return rewritten
        rewritten += found
    raise RetryLaterError(f"Documents of {stream.name} are being written; try again later.")


def _rewrite(
    holdings: Holdings, stream: Stream, fields: frozenset[str], writer: DocumentsWriter
) -> int:
    written = 0
    blocks = blocks_of(_operations(holdings, stream, fields))
    for outcome in writer.write(blocks, WriteMode.REWRITE):
        if outcome.rejected:
            raise DefectError(
                f"Elasticsearch refused a rewritten document: {outcome.rejected[0].detail}."
            )
        written += outcome.indexed + outcome.unchanged
    return written


def _operations(holdings: Holdings, stream: Stream, fields: frozenset[str]) -> Iterator[bytes]:
    for page in holdings.reader.scan(stream.name):
        for document in page:
            if not fields.isdisjoint(document.payload):
                yield _operation(document, stream, fields, holdings.subject_key)


def _operation(
    document: StoredDocument, stream: Stream, fields: frozenset[str], subject_key: bytes
) -> bytes:
    left = {name: value for name, value in document.payload.items() if name not in fields}
    payload = canonical_payload(left)
    people = subject_keys_of(stream, left, payload, subject_key)
    present = rewritten(document, payload, people)
    return orjson.dumps({"index": _target(document)}) + b"\n" + orjson.dumps(present) + b"\n"


def rewritten(document: StoredDocument, payload: bytes, people: Sequence[str]) -> dict[str, Any]:
    """The document with another canonical payload, as a sync would have written that itself."""
    envelope: dict[str, Any] = {
        "key": document.key,
        "version": document.version,
        "content_hash": content_hash_of(payload),
        "occurred_at": document.occurred_at,
        "extracted_at": document.extracted_at,
        "window": document.window,
        "sync": document.sync,
        "subject_keys": people,
        "payload": orjson.Fragment(payload),
    }
    return {name: value for name, value in envelope.items() if value is not None}


def _target(document: StoredDocument) -> dict[str, Any]:
    if document.version is None:
        return {"_id": document.key}
    return {
        "_id": document.key,
        "version": document.version,
        # The same version again: nothing newer is overwritten, and no version is used up.
        "version_type": "external_gte",
    }
