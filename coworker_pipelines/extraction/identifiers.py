"""Pseudonyms of people: identifiers, normalised and keyed.

A subject key is the first 32 hexadecimal digits of HMAC-SHA256, under the tenant's key, of
``kind:normalised value``, or of ``kind:namespace:normalised value`` where the value names somebody
at one place alone. Without the key nobody can compute it from an address or find an address for
it; with it, the same person is found in every connection of the tenant.
"""

import hmac
import re
from collections.abc import Iterable, Iterator
from typing import Final
from unicodedata import category, east_asian_width
from unicodedata import normalize as normalise_unicode

from coworker_pipelines.sdk.stream import IdentifierKind

SUBJECT_KEY_LENGTH: Final = 32
NAMESPACED: Final = frozenset({IdentifierKind.LOGIN, IdentifierKind.USER_ID})
"""42 at GitHub and 42 in a shop's table are two people."""
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
        case IdentifierKind.EMAIL | IdentifierKind.LOGIN:
            return _folded(text)
        case IdentifierKind.PHONE:
            return _phone(text)
        case IdentifierKind.USER_ID:
            return text
        case IdentifierKind.NAME:
            return " ".join(_folded(text).split())


def addresses_in(payload: bytes) -> Iterator[str]:
    """Every e-mail address in a JSON text, in order of appearance, as it is written there."""
    position = payload.find(b"@")
    while position >= 0:
        domain = _DOMAIN.match(payload, position + 1)
        if domain is not None:
            local = _local_part(payload, position)
            if local.isascii() and domain[0].isascii():
                address: str | None = (local + b"@" + domain[0]).decode()
            else:
                address = _cut_free(local, domain[0])
            if local and address:
                yield address
        position = payload.find(b"@", position + 1)


def _folded(text: str) -> str:
    """One text for what differs in case or in how its accents are composed.

    Source: The Unicode Standard, section 3.13, D145 (canonical caseless matching).
    """
    if text.isascii():
        return text.lower()
    return normalise_unicode("NFC", normalise_unicode("NFD", text).casefold())


def _phone(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    if not (text.startswith("+") or digits.startswith("00")):
        return digits
    # In "+49 (0) 30" the bracket holds what is dialled inside the country alone.
    digits = re.sub(r"\D", "", re.sub(r"\(\s*0\s*\)", "", text)).lstrip("0")
    return f"+{digits}" if digits else ""


def _local_part(payload: bytes, end: int) -> bytes:
    before = payload[max(0, end - LOCAL_PART_MAX) : end]
    start = before.translate(_IN_LOCAL_PART).rfind(b"\0") + 1
    local = before[start:]
    offset = end - len(local)
    if _is_escaped(payload, offset):
        # ``\nann@...``: the letter belongs to the escape, not to the address.
        local = local[_UNICODE_ESCAPE_LENGTH if local[:1] == b"u" else 1 :]
    return local.strip(b".")


def _cut_free(local: bytes, domain: bytes) -> str | None:
    """The address among bytes that are not all ASCII: these may be letters of it, or the text's.

    A quotation mark, a dash or a space of Unicode ends it, and so does a change between
    ideographs and other letters, as addresses stand in Chinese or Japanese text without a space.
    """
    own = "".join(_up_to_border(reversed(local.decode("utf-8", "ignore"))))[::-1].strip(".")
    match = _DOMAIN.match("".join(_up_to_border(domain.decode("utf-8", "ignore"))).encode())
    return f"{own}@{match[0].decode('utf-8', 'ignore')}" if own and match else None


def _up_to_border(text: Iterable[str]) -> Iterator[str]:
    last = ""
    for character in text:
        if not character.isascii() and category(character)[0] not in "LMN":
            return
        if last.isalnum() and character.isalnum() and _is_wide(last) != _is_wide(character):
            return
        yield character
        last = character


def _is_wide(character: str) -> bool:
    return east_asian_width(character) in {"W", "F"}


def _is_escaped(payload: bytes, offset: int) -> bool:
    backslashes = 0
    while payload[offset - 1 - backslashes : offset - backslashes] == b"\\":
        backslashes += 1
    return backslashes % 2 == 1
