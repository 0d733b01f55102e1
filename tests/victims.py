"""Processes that are killed at an instant of their own work.

Processor time places the instant, and not the clock: on a busy machine a process does the same
work later, so an instant that is drawn from seconds moves with whatever else is running, and
may come when all is over.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

POLL_S: Final = 0.001
WORK_S: Final = 300.0


@dataclass
class Points:
    """Counts the points that this process passes, and kills it at one of them."""

    kill_at: int
    passed: int = 0

    def passing(self, *_: Any) -> None:
        self.passed += 1
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def worked_s(pid: int) -> float:
    """Seconds of processor time that all threads of a process have used; endless if it is gone.

    The kernel keeps a clock for each process, in nanoseconds, whose id is made of the process's
    as ``clock_getcpuclockid(3)`` does it.
    """
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return float("inf")


def has_worked(pid: int, seconds: float) -> bool:
    return worked_s(pid) >= seconds


def wait_until(is_there: Callable[[], bool]) -> None:
    """Look closely until it is so; who waits in vain fails."""
    ends = time.monotonic() + WORK_S
    while not is_there():
        assert time.monotonic() < ends, "it did not get that far"
        time.sleep(POLL_S)


def tell(line: str) -> None:
    """Progress and figures, which `make soak` shows."""
    print(line, flush=True)  # noqa: T201
