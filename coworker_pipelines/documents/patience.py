"""How long an overloaded or absent cluster is waited for: the one place that retries."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError
from coworker_pipelines.kernel.log import get_logger

log = get_logger(__name__)

ResultT = TypeVar("ResultT")


UNKNOWN_TIMES: Final = 3
"""So often must a key be unknown before it is believed."""


class UnknownKeyError(RefusedError):
    """Elasticsearch does not know who asks.

    It says so, too, of somebody whom a realm could not look up for the moment (an index of the
    cluster's own that moves, a pool that is full): one such answer alone says nothing.
    """

    def __init__(self) -> None:
        super().__init__("Elasticsearch does not know this key: it was revoked or has expired.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """``attempts`` in all; pauses double from ``delay_s`` up to ``delay_max_s``."""

    attempts: int
    delay_s: float = 0.25
    delay_max_s: float = 20.0

    def retry(
        self,
        call: Callable[[], ResultT],
        *,
        pause: Callable[[float], None] = time.sleep,
        failed: Callable[[], None] = lambda: None,
    ) -> ResultT:
        """The call's result; ``failed`` is told of each attempt that has to be repeated.

        Raises:
            RetryLaterError: that of the last attempt.
            UnknownKeyError: the key was unknown ``UNKNOWN_TIMES``, or at the last attempt.
        """
        unknown = 0
        for attempt in range(self.attempts - 1):
            try:
                return call()
            except (RetryLaterError, UnknownKeyError) as error:
                unknown += isinstance(error, UnknownKeyError)
                if unknown == UNKNOWN_TIMES:
                    raise
                asked_s = error.retry_after_s if isinstance(error, RetryLaterError) else None
                delay_s = self.delay(attempt, asked_s)
                log.info(
                    "elasticsearch_waited_for",
                    attempt=attempt,
                    delay_s=round(delay_s, 3),
                    reason=str(error),
                )
                failed()
                pause(delay_s)
        return call()

    def delay(self, attempt: int, asked_s: float | None) -> float:
        """Never in step with other writers, and not shorter than the cluster asked for."""
        doubled = min(self.delay_max_s, self.delay_s * 2.0**attempt)
        jittered = doubled * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
        return max(jittered, min(asked_s or 0.0, self.delay_max_s))


WRITES: Final = Patience(attempts=12)
"""Under two minutes for a block: a restart of a node is sat out."""
READS: Final = Patience(attempts=6)
"""Some seconds: somebody may be waiting for the answer."""
ONCE: Final = Patience(attempts=1)
