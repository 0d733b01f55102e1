"""Finding a connection's name in text, and no other name that holds it."""

import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "[deleted]"
_BEFORE: Final = r"(^|[^a-z0-9.-]|\\[nrt])"
r"""A line break is written as ``\n`` in JSON, and its letter would look like one of a name's."""
_NEVER: Final = "x^"
_AFTER: Final = r"($|[^a-z0-9-])"
REPLACED: Final = rf"\1{MASK}\3"


def names_pattern(handles: Iterable[str]) -> str:
    """A pattern of Postgres and of Python alike; with no handle it matches nothing."""
    # Of what a handle is made of, the dot alone has a meaning in patterns.
    either = "|".join(handle.replace(".", r"\.") for handle in sorted(handles, reverse=True))
    return f"{_BEFORE}({either or _NEVER}){_AFTER}"


def masked(content: bytes, pattern: str) -> bytes:
    """The content with every name masked, also those that share a border."""
    compiled = re.compile(pattern.encode(), re.MULTILINE)
    replaced = REPLACED.encode()
    once = compiled.sub(replaced, content)
    return compiled.sub(replaced, once)
