"""A segment that is being filled."""

from collections import deque
from concurrent.futures import Executor, Future, wait
from typing import BinaryIO, Final, Self

import zstandard

from coworker_pipelines.extraction.prepare import Operation
from coworker_pipelines.segments.block import BLOCK_BYTES_MAX, BLOCK_OPERATIONS_MAX, write_block

BLOCKS_WAITING_MAX: Final = 2
"""Blocks that are in memory while one is compressed; then preparing waits."""


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
        self._lines: list[bytes] = []
        self._line_bytes = 0
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
        return self._ended_bytes + self._line_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            # Nobody may write to the target once it is given up.
            wait(self._waiting)
            return
        if self._lines:
            self._end_block()
        self._collect(0)

    def add(self, operation: Operation) -> None:
        if self._compared:
            self._keys.append(operation.key)
            self._hashes.append(operation.content_hash)
        self.documents += 1
        self._append(operation.lines)

    def delete(self, line: bytes) -> None:
        self.deletions += 1
        self._append(line)

    def _append(self, lines: bytes) -> None:
        self._lines.append(lines)
        self._line_bytes += len(lines)
        if len(self._lines) == BLOCK_OPERATIONS_MAX or self._line_bytes >= BLOCK_BYTES_MAX:
            self._end_block()

    def _end_block(self) -> None:
        self._collect(BLOCKS_WAITING_MAX - 1)
        self._waiting.append(
            self._worker.submit(
                write_block,
                self._target,
                b"".join(self._lines),
                operations=len(self._lines),
                compressor=self._compressor,
                keys=tuple(self._keys),
                content_hashes=tuple(self._hashes),
            )
        )
        self.blocks += 1
        self._ended_bytes += self._line_bytes
        self._lines.clear()
        self._keys.clear()
        self._hashes.clear()
        self._line_bytes = 0

    def _collect(self, waiting_max: int) -> None:
        while len(self._waiting) > waiting_max:
            self.stored_bytes += self._waiting.popleft().result()
