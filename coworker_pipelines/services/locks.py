"""One process at a time."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coworker_pipelines.kernel.errors import RetryLaterError

_POLL_S = 0.1


@contextmanager
def file_lock(path: Path, *, wait_s: float) -> Iterator[None]:
    """Holds the lock of a file; the kernel gives it back when the process ends, however it ends.

    Raises:
        RetryLaterError: another process held it for the whole of ``wait_s``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_s
    with path.open("w") as file:
        while not _taken(file.fileno()):
            if time.monotonic() >= deadline:
                raise RetryLaterError(f"Another process is at work and holds {path}.")
            time.sleep(_POLL_S)
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
