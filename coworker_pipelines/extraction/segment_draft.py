"""A segment that is being filled."""

from typing import BinaryIO

import zstandard

from coworker_pipelines.extraction.prepare import Operation
from coworker_pipelines.segments.block import BLOCK_BYTES_MAX, BLOCK_OPERATIONS_MAX, write_block


class SegmentDraft:
    """Packs operations into blocks of ``target``, in order.

    ``compared``: whether blocks tell their keys and hashes, for the comparison before writing.
    """

    def __init__(
        self, target: BinaryIO, compressor: zstandard.ZstdCompressor, *, compared: bool
    ) -> None:
        self._target = target
        self._compressor = compressor
        self._compared = compared
        self._lines: list[bytes] = []
        self._line_bytes = 0
        self._keys: list[str] = []
        self._hashes: list[str] = []
        self.blocks = 0
        self.documents = 0
        self.deletions = 0
        self.stored_bytes = 0
        self._written_bytes = 0

    @property
    def raw_bytes(self) -> int:
        """Of all that was added, whether its block is written or not."""
        return self._written_bytes + self._line_bytes

    def add(self, operation: Operation) -> None:
        if self._compared:
            self._keys.append(operation.key)
            self._hashes.append(operation.content_hash)
        self.documents += 1
        self._append(operation.lines)

    def delete(self, line: bytes) -> None:
        self.deletions += 1
        self._append(line)

    def close(self) -> None:
        """After this all that was added is in ``target``."""
        if self._lines:
            self._write_block()

    def _append(self, lines: bytes) -> None:
        self._lines.append(lines)
        self._line_bytes += len(lines)
        if len(self._lines) == BLOCK_OPERATIONS_MAX or self._line_bytes >= BLOCK_BYTES_MAX:
            self._write_block()

    def _write_block(self) -> None:
        self.blocks += 1
        self._written_bytes += self._line_bytes
        self.stored_bytes += write_block(
            self._target,
            b"".join(self._lines),
            operations=len(self._lines),
            compressor=self._compressor,
            keys=tuple(self._keys),
            content_hashes=tuple(self._hashes),
        )
        self._lines.clear()
        self._keys.clear()
        self._hashes.clear()
        self._line_bytes = 0
