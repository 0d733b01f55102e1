"""What a check is, and what comes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was expected and what was seen; ``advice`` is what to do about it, in one sentence."""

    verdict: Verdict
    expected: str
    seen: str
    advice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question to a deployment. ``look`` may raise: then the check could not be made."""

    subject: str
    name: str
    look: Callable[[], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    subject: str
    name: str
    outcome: Outcome
    seconds: float


def outcome(
    *, holds: bool, expected: str, seen: str, advice: str, otherwise: Verdict = Verdict.FAILED
) -> Outcome:
    """OK where it holds; else ``otherwise``, with what to do."""
    if holds:
        return Outcome(verdict=Verdict.OK, expected=expected, seen=seen)
    return Outcome(verdict=otherwise, expected=expected, seen=seen, advice=advice)


def not_applicable(expected: str, seen: str) -> Outcome:
    """There is nothing of the kind in this deployment; ``seen`` says why."""
    return Outcome(verdict=Verdict.NOT_APPLICABLE, expected=expected, seen=seen)
