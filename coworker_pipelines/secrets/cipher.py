"""Authenticated encryption: AES-256-GCM, a fresh nonce for each message."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coworker_pipelines.kernel.errors import RefusedError

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_FORMAT: Final = b"\x01"


class Cipher:
    """One key. ``context`` says what a message is, so that none can stand in for another.

    A key is good for 2^32 messages (NIST SP 800-38D, section 8.3: random nonces of 96 bits).
    """

    def __init__(self, key: bytes) -> None:
        assert len(key) == KEY_BYTES
        self._cipher = AESGCM(key)

    def encrypt(self, content: bytes, *, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, content, _FORMAT + context)

    def decrypt(self, message: bytes, *, context: bytes) -> bytes:
        """What was encrypted.

        Raises:
            RefusedError: the message was changed, or is another key's or another context's.
        """
        form, nonce, sealed = (
            message[:1],
            message[1 : 1 + _NONCE_BYTES],
            message[1 + _NONCE_BYTES :],
        )
        try:
            return self._cipher.decrypt(nonce, sealed, form + context)
        except (InvalidTag, ValueError) as error:
            raise RefusedError("An encrypted value was changed or belongs elsewhere.") from error
