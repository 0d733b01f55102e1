"""An entry of the journal: one thing that has to be done again after a restore."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

import orjson

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.secrets.cipher import Cipher

FORMAT: Final = 1


class EntryKind(StrEnum):
    DELETION = "deletion"
    ERASURE = "erasure"
    SUPPRESSION = "suppression"
    LIFT = "lift"
    RECEIPT = "receipt"
    HOLD = "hold"
    RELEASE = "release"
    POLICY = "policy"
    """One was set, or taken back."""


REMOVING: Final = frozenset({EntryKind.DELETION, EntryKind.ERASURE})
"""Entries that change Elasticsearch: a copy of it that is older lacks what they did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """``content`` is what the kind needs to be done again, and who ordered it in which words.

    Never an identifier of a person: a subject key finds what an erasure has to find. ``order_id``
    is an order's, a hold's, or the id of the tenant or connection whose policy it is.
    """

    number: int
    kind: EntryKind
    order_id: str
    tenant: str
    made_at: datetime
    content: dict[str, Any]

    def sealed(self, cipher: Cipher) -> bytes:
        """Encrypted, and good for its own number alone."""
        text = orjson.dumps(
            {
                "format": FORMAT,
                "number": self.number,
                "kind": self.kind,
                "order": self.order_id,
                "tenant": self.tenant,
                "made_at": self.made_at,
                "content": self.content,
            }
        )
        return cipher.encrypt(text, context=_context(self.number))

    @classmethod
    def opened(cls, sealed: bytes, number: int, cipher: Cipher) -> Self:
        """What was sealed.

        Raises:
            RefusedError: it was changed, or stands under another number.
        """
        content = orjson.loads(cipher.decrypt(sealed, context=_context(number)))
        if content["format"] != FORMAT:
            raise DefectError("A journal entry has a format that this version does not read.")
        return cls(
            number=number,
            kind=EntryKind(content["kind"]),
            order_id=content["order"],
            tenant=content["tenant"],
            made_at=datetime.fromisoformat(content["made_at"]),
            content=content["content"],
        )


def _context(number: int) -> bytes:
    return f"journal/{number}".encode()
