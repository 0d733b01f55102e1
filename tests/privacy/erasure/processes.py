"""Erasures in processes of their own, which are killed at an instant of their work."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import SynchronizedArray
from signal import SIGKILL

from coworker_pipelines.assembly import Platform
from coworker_pipelines.assembly.erasing import erasure_work
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.privacy.erasure.carrying_out import ErasureWork
from coworker_pipelines.privacy.names import ERASED_FIRST
from coworker_pipelines.settings import Settings
from tests.environment import environment_of
from tests.integration.processes import living, processes
from tests.integration.world import NOW
from tests.victims import has_worked, wait_until

ERASURE_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """``borders``: seconds of processor time used when its work began, and when it was done."""

    process: BaseProcess
    borders: "SynchronizedArray[float]"

    def kill_behind(self, worked_s: float) -> bool:
        """Kill it when it has worked for so long; whether its work was cut off by that."""
        pid, ended = self.process.pid, self.process.sentinel
        assert pid is not None

        def is_there() -> bool:
            begun_s = self.borders[0]
            at_work = begun_s > 0 and has_worked(pid, begun_s + worked_s)
            return bool(at_work or wait([ended], 0))

        wait_until(is_there)
        self.process.kill()
        self.process.join()
        return self.process.exitcode == -SIGKILL and not self.borders[1]


@contextmanager
def erasing(settings: Settings, order: str) -> Iterator[Victim]:
    context = processes()
    borders: SynchronizedArray[float] = context.Array("d", 2)
    process = context.Process(
        target=_erase, args=(environment_of(settings, settings.state), order, borders)
    )
    with living(process):
        yield Victim(process=process, borders=borders)


def work_of(settings: Settings, order: str) -> float:
    """Carry it out to its end; the seconds of processor time that it took."""
    with erasing(settings, order) as victim:
        victim.process.join(ERASURE_S)
        assert victim.process.exitcode == 0, f"it ended with {victim.process.exitcode}"
        begun_s, done_s = victim.borders[:]
    return float(done_s - begun_s)


def cleared(work: ErasureWork, order: str) -> None:
    """All but the wait for the bytes."""
    work.keep_out(order)
    for name in ERASED_FIRST:
        work.clear(order, name)
    work.settle(order)


def _erase(environment: dict[str, str], order: str, borders: "SynchronizedArray[float]") -> None:
    settings = Settings.from_environment(environment)
    with Platform(settings, clock=FixedClock(NOW)) as platform:
        work = erasure_work(platform, settings, sleep=time.sleep)
        borders[0] = time.process_time()
        cleared(work, order)
        borders[1] = time.process_time()
    sys.exit(0)
