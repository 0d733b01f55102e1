"""An address in twelve spellings, and addresses that only look like one."""

from collections.abc import Callable, Mapping
from typing import Final
from unicodedata import normalize
from urllib.parse import quote

import orjson

Spelling = Callable[[str, str], object]


def _idn(domain: str) -> str:
    return domain.encode("idna").decode()


def _wide(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


SPELLINGS: Final[Mapping[str, Spelling]] = {
    "case": lambda local, domain: f"{local}@{domain}".upper(),
    "tag": lambda local, domain: f"{local}+news-2026@{domain}",
    "dots": lambda local, domain: (
        f"{'.'.join(local.replace('.', ''))}@{domain}"
        if domain == "gmail.com"
        else f"{local}@{domain}."
    ),
    "decomposed": lambda local, domain: normalize("NFD", f"{local}@{domain}"),
    "punycode": lambda local, domain: f"{local}@{_idn(domain)}",
    "in a query": lambda local, domain: f"https://x.org/?to={local}@{domain}&page=2",
    "percent-encoded": lambda local, domain: (
        f"https://x.org/u/{quote(f'{local}@{domain}', safe='')}/edit"
    ),
    "link": lambda local, domain: f"[write](mailto:{local}@{domain}?subject=hello)",
    "named": lambda local, domain: f'"Lee, Ann" <{local}@{domain}>, Bob <bob@x.org>',
    "nested": lambda local, domain: {"a": [{"b": [[f"{local}@{domain}"]]}], f"{local}@{domain}": 1},
    "escaped": lambda local, domain: (
        orjson.dumps({"to": f"{local}@{domain}"}).decode().replace("@", "\\u0040")
    ),
    "in a text": lambda local, domain: (
        f"as {_wide(local)}\uff20{domain} said (cc '{local}@{domain}'),\nyes"
    ),
}

LOOK_ALIKES: Final = (
    "joann.lee@acme.org",
    "jo.ann.lee@acme.org",
    "jo-ann.lee@acme.org",
    "ann.lee@acme.org.uk",
    "ann.lee@acme.com",
    "ann.lee@mail.acme.org",
    "ann.lee@notacme.org",
    "ann.lee1@acme.org",
    "ann-lee@acme.org",
    "ann_lee@acme.org",
    "annlee@acme.org",
    "\u0430nn.lee@acme.org",
    "ann.lee@\u0430cme.org",
    "_ann.lee@acme.org",
    "o'ann.lee@acme.org",
)
