"""Syncs in processes of their own, which can be killed."""

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import SynchronizedArray
from typing import Final

import psutil

from coworker_pipelines.assembly import Platform
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.settings import Settings
from tests.environment import environment_of
from tests.integration.world import NOW, PHASES, sync_all

SYNC_S: Final = 120.0
POLL_S: Final = 0.002
TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
"""The grain in which the kernel tells what another process has worked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A sync under way, seen from outside.

    ``borders``: seconds of processor time that it had used at each phase's beginning, and at
    the end of the last; 0 for what has not come yet.
    """

    process: BaseProcess
    borders: "SynchronizedArray[float]"

    @property
    def phase(self) -> str:
        """The one that it is in; the first begins with the process."""
        begun = sum(worked > 0 for worked in self.borders[:])
        return PHASES[max(begun, 1) - 1]

    def wait_until_worked(self, seconds: float) -> bool:
        """Wait until it has used so much processor time; whether it is still alive then.

        Its own work is what places an instant: it is the same on a busy machine.
        """
        assert self.process.pid is not None
        ends = time.monotonic() + SYNC_S
        whole, rest = seconds - seconds % TICK_S, seconds % TICK_S
        try:
            watched = psutil.Process(self.process.pid)
            while sum(watched.cpu_times()[:2]) < whole:
                assert time.monotonic() < ends, "the sync did not get that far"
                if wait([self.process.sentinel], POLL_S):
                    return False
        except psutil.NoSuchProcess:
            return False
        return not wait([self.process.sentinel], rest)


def processes() -> ForkServerContext:
    """New processes are forked from one that has imported everything, and holds nothing else."""
    context = multiprocessing.get_context("forkserver")
    # The second brings Dagster, whose import would cost every deletion's process seconds.
    context.set_forkserver_preload([__name__, "coworker_pipelines.defs.deleting"])
    return context


@contextmanager
def started(
    settings: Settings, handle: str, windows: tuple[Window, ...], run: str
) -> Iterator[Victim]:
    context = processes()
    borders: SynchronizedArray[float] = context.Array("d", len(PHASES) + 1)
    process = context.Process(
        target=_sync, args=(environment_of(settings, settings.state), handle, windows, run, borders)
    )
    process.start()
    try:
        yield Victim(process=process, borders=borders)
    finally:
        process.kill()
        process.join()
        process.close()


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
