"""Rate limits: how long an API wants to be left alone. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from coworker_pipelines.sdk.http.answers import Answer, http_date

WAIT_MIN_S: Final = 1.0
REFUSALS_DOUBLED_MAX: Final = 6
_REFUSED: Final = frozenset({403, 429})
_TOO_MANY: Final = 429


class WaitReason(StrEnum):
    USED_UP = "used_up"
    """So many requests an hour are granted, and they are gone until a known time."""

    TOO_FAST = "too_fast"
    """Too many at once: what some call a secondary limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    seconds: float
    reason: WaitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """In which words an API tells its limits; the defaults are the most common ones.

    The reset header holds seconds since 1970. ``limit_words`` in a refusal's body tell one that
    is about a limit from one that is about rights. ``unsaid_wait_s`` is what a refusal without
    a time means; it doubles with each that follows.
    """

    remaining_header: str = "x-ratelimit-remaining"
    reset_header: str = "x-ratelimit-reset"
    limit_words: bytes = b"rate limit"
    unsaid_wait_s: float = 60.0

    def wait_after_refusal(self, answer: Answer, *, refusals: int, now: datetime) -> Wait | None:
        """How long to wait before the same request again; ``None``: it is no limit's refusal.

        ``refusals`` is how often it was refused already. The other side's clock counts, not
        ours.
        """
        if answer.status not in _REFUSED:
            return None
        now = answer.date or now
        asked = retry_after_s(answer, now)
        if asked is not None:
            return _wait(asked, WaitReason.TOO_FAST)
        until_reset = self._until_reset(answer, now)
        if until_reset is not None:
            return _wait(until_reset, WaitReason.USED_UP)
        if answer.status == _TOO_MANY or self.limit_words in answer.body.lower():
            doubled = 2 ** min(refusals, REFUSALS_DOUBLED_MAX)
            return _wait(self.unsaid_wait_s * doubled, WaitReason.TOO_FAST)
        return None

    def wait_before_next(self, answer: Answer, *, now: datetime) -> Wait | None:
        """How long to wait because an answer says that it was the last one granted."""
        until_reset = self._until_reset(answer, answer.date or now)
        return None if until_reset is None else _wait(until_reset, WaitReason.USED_UP)

    def _until_reset(self, answer: Answer, now: datetime) -> float | None:
        if answer.headers.get(self.remaining_header, "").strip() != "0":
            return None
        reset_at = _moment(answer.headers.get(self.reset_header, ""))
        # A second more: the reset is told in whole seconds.
        return None if reset_at is None else (reset_at - now).total_seconds() + 1


def retry_after_s(answer: Answer, now: datetime) -> float | None:
    """``Retry-After`` as seconds: it may be a number or a date (RFC 9110, section 10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    at = http_date(text)
    return None if at is None else max(0.0, (at - (answer.date or now)).total_seconds())


def _wait(seconds: float, reason: WaitReason) -> Wait:
    return Wait(seconds=max(WAIT_MIN_S, seconds), reason=reason)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None
