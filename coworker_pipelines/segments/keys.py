"""The keys that a segment showed: sorted, one a line, in one zstd frame; their number at the end.

Read as a stream and merged, they are all keys of a snapshot in order, in flat memory.

Decided: the number stands at the end because a frame that was cut unpacks without an error, and
a key that is missing here is a document that gets removed.
"""

import io
from collections.abc import Collection, Iterator
from typing import BinaryIO

import orjson
import zstandard

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.segments.block import COMPRESSION_LEVEL


def write_keys(target: BinaryIO, keys: Collection[str]) -> None:
    """Keys in Python's order of texts, which is that of their UTF-8 bytes, Elasticsearch's."""
    compressor = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL)
    with compressor.stream_writer(target, closefd=False) as packed:
        for key in sorted(keys):
            packed.write(orjson.dumps(key) + b"\n")
        packed.write(b"%d\n" % len(keys))


def read_keys(source: BinaryIO) -> Iterator[str]:
    """What ``write_keys`` wrote, one key in memory at a time.

    Raises:
        DefectError: some keys are missing; it comes behind those that are there.
    """
    count = 0
    with zstandard.ZstdDecompressor().stream_reader(source, closefd=False) as unpacked:
        for line in io.BufferedReader(unpacked):
            if not line.startswith(b'"'):
                if line == b"%d\n" % count:
                    return
                break
            if not line.endswith(b"\n"):
                break
            yield orjson.loads(line)
            count += 1
    raise DefectError("Keys that a segment showed are missing.")
