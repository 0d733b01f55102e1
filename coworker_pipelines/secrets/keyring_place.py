"""The key of the file store in the keyring of the system: GNOME's, KDE's, macOS', Windows'."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, KeyringLocked, NoKeyringError

from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.secrets.store_keys import KeyPlace, Keys, split_keys

SERVICE: Final = "coworker"


class KeyringPlace(KeyPlace):
    """An entry of the keyring, named for the store, so that several stores have one each."""

    def __init__(self, backend: KeyringBackend, store: str) -> None:
        self._backend = backend
        self._store = store

    def __str__(self) -> str:
        return f"keyring's entry {SERVICE} {self._store}"

    def load(self) -> Keys:
        with _translated():
            text = self._backend.get_password(SERVICE, self._store)
        if text is None:
            return ()
        try:
            content = b64decode(text, validate=True)
        except binascii.Error as error:
            raise RefusedError(f"The {self} holds no key.") from error
        return split_keys(content, of=self)

    def save(self, keys: Keys) -> None:
        with _translated():
            self._backend.set_password(SERVICE, self._store, b64encode(b"".join(keys)).decode())


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except NoKeyringError as error:
        raise TenantActionError(
            "This machine has no keyring that could hold the key: unset COWORKER_SECRETS_KEY to "
            "keep it in a file."
        ) from error
    except KeyringLocked as error:
        raise TenantActionError("The system's keyring is locked: unlock it.") from error
    except KeyringError as error:
        raise TenantActionError("The system's keyring gives nothing out and takes nothing.") from (
            error
        )
