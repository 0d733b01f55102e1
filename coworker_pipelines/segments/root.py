"""All connections' segments together: what a deletion clears, whole folders at a time."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from coworker_pipelines.kernel.durability import sync_folder
from coworker_pipelines.kernel.errors import DefectError, RetryLaterError
from coworker_pipelines.secrets.closed_files import make_closed_folder
from coworker_pipelines.segments.paths import checked_path


class SegmentRoot(ABC):
    """``parts`` name a tenant, one of its connections, or a stream of that: never everything."""

    @abstractmethod
    def count(self, parts: Sequence[str]) -> int:
        """Files below, whole or unfinished.

        Raises:
            RetryLaterError: they cannot be listed now.
        """

    @abstractmethod
    def delete(self, parts: Sequence[str]) -> int:
        """After this there is nothing below, whoever writes there; how many files there were."""


class LocalSegmentRoot(SegmentRoot):
    """The folder that holds a folder for each tenant."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def count(self, parts: Sequence[str]) -> int:
        folder = self._folder / joined(parts)
        try:
            # A folder that cannot be there is not an empty one.
            make_closed_folder(self._folder)
            return sum(1 for path in folder.rglob("*") if not path.is_dir())
        except OSError as error:
            raise RetryLaterError(f"Segments cannot be listed: {error.strerror}.") from error

    def delete(self, parts: Sequence[str]) -> int:
        folder = self._folder / joined(parts)
        found = self.count(parts)
        try:
            if folder.is_dir():
                shutil.rmtree(folder)
                sync_folder(folder.parent)
        except OSError as error:
            raise RetryLaterError(f"Segments cannot be deleted: {error.strerror}.") from error
        return found


def joined(parts: Sequence[str]) -> str:
    if not parts:
        raise DefectError("All segments of everybody were asked for.")
    return checked_path("/".join(parts))
