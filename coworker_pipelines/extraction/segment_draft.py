"""A segment that is being filled."""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future, wait
from itertools import accumulate
from typing import BinaryIO, Final, Self

import zstandard

from coworker_pipelines.extraction.prepare import LINE_END, Documents
from coworker_pipelines.segments.block import BLOCK_BYTES_MAX, BLOCK_OPERATIONS_MAX, write_block

BLOCKS_WAITING_MAX: Final = 2
"""Blocks that are in memory while one is compressed; then preparing waits."""
_PARTS: Final = 3
"""What a document's lines consist of: its head, its payload, and the line's end."""


class SegmentDraft:
    """Packs operations into blocks of ``target``, in order; all are there when its block ends.

    ``worker`` has one thread: it compresses and writes while the next operations are prepared.
    ``compared``: whether blocks tell their keys and hashes, for the comparison before writing.
    """

    def __init__(
        self,
        target: BinaryIO,
        compressor: zstandard.ZstdCompressor,
        worker: Executor,
        *,
        compared: bool,
    ) -> None:
        self._target = target
        self._compressor = compressor
        self._worker = worker
        self._compared = compared
        self._parts: list[bytes] = []
        self._operations = 0
        self._block_bytes = 0
        self._keys: list[str] = []
        self._hashes: list[str] = []
        self._waiting: deque[Future[int]] = deque()
        self.blocks = 0
        self.documents = 0
        self.deletions = 0
        self.stored_bytes = 0
        """Of the blocks that were written so far."""
        self._ended_bytes = 0

    @property
    def raw_bytes(self) -> int:
        """Of all that was added, whether its block is written or not."""
        return self._ended_bytes + self._block_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            # Nobody may write to the target once it is given up.
            wait(self._waiting)
            return
        if self._parts:
            self._end_block()
        self._collect(0)

    def add(self, documents: Documents) -> None:
        """As many at once as go into the block."""
        sizes = _sizes(documents)
        ends = list(accumulate(sizes))
        start, behind = 0, 0
        while start < len(ends):
            room = BLOCK_BYTES_MAX - self._block_bytes
            filling = bisect_left(ends, behind + room, lo=start) + 1
            stop = min(filling, start + BLOCK_OPERATIONS_MAX - self._operations, len(ends))
            self._add(documents, slice(start, stop))
            self._count(stop - start, ends[stop - 1] - behind)
            start, behind = stop, ends[stop - 1]
        self.documents += len(ends)

    def delete(self, line: bytes) -> None:
        self.deletions += 1
        self._parts.append(line)
        self._count(1, len(line))

    def _add(self, documents: Documents, chosen: slice) -> None:
        heads = documents.heads[chosen]
        parts = [LINE_END] * (_PARTS * len(heads))
        parts[::_PARTS] = heads
        parts[1::_PARTS] = documents.payloads[chosen]
        self._parts += parts
        if self._compared:
            self._keys += documents.keys[chosen]
            self._hashes += documents.content_hashes[chosen]

    def _count(self, operations: int, size: int) -> None:
        self._operations += operations
        self._block_bytes += size
        if self._operations == BLOCK_OPERATIONS_MAX or self._block_bytes >= BLOCK_BYTES_MAX:
            self._end_block()

    def _end_block(self) -> None:
        self._collect(BLOCKS_WAITING_MAX - 1)
        self._waiting.append(
            self._worker.submit(
                write_block,
                self._target,
                b"".join(self._parts),
                operations=self._operations,
                compressor=self._compressor,
                keys=tuple(self._keys),
                content_hashes=tuple(self._hashes),
            )
        )
        self.blocks += 1
        self._ended_bytes += self._block_bytes
        self._parts.clear()
        self._keys.clear()
        self._hashes.clear()
        self._operations = 0
        self._block_bytes = 0

    def _collect(self, waiting_max: int) -> None:
        while len(self._waiting) > waiting_max:
            self.stored_bytes += self._waiting.popleft().result()


def _sizes(documents: Documents) -> Sequence[int]:
    lengths = zip(map(len, documents.heads), map(len, documents.payloads), strict=True)
    return [head + payload + len(LINE_END) for head, payload in lengths]
