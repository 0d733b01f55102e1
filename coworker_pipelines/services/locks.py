"""One process at a time."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.services.files import make_folder

_POLL_S = 0.1


@contextmanager
def file_lock(path: Path, *, wait_s: float) -> Iterator[None]:
    """Holds the lock of a file; the kernel gives it back when the process ends, however it ends.

    Raises:
        RetryLaterError: another process held it for the whole of ``wait_s``.
        TenantActionError: we may not write there.
    """
    deadline = time.monotonic() + wait_s
    with _opened(path) as file:
        while not _taken(file.fileno()):
            if time.monotonic() >= deadline:
                raise RetryLaterError(f"Another process is at work and holds {path}.")
            time.sleep(_POLL_S)
        yield


def _opened(path: Path) -> TextIO:
    try:
        make_folder(path.parent)
        return path.open("w", encoding="utf-8")
    except PermissionError as error:
        raise TenantActionError(
            f"{path.parent} belongs to another user: run as that one."
        ) from error


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
