"""What a report is made of: who may do what, where, through what, since when and why."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

import orjson

_ID_BYTES: Final = 6


class Store(StrEnum):
    """Where rights are kept."""

    KUBERNETES = "kubernetes"
    ELASTICSEARCH = "elasticsearch"
    DATABASE = "database"
    FILES = "files"
    TERRAFORM = "terraform"


class Trait(StrEnum):
    """What a store itself says of a grant, and what nobody has judged yet."""

    SUPERUSER = "superuser"
    BYPASSES_ROW_SECURITY = "bypasses row security"
    IS_KEY = "is a key"
    UNRESTRICTED = "has all rights of its owner"
    OPEN_TO_OTHERS = "open to others"
    EVERYBODY = "everybody"
    ENDED = "ended"
    """It was taken back, or its time is over: it opens nothing any more."""


class Finding(StrEnum):
    """What a reviewer has to look at."""

    UNEXPLAINED = "unexplained"
    """No purpose that we know needs this much."""
    SUPERUSER = "superuser"
    BYPASSES_ROW_SECURITY = "bypasses row security"
    NEVER_EXPIRES = "never expires"
    CONNECTION_GONE = "its connection is gone"
    UNRESTRICTED = "all rights of its owner"
    OPEN_TO_OTHERS = "open to others"
    EVERYBODY = "given to everybody"
    NEW = "new since the last review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One right. ``since`` is ``None`` where the store keeps no time of it.

    ``connection`` is the one that it was given for. ``why``, ``findings`` and ``accepted``
    (who accepted the findings, and when) are set by the report.
    """

    store: Store
    subject: str
    may: tuple[str, ...]
    on: str
    through: str
    since: datetime | None = None
    until: datetime | None = None
    connection: str | None = None
    traits: frozenset[Trait] = frozenset()
    why: str | None = None
    findings: tuple[Finding, ...] = ()
    seen_since: datetime | None = None
    """The first review that saw it."""
    accepted: str | None = None

    @property
    def id(self) -> str:
        """The same right has the same id in every report; one that was widened has another."""
        parts = [self.store, self.subject, *sorted(self.may), self.on, self.through]
        return hashlib.blake2b(orjson.dumps(parts), digest_size=_ID_BYTES).hexdigest()

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to accept or change it."""
        return bool(self.findings) and self.accepted is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What could not be asked, or is kept where nobody can ask: a sentence that says why."""

    store: Store
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one store says."""

    grants: Sequence[Grant] = ()
    gaps: Sequence[Gap] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that was found, and how it was judged."""

    made_at: datetime
    grants: tuple[Grant, ...]
    gaps: tuple[Gap, ...] = field(default=())

    @property
    def digest(self) -> str:
        """SHA-256 over what every store says, whoever asks and in whatever order it answers."""
        content = sorted(
            [grant.id, str(grant.until), Trait.ENDED in grant.traits] for grant in self.grants
        )
        gaps = sorted([gap.store, gap.sentence] for gap in self.gaps)
        return hashlib.sha256(orjson.dumps([content, gaps])).hexdigest()

    @property
    def open(self) -> tuple[Grant, ...]:
        return tuple(grant for grant in self.grants if grant.is_open)
