"""What ties a receipt to a person without naming them.

The person gets the salt, once. With it they can show that a receipt is about them; without it
nobody can try addresses against the receipt.
"""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

from coworker_pipelines.privacy.receipts.canonical import canonical

SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Commitment:
    """``digest`` stands in the receipt; ``salt`` is given to the requester and kept nowhere."""

    digest: str
    salt: str


def commit(identifiers: Iterable[str]) -> Commitment:
    """To all of the identifiers together, in whatever order."""
    salt = secrets.token_hex(SALT_BYTES)
    return Commitment(digest=_digest(identifiers, salt), salt=salt)


def is_about(identifiers: Iterable[str], salt: str, digest: str) -> bool:
    """Whether the digest is the one that these identifiers and this salt make."""
    try:
        made = _digest(identifiers, salt.strip())
    except ValueError:
        return False
    return hmac.compare_digest(made, digest)


def _digest(identifiers: Iterable[str], salt: str) -> str:
    said = sorted({normalize("NFC", one.strip()).casefold() for one in identifiers} - {""})
    content = canonical({"identifiers": said})
    return hmac.digest(bytes.fromhex(salt), content, "sha256").hex()
