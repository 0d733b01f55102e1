"""Syncs in processes of their own, which can be killed."""

import multiprocessing
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import SynchronizedArray
from signal import SIGKILL
from typing import Final

from coworker_pipelines.assembly import Platform
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.settings import Settings
from tests.environment import environment_of
from tests.integration.world import NOW, PHASES, sync_all
from tests.victims import wait_until, worked_s

SYNC_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """``share`` of the work of a phase, whose whole is ``work_s`` of processor time."""

    phase: int
    share: float
    work_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A sync under way, seen from outside.

    ``borders``: seconds of processor time that it had used at each phase's beginning, and at
    the end of the last; 0 for what has not come yet.
    """

    process: BaseProcess
    borders: "SynchronizedArray[float]"

    @property
    def phase(self) -> int:
        """The one that it is in; the first begins with the process."""
        begun = sum(worked > 0 for worked in self.borders[:])
        return max(begun, 1) - 1

    def kill_at(self, instant: Instant) -> int | None:
        """Kill it there, or where the phase ends if that is sooner.

        The phase in which it was struck; none if its sync had ended before.
        """
        pid, ended = self.process.pid, self.process.sentinel
        assert pid is not None

        def is_there() -> bool:
            if self.phase > instant.phase or wait([ended], 0):
                return True
            begun_s = self.borders[instant.phase] if instant.phase else 0.0
            has_begun = self.phase == instant.phase
            return has_begun and worked_s(pid) >= begun_s + instant.share * instant.work_s

        wait_until(is_there)
        self.process.kill()
        self.process.join()
        was_killed = self.process.exitcode == -SIGKILL and self.phase < len(PHASES)
        return self.phase if was_killed else None


def processes() -> ForkServerContext:
    """New processes are forked from one that has imported everything, and holds nothing else."""
    context = multiprocessing.get_context("forkserver")
    # The second brings Dagster, whose import would cost every deletion's process seconds.
    context.set_forkserver_preload([__name__, "coworker_pipelines.defs.deleting"])
    return context


@contextmanager
def living(process: BaseProcess) -> Iterator[None]:
    """It is started, and nothing is left of it afterwards."""
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()
        process.close()


@contextmanager
def started(
    settings: Settings, handle: str, windows: tuple[Window, ...], run: str
) -> Iterator[Victim]:
    context = processes()
    borders: SynchronizedArray[float] = context.Array("d", len(PHASES) + 1)
    process = context.Process(
        target=_sync, args=(environment_of(settings, settings.state), handle, windows, run, borders)
    )
    with living(process):
        yield Victim(process=process, borders=borders)


def run_to_the_end(
    settings: Settings, handle: str, windows: tuple[Window, ...], run: str
) -> list[float]:
    """The borders of its phases, as ``Victim`` has them."""
    with started(settings, handle, windows, run) as victim:
        victim.process.join(SYNC_S)
        assert victim.process.exitcode == 0, f"the sync ended with {victim.process.exitcode}"
        return list(victim.borders[:])


def _sync(
    environment: dict[str, str],
    handle: str,
    windows: tuple[Window, ...],
    run: str,
    borders: "SynchronizedArray[float]",
) -> None:
    def entered(phase: int) -> None:
        borders[phase] = time.process_time()

    settings = Settings.from_environment(environment)
    with Platform(settings, clock=FixedClock(NOW)) as platform:
        sync_all(platform, handle, windows, run=run, entered=entered)
    entered(len(PHASES))
    sys.exit(0)
