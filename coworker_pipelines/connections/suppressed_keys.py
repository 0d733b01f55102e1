"""Keys of what is not taken in again, a million of them in 16 MB, exactly and without a query."""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, Self

from sqlalchemy import text
from sqlalchemy.orm import Session

from coworker_pipelines.kernel.errors import DefectError

KEY_BYTES: Final = 16
"""Of a subject key: 32 hexadecimal digits."""
PAGE_KEYS: Final = 50_000
_HALF_DIGITS: Final = 16
_PAGE: Final = text(
    "SELECT string_agg(key, ''::bytea ORDER BY key) FROM ("
    "SELECT DISTINCT key FROM suppressed_keys WHERE tenant_id = :tenant AND kind = :kind "
    "AND connection_id = :connection AND stream = :stream AND key > :after "
    "ORDER BY key LIMIT :limit) AS page"
)


class KeyKind(StrEnum):
    """``PERSON`` is a subject key, ``DOCUMENT`` a document's token."""

    PERSON = "person"
    DOCUMENT = "document"


class KeySet:
    """Sorted, as two columns of 8 bytes: a set of Python's would take ten times the memory."""

    __slots__ = ("_high", "_low")

    def __init__(self, pages: Iterable[bytes] = ()) -> None:
        """From keys one behind the other, in ascending order."""
        self._high = array("Q")
        self._low = array("Q")
        for page in pages:
            halves = array("Q", page)
            if sys.byteorder == "little":
                halves.byteswap()
            self._high += halves[::2]
            self._low += halves[1::2]

    @classmethod
    def of(cls, keys: Iterable[str]) -> Self:
        """Of keys as hexadecimal digits, in any order."""
        return cls([b"".join(sorted({bytes.fromhex(key) for key in keys}))])

    def __len__(self) -> int:
        return len(self._high)

    def __contains__(self, key: str) -> bool:
        high = int(key[:_HALF_DIGITS], 16)
        place = bisect_left(self._high, high)
        # Hardly ever do two share a half: this goes on for a key that is there.
        while place < len(self._high) and self._high[place] == high:
            if self._low[place] == int(key[_HALF_DIGITS:], 16):
                return True
            place += 1
        return False

    @property
    def size_bytes(self) -> int:
        return len(self._high) * KEY_BYTES


def load_keys(
    session: Session, tenant: str, kind: KeyKind, *, connection: str = "", stream: str = ""
) -> KeySet:
    """All keys that were suppressed for exactly this extent, a page in memory at a time."""
    return KeySet(_pages(session, tenant, kind, connection, stream))


def _pages(
    session: Session, tenant: str, kind: KeyKind, connection: str, stream: str
) -> Iterator[bytes]:
    values = {
        "tenant": tenant,
        "kind": kind,
        "connection": connection,
        "stream": stream,
        "limit": PAGE_KEYS,
    }
    after = b""
    while page := session.scalar(_PAGE, {**values, "after": after}):
        page = bytes(page)
        if len(page) % KEY_BYTES:
            raise DefectError("A suppressed key does not have its length.")
        yield page
        if len(page) < PAGE_KEYS * KEY_BYTES:
            return
        after = page[-KEY_BYTES:]
