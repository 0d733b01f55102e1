"""How often and how long one request is tried."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from coworker_pipelines.sdk.http.limits import HttpLimits

_SPREAD: Final = 0.5
_DOUBLINGS_MAX: Final = 32


@dataclass(slots=True)
class Effort:
    """What one request has cost already: attempts, and the seconds of them and between them."""

    limits: HttpLimits
    attempts: int = 0
    spent_s: float = 0.0

    def after(self, seconds: float) -> "Effort":
        """One attempt more, which took so long."""
        self.attempts += 1
        self.spent_s += seconds
        return self

    def delay_s(self, *, asked_s: float | None, dice: Callable[[], float]) -> float | None:
        """How long to wait before another attempt; ``None``: the last one was the last.

        Doubles with each attempt, and lies between half of that and the whole, so that runs
        which failed together don't come again together. What the other side asked for is the
        least. ``dice`` gives a number from 0 to 1.
        """
        limits = self.limits
        if self.attempts >= limits.attempts_max:
            return None
        doubled = limits.backoff_s * 2.0 ** min(self.attempts - 1, _DOUBLINGS_MAX)
        whole = min(limits.backoff_max_s, doubled)
        chosen = max(whole * (_SPREAD + _SPREAD * dice()), asked_s or 0.0)
        return chosen if self.spent_s + chosen <= limits.budget_s else None
