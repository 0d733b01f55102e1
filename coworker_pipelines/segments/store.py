"""The port behind which segments and manifests rest."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO


class SegmentStore(ABC):
    """Objects by path, below one connection's prefix: nothing outside can be named.

    A path is relative, of safe characters, and never climbs. An object exists whole or not
    at all: a crash in the middle of a write leaves nothing under its path.
    """

    @abstractmethod
    def write(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A stream to write to; the object is there, durably, when the block ends without error."""

    @abstractmethod
    def read(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A stream over an object.

        Raises:
            FileNotFoundError: there is none.
        """

    @abstractmethod
    def delete(self, path: str) -> None:
        """After this there is no such object, whether there was one or not."""

    @abstractmethod
    def list(self, prefix: str) -> Iterator[str]:
        """Paths below a folder, sorted."""
