"""Writing a value's bytes: base64 and its kin, hexadecimal, the percent signs of URLs."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import quote

Spell = Callable[[str], Iterable[str | bytes]]
"""All the ways in which one encoding writes a value, without quotes around it."""

SAFE_SETS: Final = (
    "",  # what a query's value wants
    "/",  # Python's quote
    "!~*'()",  # JavaScript's encodeURIComponent
    ";/?:@&=+$,#!~*'()",  # JavaScript's encodeURI
    "!$&'()*+,;=",  # user and password of a URL, RFC 3986
    "!$&'()*+,;=:@/",  # a path's segments
    "!$&'()*+,;=:@/?",  # a query as a whole
    "!#$%&'()*+,/:;=?@[]~",  # requests' requoting of a URL
)
_ESCAPE: Final = re.compile(r"%[0-9A-F]{2}")
_LINES: Final = (64, 76)
_LINE_BYTES_MIN: Final = 16
_JSON_DEPTH: Final = 3
"""JSON in JSON in JSON: as deep as Dagster keeps what a run says."""
_SEPARATORS: Final = (":", " ", ", 0x")


def utf_8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def latin_1(value: str) -> Iterator[bytes]:
    if not value.isascii():
        try:
            single = value.encode("latin-1")
        except UnicodeEncodeError:
            return
        yield single
        yield from aligned_base64(single)


def utf_16(value: str) -> Iterator[str | bytes]:
    for order in ("utf-16-le", "utf-16-be"):
        # Without the zero byte at the outer end, which a neighbour may have taken.
        yield value.encode(order, "surrogatepass").strip(b"\0")
        if not value.isascii():
            yield from _taken_for_utf_8(value.encode(order, "surrogatepass"))


def _taken_for_utf_8(content: bytes) -> Iterator[str]:
    """Read as what it is not, as the output of another program is, and kept as text or as JSON.

    What is lost on the way are the letters that are not ASCII; the others still say the value.
    """
    text = content.decode("utf-8", "replace").replace("\0", "")
    yield text
    for _ in range(_JSON_DEPTH):
        text = json.dumps(text)[1:-1]
        yield text


def hex_case(value: str) -> Iterator[str]:
    if re.fullmatch(r"[0-9a-fA-F:-]+", value):
        yield from (value.lower(), value.upper())


def aligned_base64(content: bytes, alphabet: bytes = b"+/") -> Iterator[bytes]:
    """What is certain to stand in base64 of any text that the content is a part of.

    A character of base64 holds six bits: those at either end, which a neighbour shares, are left
    out. The whole is given as well, padded, because nothing of it may stay.
    """
    yield base64.b64encode(content, alphabet)
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + content, alphabet)
        yield encoded[-(-before * 8 // 6) : (before + len(content)) * 8 // 6]


def base64_lines(value: str) -> Iterator[bytes]:
    encoded = base64.b64encode(utf_8(value))
    for length in _LINES:
        lines = [encoded[start : start + length] for start in range(0, len(encoded), length)]
        yield from (line for line in lines if len(line) >= _LINE_BYTES_MIN)


def base64_in_url(value: str) -> Iterator[str]:
    for encoded in aligned_base64(utf_8(value)):
        yield from both_cases(quote(encoded, safe=""))


def base64_utf_16(value: str) -> Iterator[bytes]:
    yield from aligned_base64(value.encode("utf-16-le", "surrogatepass"))


def plain_hex(value: str) -> Iterator[str]:
    yield from (utf_8(value).hex(), utf_8(value).hex().upper())


def hex_separated(value: str) -> Iterator[str]:
    pairs = [f"{byte:02x}" for byte in utf_8(value)]
    for separator in _SEPARATORS:
        yield separator.join(pairs)
        yield separator.join(pair.upper() for pair in pairs)


def each_byte(*forms: str) -> Spell:
    return lambda value: (
        "".join(form.format(byte=byte) for byte in utf_8(value)) for form in forms
    )


def each_character(*forms: str) -> Spell:
    return lambda value: (
        "".join(form.format(code=ord(character)) for character in value) for form in forms
    )


def both_cases(encoded: str) -> Iterator[str]:
    yield encoded
    yield _ESCAPE.sub(lambda found: found[0].lower(), encoded)


def url_component(value: str) -> Iterator[str]:
    for safe in SAFE_SETS:
        yield from both_cases(quote(utf_8(value), safe=safe))


def url_twice(value: str) -> Iterator[str]:
    for once in url_component(value):
        yield quote(once, safe="")
