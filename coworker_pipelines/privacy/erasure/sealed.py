"""What an open erasure knows of the person: sealed with the tenant's data key, gone at its end."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Self

import orjson

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.privacy.erasure.identifying import Identifier, Said
from coworker_pipelines.privacy.rows import Order
from coworker_pipelines.sdk.stream import IdentifierKind
from coworker_pipelines.secrets.cipher import Cipher


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PersonKey:
    """One of a person's keys, and how it came to be known.

    ``where`` are the connection, stream and fields that link it to the key with the number
    ``by``; both are empty for one that was given.
    """

    key: str
    kind: IdentifierKind
    namespace: str
    value: str
    by: int | None = None
    where: str = ""

    @property
    def is_given(self) -> bool:
        return self.by is None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Person:
    """``left_out`` are keys of which an operator said that they are somebody else's."""

    identifiers: tuple[Identifier, ...]
    keys: tuple[PersonKey, ...] = ()
    left_out: frozenset[str] = field(default_factory=frozenset)

    @property
    def key_texts(self) -> frozenset[str]:
        return frozenset(one.key for one in self.keys)

    @property
    def terms(self) -> tuple[str, ...]:
        return tuple(one.value for one in self.identifiers if one.said is Said.TERM)

    @property
    def values(self) -> list[str]:
        """What the receipt's commitment is made of: as it was given."""
        return [one.value for one in self.identifiers]

    def merges(self) -> list[PersonKey]:
        """Found keys that may be another person's: of a kind of which one has one, as a rule."""
        return [one for one in self.keys if not one.is_given and self._others(one)]

    def _others(self, one: PersonKey) -> Sequence[PersonKey]:
        place = (one.kind, one.namespace)
        return [two for two in self.keys if two is not one and (two.kind, two.namespace) == place]

    def seal(self, cipher: Cipher, order_id: str) -> bytes:
        content = {
            "identifiers": [asdict(one) for one in self.identifiers],
            "keys": [asdict(one) for one in self.keys],
            "left_out": sorted(self.left_out),
        }
        return cipher.encrypt(orjson.dumps(content), context=_context(order_id))

    @classmethod
    def opened(cls, order: Order, cipher: Cipher) -> Self:
        if order.sealed is None:
            raise DefectError("An erasure that is open does not know whom it is about.")
        content = orjson.loads(cipher.decrypt(order.sealed, context=_context(order.id)))
        return cls(
            identifiers=tuple(
                Identifier(said=Said(one["said"]), value=one["value"], place=one["place"])
                for one in content["identifiers"]
            ),
            keys=tuple(
                PersonKey(**{**one, "kind": IdentifierKind(one["kind"])}) for one in content["keys"]
            ),
            left_out=frozenset(content["left_out"]),
        )


def _context(order_id: str) -> bytes:
    return f"erasure/{order_id}".encode()
