"""The segment's format: blocks that are bulk requests.

A segment is a sequence of blocks. A block is a 4-byte big-endian length, a JSON header of
that length (``BlockHeader``), and one zstd frame of ``stored_bytes`` bytes that unpacks to
``raw_bytes`` bytes of newline-delimited JSON: an action line, and for an ``index`` action its
document's line, for each operation, in order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import orjson
import zstandard

from coworker_pipelines.kernel.errors import DefectError

BLOCK_OPERATIONS_MAX = 4_000
"""As much for documents of 1 kB as the bytes are for large ones: with half as many a document cost
the node and us a sixteenth more processor time (measured)."""
BLOCK_BYTES_MAX = 8 * 2**20
"""A block is closed once it holds this many raw bytes. With documents of 10 kB, half of it costs
the node a twelfth more processor time, and twice of it saves nothing (measured)."""
COMPRESSION_LEVEL = 1
_LENGTH_BYTES = 4
_DAMAGED = "A block of a segment is damaged."


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHeader:
    """What is known of a block without unpacking it.

    ``keys`` and ``content_hashes`` are parallel, one for each document, and filled only
    where the write mode is ``compared``.
    """

    operations: int
    raw_bytes: int
    stored_bytes: int
    keys: tuple[str, ...] = ()
    content_hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One bulk request: ``body`` is sent as it is."""

    header: BlockHeader
    body: bytes


def delete_line(key: str) -> bytes:
    """The operation that removes a document."""
    return b'{"delete":{"_id":%b}}\n' % orjson.dumps(key)


def blocks_of(operations: Iterable[bytes]) -> Iterator[Block]:
    """Blocks of operations, in order; each is an action's line and what belongs to it."""
    body = bytearray()
    count = 0
    for operation in operations:
        body += operation
        count += 1
        if count == BLOCK_OPERATIONS_MAX or len(body) >= BLOCK_BYTES_MAX:
            yield _block(bytes(body), count)
            body.clear()
            count = 0
    if count:
        yield _block(bytes(body), count)


def _block(body: bytes, operations: int) -> Block:
    header = BlockHeader(operations=operations, raw_bytes=len(body), stored_bytes=len(body))
    return Block(header=header, body=body)


def write_block(
    target: BinaryIO,
    body: bytes,
    *,
    operations: int,
    compressor: zstandard.ZstdCompressor,
    keys: tuple[str, ...] = (),
    content_hashes: tuple[str, ...] = (),
) -> int:
    """Append a block; return the bytes written."""
    packed = compressor.compress(body)
    header = orjson.dumps(
        BlockHeader(
            operations=operations,
            raw_bytes=len(body),
            stored_bytes=len(packed),
            keys=keys,
            content_hashes=content_hashes,
        )
    )
    target.write(len(header).to_bytes(_LENGTH_BYTES) + header)
    target.write(packed)
    return _LENGTH_BYTES + len(header) + len(packed)


def read_blocks(source: BinaryIO) -> Iterator[Block]:
    """The blocks of a segment, one in memory at a time.

    Raises:
        DefectError: the segment ends in the middle of a block, or a block is damaged.
    """
    decompressor = zstandard.ZstdDecompressor()
    while beginning := source.read(1):
        length = beginning + _exactly(source, _LENGTH_BYTES - 1)
        header = _header(_exactly(source, int.from_bytes(length)))
        yield Block(header=header, body=_body(source, header, decompressor))


def _header(text: bytes) -> BlockHeader:
    try:
        content = orjson.loads(text)
        return BlockHeader(
            **{
                **content,
                "keys": tuple(content["keys"]),
                "content_hashes": tuple(content["content_hashes"]),
            }
        )
    except (ValueError, TypeError, KeyError) as error:
        raise DefectError(_DAMAGED) from error


def _body(source: BinaryIO, header: BlockHeader, decompressor: zstandard.ZstdDecompressor) -> bytes:
    packed = _exactly(source, header.stored_bytes)
    try:
        body = decompressor.decompress(packed, max_output_size=header.raw_bytes)
    except zstandard.ZstdError as error:
        raise DefectError(_DAMAGED) from error
    if len(body) != header.raw_bytes:
        raise DefectError(_DAMAGED)
    return body


def _exactly(source: BinaryIO, count: int) -> bytes:
    content = source.read(count)
    if len(content) != count:
        raise DefectError("A segment ends in the middle of a block.")
    return content
