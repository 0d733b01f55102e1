"""The encrypted file store of one machine."""

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson
from pydantic import SecretStr

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.secrets.cipher import KEY_BYTES, Cipher
from coworker_pipelines.secrets.store import SecretStore, checked_reference, missing

_SUFFIX = ".secret"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class FileSecretStore(SecretStore):
    """One encrypted file for each reference, and the key in a file of its own.

    Files have mode 0600 in folders of 0700; the key is made on first use. A file that was
    changed, or put in another's place, is refused.
    """

    def __init__(self, folder: Path, key_file: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _refuse_open(folder)
        with _locked(folder):
            if not key_file.exists():
                _write_whole(key_file, os.urandom(KEY_BYTES))
        _refuse_open(key_file)
        key = key_file.read_bytes()
        if len(key) != KEY_BYTES:
            raise RefusedError(f"The key file {key_file.name} does not hold {KEY_BYTES} bytes.")
        self._cipher = Cipher(key)

    def put(self, reference: str, values: Mapping[str, SecretStr]) -> None:
        content = orjson.dumps({name: value.get_secret_value() for name, value in values.items()})
        _write_whole(
            self._path(reference), self._cipher.encrypt(content, context=reference.encode())
        )

    def get(self, reference: str) -> dict[str, SecretStr]:
        try:
            message = self._path(reference).read_bytes()
        except FileNotFoundError:
            raise missing(reference) from None
        content = orjson.loads(self._cipher.decrypt(message, context=reference.encode()))
        return {name: SecretStr(value) for name, value in content.items()}

    def delete(self, reference: str) -> None:
        self._path(reference).unlink(missing_ok=True)

    def references(self) -> Iterator[str]:
        for path in sorted(self._folder.rglob(f"*{_SUFFIX}")):
            yield path.relative_to(self._folder).as_posix().removesuffix(_SUFFIX)

    def _path(self, reference: str) -> Path:
        return self._folder / f"{checked_reference(reference)}{_SUFFIX}"


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _refuse_open(path: Path) -> None:
    if path.stat().st_mode & _OTHERS:
        raise RefusedError(
            f"{path.name} can be read by others: chmod {'700' if path.is_dir() else '600'} it."
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
