"""Folders that others may enter, and files that they may not read."""

import os
import secrets
from pathlib import Path
from typing import Final

_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o600


def make_folder(path: Path) -> Path:
    """A folder that others may enter, like those above it that were missing too.

    What must be closed in it is closed by itself. A folder that is there is left as it is.
    """
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(_FOLDER_MODE)
    return path


def write_private(path: Path, content: bytes) -> None:
    """The file holds the content, whole, and was at no moment readable by others."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def is_open_to_others(descriptor: int) -> bool:
    """Whether an open file has more rights than its owner's to read and write."""
    return bool(os.fstat(descriptor).st_mode & 0o777 & ~_FILE_MODE)
