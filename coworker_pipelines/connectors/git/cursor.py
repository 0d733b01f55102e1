"""How far a window's commits were read, and from which references. Pure.

A commit can be pushed long after its date: a position in time alone would pass it by. So a
cursor knows the tips from which everything is read already (``known``); when references have
moved, what the new tips reach and the known ones do not is read, wherever its date lies.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from coworker_pipelines.sdk.page import Cursor

TIPS_MAX: Final = 100
"""With more, a cursor keeps their digest alone; once one moves, the window is read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tips:
    """What the references point at. ``shas`` is ``None`` where there are too many to keep."""

    digest: str
    shas: tuple[str, ...] | None

    @classmethod
    def of(cls, shas: Iterable[str]) -> Self:
        kept = sorted(set(shas))
        digest = hashlib.blake2b("\n".join(kept).encode(), digest_size=16).hexdigest()
        return cls(digest=digest, shas=tuple(kept) if len(kept) <= TIPS_MAX else None)

    @classmethod
    def from_json(cls, content: Any) -> Self | None:
        if content is None:
            return None
        shas = content["shas"]
        return cls(digest=content["digest"], shas=None if shas is None else tuple(shas))

    def to_json(self) -> dict[str, Any]:
        return {"digest": self.digest, "shas": None if self.shas is None else list(self.shas)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Behind one commit, in the order of committer date and sha."""

    seconds: int
    sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One way through a span: to all that ``goal`` reaches and ``known`` does not.

    ``since`` and ``until`` are seconds, half-open. Once it is finished, ``goal`` is ``None``
    and what it reached is known.
    """

    since: int
    until: int
    known: Tips | None
    goal: Tips | None
    after: Position | None = None

    def behind(self, position: Position) -> "Pass":
        return replace(self, after=position)

    def finished(self) -> "Pass":
        return replace(self, known=self.goal or self.known, goal=None, after=None)

    def to_cursor(self) -> Cursor:
        return {
            "since": self.since,
            "until": self.until,
            "known": self.known and self.known.to_json(),
            "goal": self.goal and self.goal.to_json(),
            "after": self.after and {"seconds": self.after.seconds, "sha": self.after.sha},
        }


def next_pass(cursor: Cursor | None, *, since: int, until: int, now: Tips) -> Pass:
    """What is to be read, when the references point at ``now``.

    A pass that was left goes on where it was, to its own goal, so that what it has read stays
    a true beginning. Its ``goal`` is ``None`` if everything is known.
    """
    fresh = Pass(since=since, until=until, known=None, goal=now)
    if not cursor:
        return fresh
    last = _from_cursor(cursor)
    if last.goal is not None and (last.since, last.until) == (since, until):
        if last.goal.shas is not None or last.goal.digest == now.digest:
            return last
        return replace(fresh, known=last.known)
    if last.goal is not None or not last.since <= since < until <= last.until:
        return fresh
    if last.known is not None and last.known.digest == now.digest:
        return replace(last, goal=None)
    return replace(fresh, known=last.known)


def _from_cursor(cursor: Cursor) -> Pass:
    after = cursor["after"]
    return Pass(
        since=cursor["since"],
        until=cursor["until"],
        known=Tips.from_json(cursor["known"]),
        goal=Tips.from_json(cursor["goal"]),
        after=after and Position(seconds=after["seconds"], sha=after["sha"]),
    )
