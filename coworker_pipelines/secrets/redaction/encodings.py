"""The closed list of encodings that a value is looked for in."""

import base64
import html
import html.entities
import json
import quopri
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Final
from urllib.parse import quote, quote_plus

Spell = Callable[[str], Iterable[str | bytes]]
"""All the ways in which one encoding writes a value, without quotes around it."""


class Encoding(StrEnum):
    """Each writes a value in one way, or in a few that differ by a convention."""

    PLAIN = "plain"
    LATIN_1 = "latin-1"
    UTF_16 = "utf-16, either order of bytes"
    HEX_CASE = "the other case of a hexadecimal value"
    BASE64 = "base64, in its three alignments"
    BASE64_URL = "url-safe base64, in its three alignments"
    BASE64_LINES = "base64 in lines"
    BASE64_IN_URL = "base64, percent-encoded"
    BASE64_UTF_16 = "base64 of utf-16"
    BASE32 = "base32"
    HEX = "hexadecimal"
    HEX_SEPARATED = "hexadecimal with separators"
    HEX_ESCAPES = r"\x70, each byte"
    OCTAL_ESCAPES = r"\160, each byte"
    URL_QUERY = "percent-encoded, plus for space"
    URL_COMPONENT = "percent-encoded, by various safe sets"
    URL_WHOLE = "percent-encoded, each byte"
    URL_TWICE = "percent-encoded twice"
    HTML = "html, named"
    HTML_APOSTROPHES = "html, the spellings of the apostrophe"
    HTML_ENTITIES = "html, names and numbers for what is not ASCII"
    HTML_NUMERIC = "html, a number for each character"
    JSON = "json, ASCII"
    JSON_UNICODE = "json, unicode"
    JSON_SLASHES = r"json, \/"
    JSON_HTML = "json, safe in html"
    JSON_UPPER = "json, upper-case escapes"
    JSON_WHOLE = "json, an escape for each character"
    JSON_TWICE = "json in json"
    PYTHON = "python's repr"
    PYTHON_BYTES = "python's repr of bytes"
    NESTED = "one way of escaping inside another"
    YAML = "yaml, in double quotes"
    SHELL = "shell, in single quotes"
    SHELL_DOUBLE = "shell, in double quotes"
    SHELL_BACKSLASHES = "shell, backslashes"
    BACKSLASHES = "doubled backslashes"
    SQL = "sql, doubled quotes"
    REGEX = "regular expression"
    QUOTED_PRINTABLE = "quoted-printable"


def spellings(value: str, encodings: Iterable[Encoding] = Encoding) -> set[bytes]:
    """All that the encodings make of a value."""
    return {
        spelling if isinstance(spelling, bytes) else _bytes(spelling)
        for encoding in encodings
        for spelling in SPELLINGS[encoding](value)
    }


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
_HTML_IN_JSON: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
_SHELL_SPECIAL: Final = re.compile(r"([^\w@%+=:,./-])", re.ASCII)
_SHELL_DOUBLE_SPECIAL: Final = re.compile(r'([$`"\\!])')
_ESCAPE: Final = re.compile(r"\\u[0-9a-f]{4}|%[0-9A-F]{2}")
_LINES: Final = (64, 76)
_LINE_BYTES_MIN: Final = 16
_BYTE_MAX: Final = 0xFF
_UNIT_MAX: Final = 0xFFFF
_SEPARATORS: Final = (":", " ", ", 0x")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _latin_1(value: str) -> Iterator[bytes]:
    if not value.isascii():
        try:
            single = value.encode("latin-1")
        except UnicodeEncodeError:
            return
        yield single
        yield from aligned_base64(single)


def _utf_16(value: str) -> Iterator[bytes]:
    for order in ("utf-16-le", "utf-16-be"):
        # Without the zero byte at the outer end, which a neighbour may have taken.
        yield value.encode(order, "surrogatepass").strip(b"\0")


def _hex_case(value: str) -> Iterator[str]:
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


def _base64_lines(value: str) -> Iterator[bytes]:
    encoded = base64.b64encode(_bytes(value))
    for length in _LINES:
        lines = [encoded[start : start + length] for start in range(0, len(encoded), length)]
        yield from (line for line in lines if len(line) >= _LINE_BYTES_MIN)


def _base64_in_url(value: str) -> Iterator[str]:
    for encoded in aligned_base64(_bytes(value)):
        yield from _both_cases(quote(encoded, safe=""))


def _base64_utf_16(value: str) -> Iterator[bytes]:
    yield from aligned_base64(value.encode("utf-16-le", "surrogatepass"))


def _hex(value: str) -> Iterator[str]:
    yield from (_bytes(value).hex(), _bytes(value).hex().upper())


def _hex_separated(value: str) -> Iterator[str]:
    pairs = [f"{byte:02x}" for byte in _bytes(value)]
    for separator in _SEPARATORS:
        yield separator.join(pairs)
        yield separator.join(pair.upper() for pair in pairs)


def _each_byte(*forms: str) -> Spell:
    return lambda value: (
        "".join(form.format(byte=byte) for byte in _bytes(value)) for form in forms
    )


def _each_character(*forms: str) -> Spell:
    return lambda value: (
        "".join(form.format(code=ord(character)) for character in value) for form in forms
    )


def _both_cases(encoded: str) -> Iterator[str]:
    yield encoded
    yield _ESCAPE.sub(lambda found: found[0].lower(), encoded)


def _url_component(value: str) -> Iterator[str]:
    for safe in SAFE_SETS:
        yield from _both_cases(quote(_bytes(value), safe=safe))


def _url_twice(value: str) -> Iterator[str]:
    for once in _url_component(value):
        yield quote(once, safe="")


def _html(value: str) -> Iterator[str]:
    yield html.escape(value)
    yield html.escape(value, quote=False)


def _html_apostrophes(value: str) -> Iterator[str]:
    for apostrophe in ("&apos;", "&#39;", "&#039;", "&#x27;"):
        for quotation in ("&quot;", "&#34;", '"'):
            escaped = html.escape(value, quote=False)
            yield escaped.replace("'", apostrophe).replace('"', quotation)


def _html_entities(value: str) -> Iterator[str]:
    named = html.entities.codepoint2name
    escaped = html.escape(value)
    yield escaped.encode("ascii", "xmlcharrefreplace").decode()
    yield "".join(
        f"&{named[ord(character)]};" if ord(character) in named and character > "~" else character
        for character in escaped
    )


def _json_ascii(value: str) -> str:
    return json.dumps(value)[1:-1]


def _json_unicode(value: str) -> Iterator[str]:
    unicode = json.dumps(value, ensure_ascii=False)[1:-1]
    yield unicode
    # What JavaScript and Postgres write of a control character that has no short name.
    yield unicode.replace("\x7f", "\\u007f")


def _json_html(value: str) -> Iterator[str]:
    for escaped in (_json_ascii(value), *_json_unicode(value)):
        without_apostrophe = escaped.translate(_HTML_IN_JSON)
        yield without_apostrophe
        yield without_apostrophe.replace("'", "\\u0027")


def _json_upper(value: str) -> Iterator[str]:
    yield _ESCAPE.sub(lambda found: "\\u" + found[0][2:].upper(), _json_ascii(value))


def _json_whole(value: str) -> Iterator[str]:
    units = value.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    yield from (
        "".join(f"\\u{unit}" for unit in units),
        "".join(f"\\u{unit.upper()}" for unit in units),
    )


def _json_twice(value: str) -> Iterator[str]:
    once = (_json_ascii(value), *_json_unicode(value), _json_ascii(value).replace("/", "\\/"))
    for escaped in once:
        yield from (_json_ascii(escaped), *_json_unicode(escaped))


def _python(value: str) -> Iterator[str]:
    for write in (repr, ascii):
        # A neighbour inside the same text decides which of the quotes is escaped.
        written = write(value + '"')[1:-2]
        yield from (written, written.replace("\\'", "'"), write(value)[1:-1])
        yield written.replace("\\'", "'").replace("'", "\\'")


def _python_bytes(value: str) -> Iterator[str]:
    written = repr(_bytes(value) + b'"')[2:-2]
    yield from (written, written.replace("'", "\\'"), repr(_bytes(value))[2:-1])


def _yaml(value: str) -> Iterator[str]:
    escaped = json.dumps(value, ensure_ascii=False)[1:-1]
    yield "".join(one if one.isascii() else _yaml_character(ord(one)) for one in escaped)


def _yaml_character(code: int) -> str:
    if code <= _BYTE_MAX:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= _UNIT_MAX else f"\\U{code:08X}"


def _shell(value: str) -> Iterator[str]:
    yield shlex.quote(value).strip("'")
    yield value.replace("'", "'\"'\"'")
    yield value.replace("'", "'\\''")


def _sql(value: str) -> Iterator[str]:
    yield value.replace("'", "''")
    yield value.replace('"', '""')
    yield value.replace("\\", "\\\\").replace("'", "''")


def _nested(value: str) -> Iterator[str]:
    """JSON in a repr, in a shell's quotes, in HTML, in a URL: two deep, and JSON three deep."""
    once = _escaped(value)
    twice = {outer for inner in once - {value} for outer in _escaped(inner)}
    yield from twice
    for inner in once - {value}:
        yield from _url_component(inner)
        yield quote_plus(_bytes(inner))
    for inner in {_json_ascii(_json_ascii(value)), *_json_twice(value)}:
        yield from (_json_ascii(inner), *_json_unicode(inner))


def _escaped(value: str) -> set[str]:
    return {
        _json_ascii(value),
        _json_ascii(value).replace("/", "\\/"),
        *_json_unicode(value),
        *_python(value),
        *_python_bytes(value),
        *_html(value),
        *_shell(value),
        *_sql(value),
        value.replace("\\", "\\\\"),
    }


def _quoted_printable(value: str) -> Iterator[bytes]:
    encoded = quopri.encodestring(_bytes(value), quotetabs=False)
    yield from (encoded, encoded.replace(b"=\n", b""), encoded.replace(b"=\n", b"=\r\n"))


SPELLINGS: Final[dict[Encoding, Spell]] = {
    Encoding.PLAIN: lambda value: (value,),
    Encoding.LATIN_1: _latin_1,
    Encoding.UTF_16: _utf_16,
    Encoding.HEX_CASE: _hex_case,
    Encoding.BASE64: lambda value: aligned_base64(_bytes(value)),
    Encoding.BASE64_URL: lambda value: aligned_base64(_bytes(value), b"-_"),
    Encoding.BASE64_LINES: _base64_lines,
    Encoding.BASE64_IN_URL: _base64_in_url,
    Encoding.BASE64_UTF_16: _base64_utf_16,
    Encoding.BASE32: lambda value: (base64.b32encode(_bytes(value)).rstrip(b"="),),
    Encoding.HEX: _hex,
    Encoding.HEX_SEPARATED: _hex_separated,
    Encoding.HEX_ESCAPES: _each_byte("\\x{byte:02x}", "\\x{byte:02X}", "\\\\x{byte:02x}"),
    Encoding.OCTAL_ESCAPES: _each_byte("\\{byte:03o}"),
    Encoding.URL_QUERY: lambda value: _both_cases(quote_plus(_bytes(value))),
    Encoding.URL_COMPONENT: _url_component,
    Encoding.URL_WHOLE: _each_byte("%{byte:02X}", "%{byte:02x}"),
    Encoding.URL_TWICE: _url_twice,
    Encoding.HTML: _html,
    Encoding.HTML_APOSTROPHES: _html_apostrophes,
    Encoding.HTML_ENTITIES: _html_entities,
    Encoding.HTML_NUMERIC: _each_character("&#{code};", "&#x{code:x};", "&#x{code:X};"),
    Encoding.JSON: lambda value: (_json_ascii(value),),
    Encoding.JSON_UNICODE: _json_unicode,
    Encoding.JSON_SLASHES: lambda value: (
        _json_ascii(value).replace("/", "\\/"),
        *(escaped.replace("/", "\\/") for escaped in _json_unicode(value)),
    ),
    Encoding.JSON_HTML: _json_html,
    Encoding.JSON_UPPER: _json_upper,
    Encoding.JSON_WHOLE: _json_whole,
    Encoding.JSON_TWICE: _json_twice,
    Encoding.PYTHON: _python,
    Encoding.PYTHON_BYTES: _python_bytes,
    Encoding.NESTED: _nested,
    Encoding.YAML: _yaml,
    Encoding.SHELL: _shell,
    Encoding.SHELL_DOUBLE: lambda value: (_SHELL_DOUBLE_SPECIAL.sub(r"\\\1", value),),
    Encoding.SHELL_BACKSLASHES: lambda value: (_SHELL_SPECIAL.sub(r"\\\1", value),),
    Encoding.BACKSLASHES: lambda value: (value.replace("\\", "\\\\"),),
    Encoding.SQL: _sql,
    Encoding.REGEX: lambda value: (re.escape(value),),
    Encoding.QUOTED_PRINTABLE: _quoted_printable,
}

BLOCKS: Final = frozenset(
    {
        Encoding.BASE64,
        Encoding.BASE64_URL,
        Encoding.BASE64_LINES,
        Encoding.BASE64_IN_URL,
        Encoding.BASE64_UTF_16,
        Encoding.BASE32,
        Encoding.QUOTED_PRINTABLE,
        Encoding.HEX_CASE,
    }
)
"""These code a value as a whole; all others write it character by character, so what they make
of a part stands in what they make of the whole."""
RUNNING: Final = frozenset(Encoding) - BLOCKS
