"""Segments in memory: the fake that is held to the contract of the real stores."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from coworker_pipelines.segments.paths import checked_path
from coworker_pipelines.segments.store import SegmentStore


class MemorySegmentStore(SegmentStore):
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    @contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        checked_path(path)
        target = io.BytesIO()
        yield target
        self.objects[path] = target.getvalue()

    @contextmanager
    def read(self, path: str) -> Iterator[BinaryIO]:
        content = self.objects.get(checked_path(path))
        if content is None:
            raise FileNotFoundError(path)
        yield io.BytesIO(content)

    def delete(self, path: str) -> None:
        self.objects.pop(checked_path(path), None)

    def list(self, prefix: str) -> Iterator[str]:
        folder = f"{checked_path(prefix)}/"
        return iter(sorted(path for path in self.objects if path.startswith(folder)))
