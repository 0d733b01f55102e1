"""The encrypted file store of one machine."""

import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.cipher import KEY_BYTES, Cipher
from coworker_pipelines.secrets.store import SecretStore, checked_reference, missing

_SUFFIX: Final = ".secret"
_UNFINISHED: Final = ".unfinished"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class FileSecretStore(SecretStore):
    """One encrypted file for each reference, and the key in a file of its own.

    Files have mode 0600 in folders of 0700; the key is made on first use. A file that was
    changed, or put in another's place, is refused. Several processes may share a store.
    """

    def __init__(self, folder: Path, key_file: Path) -> None:
        self._folder = folder
        _make_folder(folder)
        _refuse_open(folder)
        with _locked(folder):
            if not key_file.exists():
                self._refuse_lost_key(key_file)
                _make_folder(key_file.parent)
                _write_whole(key_file, os.urandom(KEY_BYTES))
        _refuse_open(key_file)
        key = key_file.read_bytes()
        if len(key) != KEY_BYTES:
            raise RefusedError(f"The key file {key_file} does not hold {KEY_BYTES} bytes.")
        self._cipher = Cipher(key)

    def put(self, reference: str, values: Mapping[str, Secret]) -> None:
        path = self._path(reference)
        content = orjson.dumps({name: value.get_secret_value() for name, value in values.items()})
        message = self._cipher.encrypt(content, context=reference.encode())
        with _locked(self._folder):
            for folder in reversed(path.relative_to(self._folder).parents):
                _make_folder(self._folder / folder)
            _write_whole(path, message)

    def get(self, reference: str) -> dict[str, Secret]:
        try:
            message = self._path(reference).read_bytes()
        except FileNotFoundError:
            raise missing(reference) from None
        content = orjson.loads(self._cipher.decrypt(message, context=reference.encode()))
        return {name: Secret(value) for name, value in content.items()}

    def delete(self, reference: str) -> None:
        path = self._path(reference)
        with _locked(self._folder):
            if path.parent.is_dir():
                # What a killed writer left of it goes as well.
                _unfinished(path).unlink(missing_ok=True)
                path.unlink(missing_ok=True)
                _sync_folder(path.parent)

    def references(self) -> Iterator[str]:
        paths = self._folder.rglob(f"*{_SUFFIX}")
        yield from sorted(
            path.relative_to(self._folder).as_posix().removesuffix(_SUFFIX) for path in paths
        )

    def _path(self, reference: str) -> Path:
        return self._folder / f"{checked_reference(reference)}{_SUFFIX}"

    def _refuse_lost_key(self, key_file: Path) -> None:
        if next(self.references(), None) is not None:
            raise RefusedError(
                f"There are secrets, but their key file {key_file} is gone: put it back."
            )


def _write_whole(path: Path, content: bytes) -> None:
    """The file holds all of the content, durably, or is as it was; called under the lock."""
    beside = _unfinished(path)
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    beside.replace(path)
    _sync_folder(path.parent)


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + _UNFINISHED)


def _make_folder(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True, mode=0o700)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_open(path: Path) -> None:
    if path.stat().st_mode & _OTHERS:
        raise RefusedError(
            f"{path} is open to others: chmod {'700' if path.is_dir() else '600'} it."
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
