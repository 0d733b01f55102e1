"""Files and folders that are their owner's alone, written whole or not at all."""

import os
import stat
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.durability import sync_folder
from coworker_pipelines.kernel.errors import RefusedError

UNFINISHED: Final = ".unfinished"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def refuse_open(path: Path) -> None:
    """Returns if the file or folder is ours and gives no rights to anybody else.

    Raises:
        RefusedError: it does; the sentence says how to close it.
    """
    facts = path.stat()
    if facts.st_uid not in {0, os.geteuid()}:
        raise RefusedError(f"{path} belongs to another user: work as that one.")
    if facts.st_mode & _OTHERS:
        raise RefusedError(
            f"{path} is open to others: chmod {'700' if path.is_dir() else '600'} it."
        )


def read_closed(path: Path) -> bytes:
    """The content of a file that nobody else has rights to.

    Raises:
        RefusedError: somebody has.
    """
    refuse_open(path)
    return path.read_bytes()


def write_whole(path: Path, content: bytes) -> None:
    """The file holds all of the content, durably, or is as it was.

    Writers of one file come one after the other; what a killed one left is written over.
    """
    beside = unfinished(path)
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def unfinished(path: Path) -> Path:
    """What a file is called while it is written."""
    return path.with_name(path.name + UNFINISHED)


def make_closed_folder(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True, mode=0o700)
