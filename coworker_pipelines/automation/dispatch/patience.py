"""When an action is tried again. Pure."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

ATTEMPTS_MAX: Final = 12
"""With the waits between them about a day: who is away for longer is told of what is dead."""
FIRST_WAIT_S: Final = 30.0
WAIT_MAX_S: Final = 4 * 3600.0
_SPREAD: Final = 0.5


def wait_before_next(
    attempts: int, *, asked_s: float | None, dice: Callable[[], float]
) -> timedelta | None:
    """How long to wait after so many attempts; ``None``: the last one was the last.

    Doubles, and lies between half of that and the whole, so that what failed together does not
    come again together. What the other side asked for is the least, up to the longest wait.
    """
    if attempts >= ATTEMPTS_MAX:
        return None
    whole = min(WAIT_MAX_S, FIRST_WAIT_S * 2.0 ** (attempts - 1))
    chosen = max(whole * (_SPREAD + _SPREAD * dice()), min(asked_s or 0.0, WAIT_MAX_S))
    return timedelta(seconds=chosen)
