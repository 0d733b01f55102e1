"""What becomes of a document by its tenant's policies and holds: pure, and with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from coworker_pipelines.connections.holds import Hold, hold_over
from coworker_pipelines.connections.retention import Policy, nearest
from coworker_pipelines.kernel.window import Window


class Fate(StrEnum):
    KEPT = "kept"
    DUE = "due"
    """Out of use: its age is over, its grace is not."""
    SWEPT = "swept"
    """The next sweep removes it."""
    HELD = "held"
    """Kept by a hold, and out of use, whatever its age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """All of a document that decides what becomes of it."""

    connection: str
    stream: str
    occurred_at: datetime | None
    extracted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    fate: Fate
    why: str


def judge(
    times: Times, policies: Sequence[Policy], holds: Sequence[Hold], *, now: datetime
) -> Judgement:
    """``policies`` and ``holds`` are all that stand of the document's tenant."""
    hold = hold_over(
        holds,
        times.connection,
        times.stream,
        occurred_at=times.occurred_at,
        extracted_at=times.extracted_at,
    )
    if hold is not None:
        return Judgement(fate=Fate.HELD, why=f"under hold {hold.id}")
    policy = nearest(policies, times.connection, times.stream)
    if policy is None:
        return Judgement(fate=Fate.KEPT, why="no policy")
    moment = policy.time_of(times.occurred_at, times.extracted_at)
    if moment < policy.spent_before(now):
        return Judgement(fate=Fate.SWEPT, why=f"older than {policy}")
    if moment < policy.due_before(now):
        return Judgement(fate=Fate.DUE, why=f"older than {policy.age}, within the grace")
    return Judgement(fate=Fate.KEPT, why=f"not yet {policy}")


def rejected_is_spent(window: Window, rejected_at: datetime, policy: Policy, now: datetime) -> bool:
    """Whether the time of a rejected record is over, which can't be read: it is kept sealed.

    It is not younger than its month's end, nor than when it was rejected.
    """
    spent_before = policy.spent_before(now)
    if rejected_at < spent_before:
        return True
    return policy.basis == "event" and window.end_at <= spent_before


def rejected_is_held(window: Window, rejected_at: datetime, holds: Sequence[Hold]) -> bool:
    """Whether a hold of its stream may mean it: some moment of its month lies in the span."""
    return any(
        hold.touches(window.start_at, window.end_at) or hold.spans(rejected_at) for hold in holds
    )
