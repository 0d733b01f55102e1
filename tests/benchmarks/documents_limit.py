"""The node's limit, and what our writer makes of it: fresh indices, ready bytes on both sides."""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import perf_counter

from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.documents.endpoint import Endpoint
from coworker_pipelines.documents.indices import create_documents_index, delete_connection_indices
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.segments.block import (
    BLOCK_BYTES_MAX,
    BLOCK_OPERATIONS_MAX,
    Block,
    BlockHeader,
)
from coworker_pipelines.segments.manifest import WriteMode
from coworker_pipelines.services.address import ElasticsearchAddress

STREAM = "measured"
IN_FLIGHT = 3
AT_ONCE = 2_000
WORDS = 5_000
ENVELOPE_BYTES = 330
_OPERATION = (
    b'{"index":{"_id":"k%08d","version":1,"version_type":"external"}}\n'
    b'{"key":"k%08d","version":1,"content_hash":"%032x","occurred_at":"2026-01-01T00:00:00Z",'
    b'"extracted_at":"2026-02-01T00:00:00Z","window":"2026-01-01","sync":"y0123456789abcde",'
    b'"subject_keys":["%032x"],"payload":{"number":%d,"text":"%b"}}\n'
)
_PLAIN_ACTION = b'{"index":{"_id":"k'


def make_operations(count: int, document_bytes: int) -> list[bytes]:
    """Action and document of each; texts of random words, the same every time."""
    chance = random.Random(count)
    words = [chance.randbytes(chance.randint(2, 6)).hex() for _ in range(WORDS)]
    number_of_words = max(1, (document_bytes - ENVELOPE_BYTES) // 9)
    return [
        _OPERATION
        % (
            number,
            number,
            chance.getrandbits(128),
            number % 50,
            number,
            " ".join(chance.choices(words, k=number_of_words)).encode(),
        )
        for number in range(count)
    ]


def measure_limit(address: ElasticsearchAddress, operations: Sequence[bytes]) -> float:
    """Documents a second of a raw loop that looks at nothing but errors: the node's limit.

    The actions are plain ones, without versions: nothing that the node could be spared.
    """
    plain = [
        operation[: operation.index(b'"', len(_PLAIN_ACTION)) + 1]
        + b"}}"
        + operation[operation.index(b"\n") :]
        for operation in operations
    ]
    bodies = [b"".join(plain[start : start + AT_ONCE]) for start in range(0, len(plain), AT_ONCE)]
    with _fresh_alias(address) as (endpoint, alias):
        path = f"/{alias}/_bulk?filter_path=errors,took,items.*.error"

        def send(body: bytes) -> None:
            answer = endpoint.post(path, body, content_type="application/x-ndjson")
            assert answer.body.startswith(b'{"errors":false'), answer

        started = perf_counter()
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(send, bodies))
        return len(operations) / (perf_counter() - started)


def measure_writer(
    address: ElasticsearchAddress, operations: Sequence[bytes], *, again: bool = False
) -> float:
    """Documents a second of our writer; ``again``: those of the second, unchanged, time."""
    given = list(blocks_of_operations(operations))
    with _fresh_alias(address) as (endpoint, alias):
        writer = DocumentsWriter(endpoint, alias)
        for unchanged in (False, True) if again else (False,):
            started = perf_counter()
            outcomes = list(writer.write(given, WriteMode.VERSIONED))
            seconds = perf_counter() - started
            found = sum(entry.unchanged if unchanged else entry.indexed for entry in outcomes)
            assert found == len(operations)
        return len(operations) / seconds


def blocks_of_operations(operations: Sequence[bytes]) -> Iterator[Block]:
    """As extraction closes them: by operations or by bytes, whichever comes first."""
    body: list[bytes] = []
    size = 0
    for operation in operations:
        body.append(operation)
        size += len(operation)
        if len(body) == BLOCK_OPERATIONS_MAX or size >= BLOCK_BYTES_MAX:
            yield _block(body)
            body, size = [], 0
    if body:
        yield _block(body)


def _block(operations: Sequence[bytes]) -> Block:
    body = b"".join(operations)
    header = BlockHeader(operations=len(operations), raw_bytes=len(body), stored_bytes=0)
    return Block(header=header, body=body)


@contextmanager
def _fresh_alias(address: ElasticsearchAddress) -> Iterator[tuple[Endpoint, str]]:
    scope = Scope(tenant=new_id(IdPrefix.TENANT), connection=new_id(IdPrefix.CONNECTION), epoch=1)
    endpoint = Endpoint(address)
    with open_client(address) as admin:
        create_documents_index(admin, scope, STREAM, replicas=0)
        try:
            yield endpoint, names.documents_alias(scope, STREAM)
        finally:
            endpoint.close()
            delete_connection_indices(admin, scope)
