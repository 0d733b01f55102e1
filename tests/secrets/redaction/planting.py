"""Random secrets of several kinds, and how foreign libraries write them into text."""

import base64
import csv
import html
import io
import json
import quopri
import random
import re
import shlex
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, quote_plus, urlencode
from xml.sax import saxutils

import httpx
import orjson
import yaml
from ahocorasick_rs import BytesAhoCorasick
from psycopg.sql import Literal

WINDOW: Final = 16
_ALPHABET: Final = string.ascii_letters + string.digits
_SPECIAL: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ "
_UNICODE: Final = "äöüßéèñ漢字かなעבריתπλ😀🔑"

Write = Callable[[str], str | bytes]


def _password(chance: random.Random) -> str:
    # A letter at either end, because who types a password types no space there.
    inner = "".join(chance.choices(_ALPHABET + _SPECIAL, k=chance.randint(6, 30)))
    return chance.choice(_ALPHABET) + inner + chance.choice(_ALPHABET)


def _token(chance: random.Random) -> str:
    prefix = chance.choice(("ghp_", "xoxb-", "glpat-", ""))
    return prefix + "".join(chance.choices(_ALPHABET + "_-", k=chance.randint(20, 80)))


def _key_file(chance: random.Random) -> str:
    body = base64.b64encode(chance.randbytes(chance.randint(300, 1200))).decode()
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n"


def _service_account(chance: random.Random) -> str:
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "warehouse",
            "private_key_id": chance.randbytes(20).hex(),
            "private_key": _key_file(chance),
            "client_email": "reader@warehouse.iam.gserviceaccount.com",
            "token_uri": "https://oauth2.googleapis.com/token",
        },
        indent=2,
    )


def _address(chance: random.Random) -> str:
    password = quote(_password(chance), safe="")
    return f"postgresql://reader:{password}@db.example.com:5432/shop?sslmode=require"


def _sentence(chance: random.Random) -> str:
    inner = "".join(chance.choices(_ALPHABET + _UNICODE + " ", k=chance.randint(8, 30)))
    return f"ü{inner}é"


KINDS: Final[tuple[Callable[[random.Random], str], ...]] = (
    _password,
    _token,
    _key_file,
    _service_account,
    _address,
    _sentence,
)


def planted(count: int, seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    return [KINDS[number % len(KINDS)](chance) for number in range(count)]


def _csv(value: str) -> str:
    target = io.StringIO()
    csv.writer(target).writerow(["a", value, "b"])
    return target.getvalue()


def _bytes(value: str) -> bytes:
    return value.encode()


def _lower(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text)


WRITERS: Final[Mapping[str, Write]] = {
    "plain": lambda value: f"password={value}, host",
    "utf-16-le": lambda value: f"({value})".encode("utf-16-le"),
    "utf-16-be": lambda value: f"({value})".encode("utf-16-be"),
    "base64": lambda value: base64.b64encode(_bytes(value)),
    "base64 of basic auth": lambda value: base64.b64encode(_bytes(f"reader:{value}")),
    "base64, one before": lambda value: base64.b64encode(b"a" + _bytes(value) + b"yy"),
    "base64, two before": lambda value: base64.b64encode(b"ab" + _bytes(value) + b"y"),
    "base64 url": lambda value: base64.urlsafe_b64encode(_bytes(value)).rstrip(b"="),
    "base64 of lines": lambda value: base64.encodebytes(_bytes(value)),
    "base64 in a url": lambda value: quote(base64.b64encode(_bytes(value)), safe=""),
    "base64 of utf-16": lambda value: base64.b64encode(value.encode("utf-16-le")),
    "base32": lambda value: base64.b32encode(_bytes(value)).rstrip(b"="),
    "hex": lambda value: _bytes(value).hex(),
    "hex, upper": lambda value: _bytes(value).hex().upper(),
    "hex, colons": lambda value: _bytes(value).hex(":"),
    "hex, spaces": lambda value: _bytes(value).hex(" ").upper(),
    "hex escapes": lambda value: "".join(f"\\x{byte:02x}" for byte in _bytes(value)),
    "octal escapes": lambda value: "".join(f"\\{byte:03o}" for byte in _bytes(value)),
    "path": lambda value: f"https://example.com/{quote(value)}/x",
    "query": lambda value: urlencode({"token": value, "page": 2}),
    "component": lambda value: quote(value, safe=""),
    "component, lower": lambda value: _lower(quote(value, safe="")),
    "plus": lambda value: _lower(quote_plus(value)),
    "httpx": lambda value: str(httpx.QueryParams({"token": value, "page": 2})),
    "percent": lambda value: "".join(f"%{byte:02X}" for byte in _bytes(value)),
    "component twice": lambda value: quote(quote(value, safe=""), safe=""),
    "html": html.escape,
    "xml": saxutils.escape,
    "xml attribute": lambda value: saxutils.escape(value, {"'": "&#39;", '"': "&quot;"}),
    "character references": lambda value: "".join(f"&#{ord(one)};" for one in value),
    "ascii references": lambda value: html.escape(value).encode("ascii", "xmlcharrefreplace"),
    "json": lambda value: json.dumps({"password": f"a {value} b"}),
    "orjson": lambda value: orjson.dumps({"password": f"a {value} b"}),
    "json, slashes": lambda value: json.dumps({"password": value}).replace("/", "\\/"),
    "json in json": lambda value: json.dumps({"body": json.dumps({"password": value})}),
    "json thrice": lambda value: json.dumps([json.dumps([json.dumps([value])])]),
    "json in repr": lambda value: repr(json.dumps({"password": value})),
    "repr": lambda value: repr({"password": value}),
    "repr of a sentence": lambda value: repr(f"it's {value}"),
    "repr of an error": lambda value: repr(ValueError(f'could not use "{value}"')),
    "repr of a repr": lambda value: repr([repr([value])]),
    "ascii": ascii,
    "repr of bytes": lambda value: repr(_bytes(f"a {value} b")),
    "shell": lambda value: shlex.join(["login", "--password", value]),
    "backslashes": lambda value: re.sub(r"([^\w@%+=:,./-])", r"\\\1", value, flags=re.ASCII),
    "sql": lambda value: Literal(value).as_string(),
    "csv": _csv,
    "regular expression": re.escape,
    "quoted-printable": lambda value: quopri.encodestring(_bytes(value)),
    "yaml": lambda value: yaml.safe_dump([value], width=10**6, default_style='"'),
}
"""None of them knows the filter's list: the libraries that people use write the values."""


def written(write: Write, value: str) -> bytes:
    text = write(value)
    return text.encode() if isinstance(text, str) else text


@dataclass(frozen=True, slots=True)
class Witness:
    """Sees sixteen bytes of any writing of any of the values."""

    _seen: BytesAhoCorasick

    @classmethod
    def of(cls, values: Iterable[str], writers: Iterable[Write], *, step: int = 1) -> "Witness":
        """``values`` as ``planted`` makes them: what every value of its kind shows is no secret."""
        values, writers = list(values), list(writers)
        open_text = b"\n".join(
            written(write, twin) for write in writers for twin in planted(2 * len(KINDS), seed=0)
        )
        public = set(_windows(open_text, 1))
        return cls(
            BytesAhoCorasick(
                {
                    window
                    for value in values
                    for write in writers
                    for window in _windows(written(write, value), step)
                    if window not in public
                }
            )
        )

    def finds(self, content: bytes) -> list[bytes]:
        """What was seen, with a little around it; for a test that fails."""
        return [
            content[max(0, start - 20) : end + 20]
            for _, start, end in self._seen.find_matches_as_indexes(content)
        ]


def _windows(content: bytes, step: int) -> Iterator[bytes]:
    for start in range(0, max(1, len(content) - WINDOW + 1), step):
        yield content[start : start + WINDOW]
