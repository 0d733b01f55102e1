"""Making all checks at once, each within its time."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import Final, Generic, TypeVar

from coworker_pipelines.doctor.check import Check, Outcome, Result, Verdict
from coworker_pipelines.kernel.errors import CoworkerError

TIMEOUT_S: Final = 30.0
CHECKS_MAX: Final = 100
_EXPECTED: Final = "the check can be made"

ValueT = TypeVar("ValueT")


def examine(checks: Sequence[Check], *, timeout_s: float = TIMEOUT_S) -> list[Result]:
    """A result for every check, in their order.

    One that raises, or has not answered in time, has failed and says so: what could not be
    seen is never taken for good. A thread that still waits is left behind; the clients that it
    waits for have limits of their own.
    """
    assert len(checks) <= CHECKS_MAX
    if not checks:
        return []
    # A thread for each, so that all begin now and one time holds for all.
    pool = ThreadPoolExecutor(max_workers=len(checks))
    futures = [pool.submit(_timed, check) for check in checks]
    wait(futures, timeout=timeout_s)
    pool.shutdown(wait=False, cancel_futures=True)
    return [
        _result(check, future, timeout_s) for check, future in zip(checks, futures, strict=True)
    ]


def status(results: Sequence[Result]) -> int:
    """The exit status: 1 where a check failed, else 0."""
    return int(any(result.outcome.verdict is Verdict.FAILED for result in results))


def _timed(check: Check) -> tuple[Outcome, float]:
    begun = time.monotonic()
    return check.look(), time.monotonic() - begun


def _result(check: Check, future: Future[tuple[Outcome, float]], timeout_s: float) -> Result:
    seconds = timeout_s
    if not future.done():
        found = _not_made(
            f"no answer within {timeout_s:g} s", "See whether it hangs, and ask again."
        )
    elif (error := future.exception()) is not None:
        found = _raised(error)
        seconds = 0.0
    else:
        found, seconds = future.result()
    return Result(subject=check.subject, name=check.name, outcome=found, seconds=seconds)


def _raised(error: BaseException) -> Outcome:
    if isinstance(error, CoworkerError):
        return _not_made(str(error), "Put that right, and ask again.")
    # Its text may hold what it worked on; its type does not.
    return _not_made(f"a defect of ours: {type(error).__name__}", "Report it to its developers.")


def _not_made(seen: str, advice: str) -> Outcome:
    return Outcome(
        verdict=Verdict.FAILED,
        expected=_EXPECTED,
        seen=f"it could not be made: {seen}",
        advice=advice,
    )


class Once(Generic[ValueT]):
    """A question whose answer several checks share; it is asked by the first of them, once."""

    def __init__(self, read: Callable[[], ValueT]) -> None:
        self._read = read
        self._lock = Lock()
        self._answer: Future[ValueT] | None = None

    def __call__(self) -> ValueT:
        with self._lock:
            if self._answer is None:
                pool = ThreadPoolExecutor(max_workers=1)
                self._answer = pool.submit(self._read)
                pool.shutdown(wait=False)
        return self._answer.result()
