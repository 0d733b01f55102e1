"""Ed25519: the key that signs receipts, and the public ones that show that it did."""

import re
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.secrets.key_file import read_key_file

_BLOCK: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----")


class SigningKey:
    """Who holds it can make receipts."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a file of 32 bytes; made when there is none.

        Raises:
            RefusedError: the file is open to others, or holds no key.
        """
        return cls(read_key_file(path))

    @property
    def name(self) -> str:
        return _name(self._key.public_key())

    def sign(self, content: bytes) -> bytes:
        return self._key.sign(content)

    def public_pem(self) -> bytes:
        """The public key, as other programs read it too."""
        return public_pem(self.name)


class PublicKeys:
    """One or several, by their names: a key that was replaced still shows what it signed.

    A key's name is the key itself, its 32 bytes as hexadecimal digits.
    """

    def __init__(self, keys: tuple[Ed25519PublicKey, ...]) -> None:
        self._keys = {_name(key): key for key in keys}

    @classmethod
    def of(cls, pem: bytes) -> Self:
        """From PEM blocks, one behind the other.

        Raises:
            TenantActionError: there is no Ed25519 key in it.
        """
        try:
            found = [load_pem_public_key(block) for block in _BLOCK.findall(pem)]
        except (ValueError, UnsupportedAlgorithm) as error:
            raise TenantActionError("The file of the public key cannot be read as PEM.") from error
        keys = tuple(key for key in found if isinstance(key, Ed25519PublicKey))
        if not keys:
            raise TenantActionError("The file holds no Ed25519 public key in PEM.")
        return cls(keys)

    def verify(self, content: bytes, signature: bytes, name: str) -> None:
        """Return if the key of that name signed the content.

        Raises:
            RefusedError: it did not, or there is none of that name.
        """
        key = self._keys.get(name)
        if key is None:
            raise RefusedError("was signed with another key than the one given")
        try:
            key.verify(signature, content)
        except InvalidSignature as error:
            raise RefusedError("has a signature that does not fit: it was changed") from error


def public_pem(name: str) -> bytes:
    """The public key of that name, as PEM."""
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(name))
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _name(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
