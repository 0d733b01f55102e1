"""Errors at Dagster's border: the one place that retries, and the one that says how it ended."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import Logger
from typing import Final, TypeVar

from dagster import Failure
from dagster._core.execution.plan.objects import UserFailureData

from coworker_pipelines.kernel.errors import (
    CoworkerError,
    DefectError,
    RefusedError,
    RetryLaterError,
    TenantActionError,
)

RETRIES_MAX: Final = 5
WAIT_FIRST_S: Final = 2.0
WAIT_GROWTH: Final = 4.0
WAIT_MAX_S: Final = 120.0
"""No wait is longer: a run holds its place in the queue meanwhile. Who is asked to come back
later than this ends the run, and the connection's schedule brings the next one."""

WHO_MUST_ACT: Final = "who must act"
Result = TypeVar("Result")

_WHO_ACTS: Final[dict[type[CoworkerError], str]] = {
    RetryLaterError: "Nobody: run it again later; what is done already stays done.",
    TenantActionError: "The tenant, or the engineer who set the connection up.",
    RefusedError: "The operator: a control of ours stopped this on purpose.",
    DefectError: "The developers of coworker_pipelines: this is a defect.",
}


class Patience:
    """Makes a call again when the world was at fault."""

    def __init__(self, *, sleep: Callable[[float], None], log: Logger) -> None:
        self._sleep = sleep
        self._log = log

    def insist(self, call: Callable[[], Result]) -> Result:
        """What the call returns.

        Raises:
            RetryLaterError: the world still was at fault at the last attempt.
        """
        for attempt in range(1, RETRIES_MAX + 1):
            try:
                return call()
            except RetryLaterError as error:
                wait_s = wait_before(attempt, asked_s=error.retry_after_s)
                if wait_s is None:
                    raise
                self._log.warning(
                    "%s Again in %g s (%d of %d).", error, wait_s, attempt, RETRIES_MAX
                )
                self._sleep(wait_s)
        return call()


def wait_before(attempt: int, *, asked_s: float | None) -> float | None:
    """Seconds before the retry of that number; ``None`` if the other side asks for too many."""
    wait_s = max(WAIT_FIRST_S * math.pow(WAIT_GROWTH, attempt - 1), asked_s or 0.0)
    if asked_s is not None and asked_s > WAIT_MAX_S:
        return None
    return min(wait_s, WAIT_MAX_S)


@contextmanager
def told_to_dagster() -> Iterator[None]:
    """Turns our errors into failures that carry their sentence and who must act.

    With ``DAGSTER_REDACT_USER_CODE_ERRORS`` set, Dagster masks every other error; the
    description of a ``Failure`` is what it still shows.
    """
    try:
        yield
    except CoworkerError as error:
        metadata = {WHO_MUST_ACT: who_acts(error)}
        if notes := getattr(error, "__notes__", ()):
            metadata["where"] = "; ".join(notes)
        raise Failure(
            description=str(error),
            metadata=metadata,
            allow_retries=isinstance(error, RetryLaterError),
        ) from error


def verdict_of(told: UserFailureData) -> type[CoworkerError]:
    """The verdict of the error that became this failure, also where Dagster masked the error."""
    acts = told.metadata.get(WHO_MUST_ACT)
    return next(
        (verdict for verdict, text in _WHO_ACTS.items() if acts is not None and acts.value == text),
        DefectError,
    )


def who_acts(error: CoworkerError) -> str:
    for verdict, sentence in _WHO_ACTS.items():
        if isinstance(error, verdict):
            return sentence
    return _WHO_ACTS[DefectError]
