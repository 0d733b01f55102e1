"""The keys that a segment showed: sorted, one a line, in one zstd frame.

Read as a stream and merged, they are all keys of a snapshot in order, in flat memory.
"""

import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import orjson
import zstandard

from coworker_pipelines.segments.block import COMPRESSION_LEVEL


def write_keys(target: BinaryIO, keys: Iterable[str]) -> None:
    """Keys in Python's order of texts, which is that of their UTF-8 bytes, Elasticsearch's."""
    compressor = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL)
    with compressor.stream_writer(target, closefd=False) as packed:
        for key in sorted(keys):
            packed.write(orjson.dumps(key) + b"\n")


def read_keys(source: BinaryIO) -> Iterator[str]:
    """What ``write_keys`` wrote, one key in memory at a time."""
    with zstandard.ZstdDecompressor().stream_reader(source, closefd=False) as unpacked:
        for line in io.BufferedReader(unpacked):
            yield orjson.loads(line)
