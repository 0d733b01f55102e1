"""E-mail addresses: where they stand in a JSON text, and one text for all spellings of each. Pure.

An address is found as people and programs write it: plain, in a URL, escaped once more inside a
text that is JSON itself, or in full-width letters.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from unicodedata import category, east_asian_width
from unicodedata import normalize as normalise_unicode
from urllib.parse import unquote

LOCAL_PART_MAX: Final = 64
"""Octets before the @ (RFC 5321, section 4.5.3.1.1)."""
ENCODED_MAX: Final = 9 * LOCAL_PART_MAX
"""The same where each octet is percent-encoded, twice."""
DOMAIN_MAX: Final = 255

_IN_LOCAL_PART: Final = bytes(
    1 if chr(byte).isalnum() or chr(byte) in "!#$%&'*+-/=?^_`{|}~." or byte >= 0x80 else 0  # noqa: PLR2004 - the first byte beyond ASCII
    for byte in range(256)
)
_SEPARATING: Final = bytes(0 if chr(byte) in "!#$%&*/=?^`{|}~" else 1 for byte in range(256))
"""May stand in an address, and is far more often what stands before one: ``?to=ann@...``."""
_DOMAIN: Final = re.compile(
    rb"(?:[a-z0-9\x80-\xff](?:[a-z0-9\x80-\xff-]{0,61}[a-z0-9\x80-\xff])?\.)+[a-z\x80-\xff][a-z0-9\x80-\xff-]{0,61}[a-z0-9\x80-\xff]",
    re.IGNORECASE,
)
_UNICODE_ESCAPE_LENGTH: Final = 5
_WIDE_AT: Final = "\uff20".encode()
_ENCODED_AT: Final = re.compile(
    rb"(?P<url>%(?:25)*40)|(?P<escape>\\+u0040)|(?P<wide>" + _WIDE_AT + rb")"
)
_ESCAPED_AT: Final = rb"\\u0040"
_PERCENT: Final = ord("%")
_BACKSLASH: Final = ord("\\")
_URL_LOCAL: Final = re.compile(
    rb"(?<!%)(?<!%[0-9a-f])(?<!%25)(?<!%25[0-9a-f])"
    rb"(?:[a-z0-9._'+\x80-\xff-]|%(?:25)*(?:2[7bde]|5f|[89a-f][0-9a-f]))+\Z",
    re.IGNORECASE,
)
_URL_DOMAIN: Final = re.compile(
    rb"(?:[a-z0-9.\x80-\xff-]|%(?:25)*(?:2[de]|[89a-f][0-9a-f]))+", re.IGNORECASE
)
_WIDE_LOCAL: Final = re.compile(r"[\w.'+\-\uff0e\uff0b\uff0d]+\Z")
_WIDE_DOMAIN: Final = re.compile(r"[\w.\-\uff0e\uff0d\u3002]+")
_ESCAPED_LOCAL: Final = re.compile(rb"[a-z0-9._'+\x80-\xff-]+\Z", re.IGNORECASE)
_IGNORING_DOTS: Final = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
"""Providers that say that dots make no difference, and under which name one mailbox is meant."""


class Found(NamedTuple):
    """``text`` is the address, freed of what encodes it; it stands at these bytes."""

    start: int
    end: int
    text: str


def addresses_in(payload: bytes) -> Iterator[str]:
    """Every e-mail address in a JSON text, and what else one may be meant by.

    ``?to=ann@acme.com`` is an address as a whole by the letter of the standard, and its end is
    one by all experience: both are told.
    """
    return (found.text for found in located_addresses(payload))


def located_addresses(payload: bytes) -> Iterator[Found]:
    """The same with their places; those that are encoded come last."""
    position = payload.find(b"@")
    while position >= 0:
        domain = _DOMAIN.match(payload, position + 1)
        if domain is not None:
            local = _local_part(payload, position)
            if local.isascii() and domain[0].isascii():
                yield from _plain(local, position, domain)
            else:
                yield from _cut_free(local, position, domain[0])
        position = payload.find(b"@", position + 1)
    if holds_encoded(payload):
        for at in _ENCODED_AT.finditer(payload):
            yield from _encoded(payload, at)


def holds_encoded(payload: bytes) -> bool:
    """Whether an @ may stand there in another form than as itself.

    Each is looked for in the way that is quickest: a single byte as its number, whether all is
    ASCII, and from behind, which skips by the length of what is looked for (measured on 700 bytes:
    a quarter of the time). Only a text that is JSON itself has the escape, so its backslash stands
    here twice.
    """
    return (
        (_PERCENT in payload and (b"%40" in payload or b"%25" in payload))
        or (_BACKSLASH in payload and payload.rfind(_ESCAPED_AT) >= 0)
        or not (payload.isascii() or _WIDE_AT not in payload)
    )


def normalise_address(text: str) -> str:
    """One text for all spellings of an address.

    Case, the form of its Unicode letters, tags behind a plus, a domain's two forms and dots where
    the provider ignores them make no difference; anything else does. A text that holds one
    address beside a name, or encoded, is that address.
    """
    local, at, domain = _alone(text).rpartition("@")
    if not at:
        return _folded(text)
    local, domain = _folded(local), _domain(domain)
    base = local.partition("+")[0] or local
    if domain in _IGNORING_DOTS:
        return f"{base.replace('.', '') or base}@{_IGNORING_DOTS[domain]}"
    return f"{base}@{domain}"


def _alone(text: str) -> str:
    """The only address in a field's text; the text itself where it is no more than one."""
    if "@" in text and not any(sign in text for sign in ' <>():"%&'):
        return text
    # The longest of what may be meant stands first, and the address that is meant at the end.
    spans: dict[int, str] = {}
    for found in located_addresses(text.encode("utf-8", "ignore")):
        spans[found.end] = found.text
    return next(iter(spans.values())) if len(spans) == 1 else text


def _folded(text: str) -> str:
    """Sources: The Unicode Standard, section 3.13, D145; RFC 8265, section 3.3 (width, case).

    Not ``casefold``: it makes one of *Straub* with a sharp s and *Straubss*, who are two people.
    """
    if text.isascii():
        return text.lower()
    lowered = normalise_unicode("NFKC", text).lower().replace("\u03c2", "\u03c3")
    return normalise_unicode("NFC", lowered)


def _domain(text: str) -> str:
    """In Unicode's letters. Sources: RFC 3492 (punycode); UTS 46, section 4 (full stops)."""
    folded = _folded(text).replace("\u3002", ".").rstrip(".")
    if "xn--" not in folded:
        return folded
    return _folded(".".join(map(_label, folded.split("."))))


def _label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[len("xn--") :].encode("ascii").decode("punycode")
    except UnicodeError:
        return label


def _plain(local: bytes, position: int, domain: re.Match[bytes]) -> Iterator[Found]:
    written = domain[0].decode()
    local = local.lstrip(b".")
    text = local.rstrip(b".").decode()
    if not text:
        return
    yield Found(position - len(local), domain.end(), f"{text}@{written}")
    start = _start_of_end(local)
    end = text[start:]
    if start and end:
        yield Found(position - len(local) + start, domain.end(), f"{end}@{written}")


def _start_of_end(local: bytes) -> int:
    """Where an address begins if what stands before it is none of its own."""
    if local.isalnum():
        return 0
    start = local.translate(_SEPARATING).rfind(b"\0") + 1
    if local[:start].endswith(b"%"):
        start += 2  # ``to%3Dann@...``: two digits belong to the sign
    while start < len(local) and local[start] in b"'.":
        start += 1
    return start


def _local_part(payload: bytes, end: int) -> bytes:
    before = payload[max(0, end - LOCAL_PART_MAX) : end]
    start = before.translate(_IN_LOCAL_PART).rfind(b"\0") + 1
    local = before[start:]
    return _without_escape(payload, local, end - len(local))


def _without_escape(payload: bytes, local: bytes, offset: int) -> bytes:
    if _is_escaped(payload, offset):
        # ``\nann@...``: the letter belongs to the escape, not to the address.
        return local[_UNICODE_ESCAPE_LENGTH if local[:1] == b"u" else 1 :]
    return local


def _cut_free(local: bytes, position: int, domain: bytes) -> Iterator[Found]:
    """The address among bytes that are not all ASCII: these may be letters of it, or the text's.

    A quotation mark, a dash or a space of Unicode ends it, and so does a change between
    ideographs and other letters, as addresses stand in Chinese or Japanese text without a space.
    """
    own = "".join(_up_to_border(reversed(local.decode("utf-8", "ignore"))))[::-1].lstrip(".")
    match = _DOMAIN.match("".join(_up_to_border(domain.decode("utf-8", "ignore"))).encode())
    text = own.rstrip(".")
    if not text or match is None:
        return
    written, end = match[0].decode("utf-8", "ignore"), position + 1 + match.end()
    yield Found(position - len(own.encode()), end, f"{text}@{written}")
    tail = re.split(r"[!#$%&*/=?^`{|}~]", text)[-1].lstrip("'.")
    if tail and tail != text:
        start = position - len(own.encode()) + len(text[: len(text) - len(tail)].encode())
        yield Found(start, end, f"{tail}@{written}")


def _encoded(payload: bytes, at: re.Match[bytes]) -> Iterator[Found]:
    """The address around an @ that is written in another form."""
    before = payload[max(0, at.start() - ENCODED_MAX) : at.start()]
    behind = payload[at.end() : at.end() + DOMAIN_MAX]
    match at.lastgroup:
        case "url":
            local = _last(_URL_LOCAL, before)
            domain = _first(_URL_DOMAIN, behind)
        case "escape":
            local = _last(_ESCAPED_LOCAL, before[-LOCAL_PART_MAX:])
            domain = _first(_URL_DOMAIN, behind)
        case _:
            local = _last_text(_WIDE_LOCAL, before)
            domain = _first_text(_WIDE_DOMAIN, behind)
    local = _without_escape(payload, local, at.start() - len(local)).lstrip(b".'")
    text, host = _decoded(local).rstrip("."), _decoded(domain)
    host = normalise_unicode("NFKC", host).replace("\u3002", ".")
    found = _DOMAIN.match(host.encode())
    if not text or found is None:
        return
    written = found[0].decode("utf-8", "ignore")
    # What the domain does not use of the text behind it is as long there as here.
    end = at.end() + len(domain) - len(host.encode()[found.end() :])
    yield Found(at.start() - len(local), end, f"{normalise_unicode('NFKC', text)}@{written}")


def _decoded(part: bytes) -> str:
    text = part.decode("utf-8", "ignore")
    while "%" in text and (freed := unquote(text, errors="ignore")) != text:
        text = freed
    return text


def _last(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    found = pattern.search(text)
    return b"" if found is None else found[0]


def _first(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    found = pattern.match(text)
    return b"" if found is None else found[0]


def _last_text(pattern: re.Pattern[str], text: bytes) -> bytes:
    found = pattern.search(text.decode("utf-8", "ignore"))
    return b"" if found is None else found[0].encode()


def _first_text(pattern: re.Pattern[str], text: bytes) -> bytes:
    found = pattern.match(text.decode("utf-8", "ignore"))
    return b"" if found is None else found[0].encode()


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
