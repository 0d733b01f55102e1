"""Segments in a local folder, each connection's in one of its own."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from coworker_pipelines.kernel.durability import sync_folder
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.segments.paths import checked_path
from coworker_pipelines.segments.store import SegmentStore

_UNFINISHED: Final = ".unfinished-"
"""Begins the name of a file that is being written; no path can begin like this."""
_FOLDER_MODE: Final = 0o700


class LocalSegmentStore(SegmentStore):
    """``folder`` is the connection's own; it is made, closed to other users, when needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        target = self._folder / checked_path(path)
        with _translated():
            target.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=target.parent)
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                with _translated():
                    stream.flush()
                    os.fsync(stream.fileno())
            with _translated():
                unfinished.replace(target)
                sync_folder(target.parent)
        finally:
            unfinished.unlink(missing_ok=True)

    @contextmanager
    def read(self, path: str) -> Iterator[BinaryIO]:
        with (self._folder / checked_path(path)).open("rb") as stream:
            yield stream

    def delete(self, path: str) -> None:
        (self._folder / checked_path(path)).unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[str]:
        """Paths below a folder, sorted; what a crash left unfinished is removed on the way.

        The caller holds the connection's lock, so nobody is writing.
        """
        found = []
        for file in (self._folder / checked_path(prefix)).rglob("*"):
            if file.name.startswith(_UNFINISHED):
                file.unlink(missing_ok=True)
            elif file.is_file():
                found.append(file.relative_to(self._folder).as_posix())
        return iter(sorted(found))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RetryLaterError(f"A segment cannot be written: {error.strerror}.") from error
