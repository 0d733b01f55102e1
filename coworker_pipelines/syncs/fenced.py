"""Segments behind the same fence as documents.

An index that is gone takes nothing in, but a folder or a bucket does. So whoever writes there asks
before and after whether the connection is still in his epoch, and takes back what came too late.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO

from coworker_pipelines.connections.stream_states import fence
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import CoworkerError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.segments.store import SegmentStore


class FencedSegmentStore(SegmentStore):
    """``scope`` is the writer's; once its epoch is over, nothing is written any more.

    Raises (from ``write``): ``RefusedError`` where the connection was deleted or started anew.
    """

    def __init__(self, segments: SegmentStore, database: Database, scope: Scope) -> None:
        self._segments = segments
        self._database = database
        self._scope = scope

    @contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        self._require_epoch()
        with self._segments.write(path) as stream:
            yield stream
        try:
            self._require_epoch()
        except CoworkerError:
            self._segments.delete(path)
            raise

    def read(self, path: str) -> AbstractContextManager[BinaryIO]:
        return self._segments.read(path)

    def delete(self, path: str) -> None:
        self._segments.delete(path)

    def list(self, prefix: str) -> Iterator[str]:
        return self._segments.list(prefix)

    def _require_epoch(self) -> None:
        with self._database.tenant(self._scope.tenant) as session:
            fence(session, self._scope)
