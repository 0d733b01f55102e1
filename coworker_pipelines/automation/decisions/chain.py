"""The chain: each record holds the hash of the one before, so none can be changed or left out."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

HASH_BYTES: Final = 32
SALT_BYTES: Final = 16
BEGINNING: Final = bytes(HASH_BYTES)
"""What stands before the first record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A record as it is kept. ``personal`` and ``salt`` are gone when its person is erased."""

    sequence: int
    open: bytes
    commitment: bytes
    previous: bytes
    hash: bytes
    personal: bytes | None
    salt: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """``broken_at`` is the first record that does not hold, ``why`` says in which way."""

    links: int
    erased: int
    head: bytes
    broken_at: int | None = None
    why: str | None = None


def link(
    *, tenant: str, sequence: int, previous: bytes, open_half: bytes, personal: bytes, salt: bytes
) -> Link:
    """The record that follows ``previous``; the salt is fresh, and used once."""
    assert len(salt) == SALT_BYTES, "a salt has its length"
    commitment = committed(salt, personal)
    return Link(
        sequence=sequence,
        open=open_half,
        commitment=commitment,
        previous=previous,
        hash=_hash(tenant, sequence, previous, open_half, commitment),
        personal=personal,
        salt=salt,
    )


def committed(salt: bytes, personal: bytes) -> bytes:
    """Binds to the personal half and tells nothing of it, once the salt is gone."""
    return hashlib.blake2b(personal, key=salt, digest_size=HASH_BYTES).digest()


def verify(
    tenant: str, links: Iterable[Link], *, previous: bytes = BEGINNING, first: int = 1
) -> Verified:
    """Whether links that follow ``previous`` are what was once written, in order, without a gap."""
    count = erased = 0
    for one in links:
        why = _broken(tenant, one, previous, first + count)
        if why is not None:
            return Verified(
                links=count, erased=erased, head=previous, broken_at=first + count, why=why
            )
        count += 1
        erased += one.personal is None
        previous = one.hash
    return Verified(links=count, erased=erased, head=previous)


def _broken(tenant: str, one: Link, previous: bytes, sequence: int) -> str | None:
    if one.sequence != sequence:
        return "a record is missing"
    if one.previous != previous:
        return "it does not follow the record before"
    if one.hash != _hash(tenant, sequence, previous, one.open, one.commitment):
        return "its open half was changed"
    if (one.personal is None) != (one.salt is None):
        return "its personal half was erased by halves"
    if one.personal is None or one.salt is None:
        return None
    if one.commitment != committed(one.salt, one.personal):
        return "its personal half was changed"
    return None


def _hash(
    tenant: str, sequence: int, previous: bytes, open_half: bytes, commitment: bytes
) -> bytes:
    digest = hashlib.blake2b(previous, digest_size=HASH_BYTES)
    # What has no fixed length comes last.
    digest.update(sequence.to_bytes(8))
    digest.update(commitment)
    digest.update(tenant.encode())
    digest.update(open_half)
    return digest.digest()
