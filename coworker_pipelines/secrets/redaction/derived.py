"""What a value gives away besides itself: the parts of it that are secrets of their own."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final
from urllib.parse import unquote, unquote_plus, urlsplit

from coworker_pipelines.secrets.redaction.byte_spellings import aligned_base64
from coworker_pipelines.secrets.redaction.encodings import (
    BLOCKS,
    RUNNING,
    Encoding,
    spellings,
)

VALUE_CHARACTERS_MIN: Final = 8
"""Shorter ones are refused where they are given: masked, they would take ordinary words along."""
PIECE_BYTES: Final = 96
"""A spelling of twice that or more is looked for in pieces of that or more."""
PART_CHARACTERS: Final = 48
"""So is a value, before it is spelled: its parts look the same in most encodings."""
PART_CHARACTERS_MIN: Final = 16
"""A line or a leaf that is shorter would mask ordinary words. As it stands, a value is looked for
in parts of that length as well: what shortens texts leaves some of them whole."""

_SENSITIVE: Final = r"password|passwd|passphrase|pwd|secret|token|signature|sig|private|key"
_SENSITIVE_NAME: Final = re.compile(rf"(?i)(?:{_SENSITIVE})(?:_?id)?$")
_ASSIGNMENT: Final = re.compile(
    rf"(?i)(?:^|[?&;\s])[\w.-]*(?:{_SENSITIVE})\s*=\s*(?:'([^']+)'|\"([^\"]+)\"|([^&;\s#]+))"
)
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2}){16,}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{22,}={0,2}")
_ESCAPE_DEPTHS: Final = (1, 2, 4, 8, 16)
"""Backslashes before a line's end, in JSON in JSON and so on."""
_BORDER: Final = "-----"
_COMMON_START: Final = re.compile(rb"^(?:[\r\n]|-----[A-Z ]{1,60}-----)+")


def patterns_of(value: str) -> frozenset[bytes]:
    """Every text that shows the value, or a part of it that is a secret of its own."""
    found: set[bytes] = set()
    for whole in {value, value.strip(), *_credentials(value)}:
        if len(whole.strip()) >= VALUE_CHARACTERS_MIN:
            found |= spellings(whole, BLOCKS)
            found |= _decoded(whole)
            # What an object has of secrets are its leaves; the rest are names and addresses.
            running = (Encoding.PLAIN, Encoding.JSON) if _is_object(whole) else RUNNING
            for part in _parts(whole):
                found |= spellings(part, running)
                if not _is_object(whole) and "://" not in whole:
                    found |= {
                        text.encode("utf-8", "surrogatepass")
                        for text in _cut(part, PART_CHARACTERS_MIN)
                    }
    return frozenset(piece for spelling in found for piece in _pieces(spelling))


def _credentials(value: str) -> Iterator[str]:
    """Passwords, tokens and keys that stand inside: in a URL, an assignment or a JSON object."""
    yield from _of_url(value)
    for match in _ASSIGNMENT.finditer(value):
        found = next(filter(None, match.groups()))
        yield from (found, unquote_plus(found))
    if _is_object(value):
        try:
            content = json.loads(value)
        except ValueError:
            return
        yield from _of_json(content, "")


def _of_url(value: str) -> Iterator[str]:
    if "://" not in value:
        return
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        return
    userinfo, at, _ = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    if at:
        yield from (userinfo, unquote(userinfo), password, unquote(password))
        if not password:
            yield from (user, unquote(user))


def _of_json(content: Any, name: str) -> Iterator[str]:
    match content:
        case dict():
            for key, inner in content.items():
                yield from _of_json(inner, str(key))
        case list():
            for inner in content:
                yield from _of_json(inner, name)
        case str() if _SENSITIVE_NAME.search(name):
            yield content
            yield from _of_url(content)


def _decoded(value: str) -> set[bytes]:
    """What a value that is itself hex or base64 says: bytes of a key, a name and its secret."""
    if _HEX.fullmatch(value):
        content = bytes.fromhex(value)
    elif _BASE64.fullmatch(value):
        try:
            padded = value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4)
            content = base64.b64decode(padded, altchars=b"-_" if set("-_") & set(value) else b"+/")
        except (binascii.Error, ValueError):
            return set()
    else:
        return set()
    found = {*aligned_base64(content), *aligned_base64(content, b"-_"), content}
    found |= {content.hex().encode(), content.hex().upper().encode(), repr(content)[2:-1].encode()}
    if content.isascii() and b":" in content:
        _, _, secret = content.partition(b":")
        found |= spellings(secret.decode()) if len(secret) >= PART_CHARACTERS_MIN else set()
    return found


def _is_object(value: str) -> bool:
    return value.lstrip()[:1] in {"{", "["}


def _parts(value: str) -> Iterator[str]:
    """The value, if it is short; and its lines, or parts of equal length where these are long."""
    if len(value) < 2 * PART_CHARACTERS:
        yield value
    elif _is_object(value) or len(value.splitlines()) == 1:
        yield from _cut(value, PART_CHARACTERS)
    if not _is_object(value):
        for line in _lines(value):
            yield from _cut(line, PART_CHARACTERS)


def _lines(value: str) -> Iterator[str]:
    """The lines of several; one that is short by itself together with the line before it."""
    lines = value.splitlines()
    if len(lines) > 1:
        for before, line in pairwise(("", *map(str.strip, lines))):
            if not line.startswith(_BORDER):
                if len(line) >= PART_CHARACTERS_MIN:
                    yield line
                elif line and len(before) >= PART_CHARACTERS_MIN:
                    yield f"{before}\n{line}"
                    yield from (before + "\\" * depth + "n" + line for depth in _ESCAPE_DEPTHS)


def _cut(text: str, least: int) -> Iterator[str]:
    """Parts of equal length, of ``least`` and less than twice that; the text if it is shorter."""
    count = max(1, len(text) // least)
    borders = [len(text) * number // count for number in range(count + 1)]
    yield from (text[start:end] for start, end in pairwise(borders))


def _pieces(spelling: bytes) -> Iterator[bytes]:
    """The spelling, or its parts of equal length if it is long; what is too short is nothing.

    None begins with a line's end, which a stream would hold back line by line, nor with the
    border of a key file, which everybody's looks the same.
    """
    count = max(1, len(spelling) // PIECE_BYTES)
    borders = [len(spelling) * number // count for number in range(count + 1)]
    for start, end in pairwise(borders):
        piece = _COMMON_START.sub(b"", spelling[start:end])
        if len(piece) >= VALUE_CHARACTERS_MIN:
            yield piece
