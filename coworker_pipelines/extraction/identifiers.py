"""Pseudonyms of people: identifiers, normalised and keyed.

A subject key is the first 32 hexadecimal digits of HMAC-SHA256, under the tenant's key, of
``kind:normalised value``, or of ``kind:namespace:normalised value`` where the value names somebody
at one place alone. Without the key nobody can compute it from an address or find an address for
it; with it, the same person is found in every connection of the tenant.
"""

import hmac
import re
from typing import Final
from unicodedata import normalize as normalise_unicode

from coworker_pipelines.extraction.addresses import normalise_address
from coworker_pipelines.sdk.stream import IdentifierKind

SUBJECT_KEY_LENGTH: Final = 32
NAMESPACED: Final = frozenset({IdentifierKind.LOGIN, IdentifierKind.USER_ID})
"""42 at GitHub and 42 in a shop's table are two people."""


def subject_key_of(
    kind: IdentifierKind, value: object, key: bytes, *, namespace: str = ""
) -> str | None:
    """The pseudonym of an identifier; ``None`` where there is nothing to identify anybody by.

    ``namespace`` is the stream's; only what names somebody at one place alone needs it.
    """
    text = normalise(kind, value)
    if not text:
        return None
    if kind in NAMESPACED:
        assert namespace, "a login or a user id names nobody without the place that gave it"
        text = f"{namespace}:{text}"
    return hmac.digest(key, f"{kind}:{text}".encode(), "sha256").hex()[:SUBJECT_KEY_LENGTH]


def normalise(kind: IdentifierKind, value: object) -> str:
    """One text for all spellings of an identifier; empty where there is none."""
    if value is None or isinstance(value, (bool, list, dict)):
        return ""
    text = str(value).strip()
    match kind:
        case IdentifierKind.EMAIL:
            return normalise_address(text)
        case IdentifierKind.LOGIN:
            return _folded(text)
        case IdentifierKind.PHONE:
            return _phone(text)
        case IdentifierKind.USER_ID:
            return text
        case IdentifierKind.NAME:
            return " ".join(_folded(text).split())


def _folded(text: str) -> str:
    """One text for what differs in case or in how its accents are composed.

    Source: The Unicode Standard, section 3.13, D145 (canonical caseless matching).
    """
    if text.isascii():
        return text.lower()
    return normalise_unicode("NFC", normalise_unicode("NFD", text).casefold())


def _phone(text: str) -> str:
    text = normalise_unicode("NFKC", text)
    digits = re.sub(r"\D", "", text)
    if not (text.startswith("+") or digits.startswith("00")):
        return digits
    # In "+49 (0) 30" the bracket holds what is dialled inside the country alone.
    digits = re.sub(r"\D", "", re.sub(r"\(\s*0\s*\)", "", text)).lstrip("0")
    return f"+{digits}" if digits else ""
