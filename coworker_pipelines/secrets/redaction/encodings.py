"""The closed list of encodings that a value is looked for in."""

import base64
import html
import html.entities
import json
import quopri
import re
import shlex
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final
from urllib.parse import quote_plus

from coworker_pipelines.secrets.redaction.byte_spellings import (
    Spell,
    aligned_base64,
    base64_in_url,
    base64_lines,
    base64_utf_16,
    both_cases,
    each_byte,
    each_character,
    hex_case,
    hex_separated,
    latin_1,
    plain_hex,
    url_component,
    url_twice,
    utf_8,
    utf_16,
)


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
        spelling if isinstance(spelling, bytes) else utf_8(spelling)
        for encoding in encodings
        for spelling in SPELLINGS[encoding](value)
    }


_HTML_IN_JSON: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
_SHELL_SPECIAL: Final = re.compile(r"([^\w@%+=:,./-])", re.ASCII)
_SHELL_DOUBLE_SPECIAL: Final = re.compile(r'([$`"\\!])')
_ESCAPE: Final = re.compile(r"\\u[0-9a-f]{4}|%[0-9A-F]{2}")
_BYTE_MAX: Final = 0xFF
_UNIT_MAX: Final = 0xFFFF


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
    written = repr(utf_8(value) + b'"')[2:-2]
    yield from (written, written.replace("'", "\\'"), repr(utf_8(value))[2:-1])


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
        yield from url_component(inner)
        yield quote_plus(utf_8(inner))
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
    encoded = quopri.encodestring(utf_8(value), quotetabs=False)
    yield from (encoded, encoded.replace(b"=\n", b""), encoded.replace(b"=\n", b"=\r\n"))


SPELLINGS: Final[dict[Encoding, Spell]] = {
    Encoding.PLAIN: lambda value: (value,),
    Encoding.LATIN_1: latin_1,
    Encoding.UTF_16: utf_16,
    Encoding.HEX_CASE: hex_case,
    Encoding.BASE64: lambda value: aligned_base64(utf_8(value)),
    Encoding.BASE64_URL: lambda value: aligned_base64(utf_8(value), b"-_"),
    Encoding.BASE64_LINES: base64_lines,
    Encoding.BASE64_IN_URL: base64_in_url,
    Encoding.BASE64_UTF_16: base64_utf_16,
    Encoding.BASE32: lambda value: (base64.b32encode(utf_8(value)).rstrip(b"="),),
    Encoding.HEX: plain_hex,
    Encoding.HEX_SEPARATED: hex_separated,
    Encoding.HEX_ESCAPES: each_byte("\\x{byte:02x}", "\\x{byte:02X}", "\\\\x{byte:02x}"),
    Encoding.OCTAL_ESCAPES: each_byte("\\{byte:03o}"),
    Encoding.URL_QUERY: lambda value: both_cases(quote_plus(utf_8(value))),
    Encoding.URL_COMPONENT: url_component,
    Encoding.URL_WHOLE: each_byte("%{byte:02X}", "%{byte:02x}"),
    Encoding.URL_TWICE: url_twice,
    Encoding.HTML: _html,
    Encoding.HTML_APOSTROPHES: _html_apostrophes,
    Encoding.HTML_ENTITIES: _html_entities,
    Encoding.HTML_NUMERIC: each_character("&#{code};", "&#x{code:x};", "&#x{code:X};"),
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
