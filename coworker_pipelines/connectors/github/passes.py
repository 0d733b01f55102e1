"""How far a window was read, over all repositories. Pure.

One position in time for all of them would pass by a repository that is seen for the first time
(transferred, made visible, added to the list): its records are older than the position. One
for each would grow with the organisation. So a cursor knows which repositories were read, and
until when all of them; one that is not among them is read from the beginning of the window.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from coworker_pipelines.connectors.github.repositories import Repositories, Repository
from coworker_pipelines.sdk.page import Cursor

IDS_MAX: Final = 4_000
"""With more, a cursor keeps their digest alone; once it changes, all are read as if new."""
OVERLAP: Final = timedelta(minutes=1)
"""GitHub's lists lag behind its changes by some seconds: so much is read twice."""
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"

Place = Mapping[str, Any]
"""Where in one repository a read goes on; a matter of the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """A set of repositories. ``ids`` is ``None`` where there are too many to keep."""

    digest: str
    ids: frozenset[int] | None

    @classmethod
    def of(cls, ids: Iterable[int]) -> Self:
        kept = sorted(ids)
        digest = hashlib.blake2b(packed(kept).encode(), digest_size=16).hexdigest()
        return cls(digest=digest, ids=frozenset(kept) if len(kept) <= IDS_MAX else None)

    @classmethod
    def from_json(cls, content: Any) -> Self | None:
        if content is None:
            return None
        ids = content["ids"]
        return cls(digest=content["digest"], ids=None if ids is None else unpacked(ids))

    def to_json(self) -> dict[str, Any]:
        return {"digest": self.digest, "ids": None if self.ids is None else packed(self.ids)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One way through the repositories of ``goal``, in the order of their ids.

    Those of ``known`` were read until ``known_until``. ``repository`` is the one that was
    reached: it is done if ``place`` is ``None``. Once all are done, ``goal`` is ``None``.
    """

    since: datetime
    until: datetime
    known: Ids | None
    known_until: datetime | None
    goal: Ids | None
    began_at: datetime
    repository: int | None = None
    place: Place | None = None

    def left(self, repositories: Repositories) -> Iterator[tuple[Repository, Place | None]]:
        """The repositories still to be read; the first of them perhaps from a place on."""
        for repository in repositories.all:
            is_reached = repository.id == self.repository
            if self.repository is not None and repository.id < self.repository:
                continue
            if (is_reached and self.place is None) or not self._aims_at(repository.id):
                continue
            yield repository, self.place if is_reached else None

    def read_from(self, repository: Repository) -> datetime:
        """From when on its records are to be read."""
        if self.known_until is None or not self._knows(repository.id):
            return self.since
        return max(self.since, self.known_until)

    def at(self, repository: Repository, place: Place | None) -> "Pass":
        return replace(self, repository=repository.id, place=place)

    def finished(self) -> "Pass":
        return replace(
            self,
            known=self.goal,
            known_until=self.began_at - OVERLAP,
            goal=None,
            repository=None,
            place=None,
        )

    def to_cursor(self) -> Cursor:
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "known": self.known and self.known.to_json(),
            "known_until": self.known_until and self.known_until.isoformat(),
            "goal": self.goal and self.goal.to_json(),
            "began_at": self.began_at.isoformat(),
            "repository": self.repository,
            "place": self.place and dict(self.place),
        }

    def _aims_at(self, repository: int) -> bool:
        return self.goal is not None and (self.goal.ids is None or repository in self.goal.ids)

    def _knows(self, repository: int) -> bool:
        if self.known is None:
            return False
        if self.known.ids is None:
            return self.goal is not None and self.known.digest == self.goal.digest
        return repository in self.known.ids


def next_pass(
    cursor: Cursor | None, *, since: datetime, until: datetime, now: Repositories
) -> Pass:
    """What is to be read, when these are the repositories.

    A pass that was left goes on where it was, to its own goal, so that what it has read stays
    a true beginning.
    """
    ids = Ids.of(repository.id for repository in now.all)
    fresh = Pass(
        since=since,
        until=until,
        known=None,
        known_until=None,
        goal=ids,
        began_at=now.listed_at,
    )
    if not cursor:
        return fresh
    last = _from_cursor(cursor)
    again = replace(fresh, known=last.known, known_until=last.known_until)
    if last.goal is not None:
        if (last.since, last.until) != (since, until):
            return fresh
        return last if last.goal.ids is not None or last.goal.digest == ids.digest else again
    return again if last.since <= since < until <= last.until else fresh


def packed(ids: Iterable[int]) -> str:
    """Sorted, each as its distance from the one before, to the base 36."""
    before, parts = 0, []
    for one in sorted(ids):
        parts.append(_base36(one - before))
        before = one
    return ".".join(parts)


def unpacked(text: str) -> frozenset[int]:
    found, before = set(), 0
    for part in text.split(".") if text else ():
        before += int(part, len(_DIGITS))
        found.add(before)
    return frozenset(found)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _from_cursor(cursor: Cursor) -> Pass:
    known_until = cursor["known_until"]
    return Pass(
        since=_moment(cursor["since"]),
        until=_moment(cursor["until"]),
        known=Ids.from_json(cursor["known"]),
        known_until=None if known_until is None else _moment(known_until),
        goal=Ids.from_json(cursor["goal"]),
        began_at=_moment(cursor["began_at"]),
        repository=cursor["repository"],
        place=cursor["place"],
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
