"""Files that hold one key each: the master key of all tenants, the key that signs receipts."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.durability import sync_folder
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.secrets.cipher import KEY_BYTES
from coworker_pipelines.secrets.closed_files import write_whole
from coworker_pipelines.secrets.keys import MasterKey

_FORBIDDEN: Final = stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP
"""A group may read: where a Secret is mounted for a user who is not root, that is how."""


def read_master_key(path: Path) -> MasterKey:
    """The key that the file holds, as ``read_key_file`` reads it."""
    return MasterKey(read_key_file(path))


def read_key_file(path: Path) -> bytes:
    """The key that the file holds; made when there is no file, by whoever comes first.

    Raises:
        RefusedError: the file is open to others, or holds no key.
    """
    if not path.exists():
        _make(path)
    if path.stat().st_mode & _FORBIDDEN:
        raise RefusedError(f"{path} is open to others: chmod 600 it.")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise RefusedError(f"The key file {path} does not hold {KEY_BYTES} bytes.")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_whole(beside, os.urandom(KEY_BYTES))
    try:
        # A link fails where the name is taken, so of two that make a key at once one wins.
        path.hardlink_to(beside)
    except FileExistsError:
        return
    finally:
        beside.unlink()
        sync_folder(path.parent)
