"""Pseudonyms of people: identifiers, normalised and keyed.

A subject key is the first 32 hexadecimal digits of HMAC-SHA256, under the tenant's key, of
``kind:normalised value``. Without the key nobody can compute it from an address or find an
address for it; with it, the same person is found in every connection of the tenant.
"""

import hmac
import re
from collections.abc import Iterator
from typing import Final

from coworker_pipelines.sdk.stream import IdentifierKind

SUBJECT_KEY_LENGTH: Final = 32
LOCAL_PART_MAX: Final = 64
"""Octets before the @ (RFC 5321, section 4.5.3.1.1)."""

_IN_LOCAL_PART: Final = bytes(
    1 if chr(byte).isalnum() or chr(byte) in "!#$%&'*+-/=?^_`{|}~." or byte >= 0x80 else 0  # noqa: PLR2004 - the first byte beyond ASCII
    for byte in range(256)
)
_DOMAIN: Final = re.compile(
    rb"(?:[a-z0-9\x80-\xff](?:[a-z0-9\x80-\xff-]{0,61}[a-z0-9\x80-\xff])?\.)+[a-z\x80-\xff][a-z0-9\x80-\xff-]{0,61}[a-z0-9\x80-\xff]",
    re.IGNORECASE,
)
_UNICODE_ESCAPE_LENGTH: Final = 5


def subject_key_of(kind: IdentifierKind, value: object, key: bytes) -> str | None:
    """The pseudonym of an identifier; ``None`` where there is nothing to identify anybody by."""
    text = normalise(kind, value)
    if not text:
        return None
    return hmac.digest(key, f"{kind}:{text}".encode(), "sha256").hex()[:SUBJECT_KEY_LENGTH]


def normalise(kind: IdentifierKind, value: object) -> str:
    """One text for all spellings of an identifier; empty where there is none."""
    if value is None or isinstance(value, (bool, list, dict)):
        return ""
    text = str(value).strip()
    match kind:
        case IdentifierKind.EMAIL | IdentifierKind.LOGIN:
            return text.casefold()
        case IdentifierKind.PHONE:
            digits = re.sub(r"\D", "", text)
            international = text.startswith("+") or digits.startswith("00")
            return f"+{digits.removeprefix('00')}" if international else digits
        case IdentifierKind.USER_ID:
            return text
        case IdentifierKind.NAME:
            return " ".join(text.casefold().split())


def addresses_in(payload: bytes) -> Iterator[str]:
    """Every e-mail address in a JSON text, in order of appearance, as it is written there."""
    position = payload.find(b"@")
    while position >= 0:
        domain = _DOMAIN.match(payload, position + 1)
        if domain is not None:
            local = _local_part(payload, position)
            if local:
                yield (local + b"@" + domain[0]).decode("utf-8", "ignore")
        position = payload.find(b"@", position + 1)


def _local_part(payload: bytes, end: int) -> bytes:
    before = payload[max(0, end - LOCAL_PART_MAX) : end]
    start = before.translate(_IN_LOCAL_PART).rfind(b"\0") + 1
    local = before[start:]
    offset = end - len(local)
    if _is_escaped(payload, offset):
        # ``\nann@...``: the letter belongs to the escape, not to the address.
        local = local[_UNICODE_ESCAPE_LENGTH if local[:1] == b"u" else 1 :]
    return local.strip(b".")


def _is_escaped(payload: bytes, offset: int) -> bool:
    backslashes = 0
    while payload[offset - 1 - backslashes : offset - backslashes] == b"\\":
        backslashes += 1
    return backslashes % 2 == 1
