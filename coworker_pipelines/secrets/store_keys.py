"""Where the key of the file store rests."""

import stat
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.secrets.cipher import KEY_BYTES
from coworker_pipelines.secrets.closed_files import make_closed_folder, read_closed, write_whole

KEYS_MAX: Final = 2
"""The new one, and while entries are moved to it, the old one."""
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH

Keys = tuple[bytes, ...]
"""The key that is written with, and behind it one that some entries may still need."""


class KeyPlace(ABC):
    """Holds the keys of one store. ``str`` of it says to people where that is."""

    @abstractmethod
    def load(self) -> Keys:
        """The keys; none, where there was never one.

        Raises:
            RefusedError: what is there is open to others, or is no key.
        """

    @abstractmethod
    def save(self, keys: Keys) -> None:
        """The place holds these keys, durably, and no others."""


class KeyFile(KeyPlace):
    """A file of mode 0600 in a folder that nobody else may write to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return f"key file {self._path}"

    def load(self) -> Keys:
        if not self._path.exists():
            return ()
        content = read_closed(self._path)
        folder = self._path.parent
        # Whoever may write there can put another file in the key's place.
        if folder.stat().st_mode & _OTHERS_WRITE:
            raise RefusedError(f"{folder} may be written to by others: chmod go-w it.")
        return split_keys(content, of=self)

    def save(self, keys: Keys) -> None:
        make_closed_folder(self._path.parent)
        write_whole(self._path, b"".join(keys))


def split_keys(content: bytes, *, of: KeyPlace) -> Keys:
    """Keys that were stored one behind the other."""
    count, rest = divmod(len(content), KEY_BYTES)
    if rest or not 1 <= count <= KEYS_MAX:
        raise RefusedError(f"The {of} does not hold {KEY_BYTES} bytes.")
    return tuple(content[start : start + KEY_BYTES] for start in range(0, len(content), KEY_BYTES))
