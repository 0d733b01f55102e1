"""The encrypted file store of one machine."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import orjson

from coworker_pipelines.kernel.durability import sync_folder
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.cipher import KEY_BYTES, Cipher
from coworker_pipelines.secrets.closed_files import (
    UNFINISHED,
    make_closed_folder,
    read_closed,
    refuse_open,
    unfinished,
    write_whole,
)
from coworker_pipelines.secrets.store import (
    SecretStore,
    checked_reference,
    checked_values,
    missing,
)
from coworker_pipelines.secrets.store_keys import KeyPlace

_SUFFIX: Final = ".secret"


class FileSecretStore(SecretStore):
    """One encrypted file for each reference; the key is elsewhere, and made on first use.

    Files have mode 0600 in folders of 0700. A file that was changed, put in another's place, or
    opened to others, is refused. Several processes may share a store, and see it re-keyed.
    """

    def __init__(self, folder: Path, place: KeyPlace) -> None:
        self._folder = folder
        self._place = place
        make_closed_folder(folder)
        refuse_open(folder)
        with _locked(folder):
            if not place.load():
                if next(self.references(), None) is not None:
                    raise self._lost_key()
                place.save((os.urandom(KEY_BYTES),))
        self._ciphers = self._load()

    def put(self, reference: str, values: Mapping[str, Secret]) -> None:
        path = self._path(reference)
        checked = checked_values(values)
        content = orjson.dumps({name: value.get_secret_value() for name, value in checked.items()})
        with _locked(self._folder):
            # Another process may have re-keyed the store since this one looked.
            self._ciphers = self._load()
            for folder in reversed(path.relative_to(self._folder).parents):
                make_closed_folder(self._folder / folder)
            write_whole(path, self._ciphers[0].encrypt(content, context=reference.encode()))

    def get(self, reference: str) -> dict[str, Secret]:
        content = orjson.loads(self._content(reference))
        return {name: Secret(value) for name, value in content.items()}

    def delete(self, reference: str) -> None:
        path = self._path(reference)
        with _locked(self._folder):
            if path.parent.is_dir():
                # What a killed writer left of it goes as well.
                unfinished(path).unlink(missing_ok=True)
                path.unlink(missing_ok=True)
                sync_folder(path.parent)
                self._remove_empty(path.parent)

    def _remove_empty(self, folder: Path) -> None:
        """A folder is named for a tenant, and stays no longer than what is in it."""
        while folder != self._folder and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent
            sync_folder(folder)

    def references(self) -> Iterator[str]:
        paths = self._folder.rglob(f"*{_SUFFIX}")
        yield from sorted(
            path.relative_to(self._folder).as_posix().removesuffix(_SUFFIX) for path in paths
        )

    def rekey(self) -> int:
        """How many entries are now encrypted under a new key; the old key is gone.

        Every entry can be read at any moment in between, by every process, and after a crash: the
        old key stays beside the new one until the last entry is written. A re-keying that was cut
        off is taken up with the key that it had begun with.

        Raises:
            RefusedError: an entry was changed by somebody else; both keys stay.
        """
        with _locked(self._folder):
            keys = self._place.load()
            fresh = keys[0] if len(keys) > 1 else os.urandom(KEY_BYTES)
            self._place.save((fresh, keys[-1]))
            self._ciphers = self._load()
            count = 0
            for count, reference in enumerate(self.references(), start=1):  # noqa: B007
                message = self._ciphers[0].encrypt(
                    self._content(reference), context=reference.encode()
                )
                write_whole(self._path(reference), message)
            for left in self._folder.rglob(f"*{UNFINISHED}"):
                left.unlink()
            self._place.save((fresh,))
            self._ciphers = self._load()
        return count

    def _content(self, reference: str) -> bytes:
        try:
            message = read_closed(self._path(reference))
        except FileNotFoundError:
            raise missing(reference) from None
        try:
            return self._decrypted(message, reference)
        except RefusedError:
            # Another process may have re-keyed the store since this one looked.
            self._ciphers = self._load()
            return self._decrypted(message, reference)

    def _decrypted(self, message: bytes, reference: str) -> bytes:
        *earlier, last = self._ciphers
        for cipher in earlier:
            with suppress(RefusedError):
                return cipher.decrypt(message, context=reference.encode())
        return last.decrypt(message, context=reference.encode())

    def _load(self) -> list[Cipher]:
        keys = self._place.load()
        if not keys:
            raise self._lost_key()
        return [Cipher(key) for key in keys]

    def _path(self, reference: str) -> Path:
        return self._folder / f"{checked_reference(reference)}{_SUFFIX}"

    def _lost_key(self) -> RefusedError:
        return RefusedError(f"There are secrets, but their {self._place} is gone: put it back.")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
