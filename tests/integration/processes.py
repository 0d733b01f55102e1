"""Syncs in processes of their own, which can be killed."""

import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess

from coworker_pipelines.assembly import Platform
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.settings import Settings
from tests.environment import environment_of
from tests.integration.world import NOW, sync_all

SYNC_S = 120.0


def processes() -> ForkServerContext:
    """New processes are forked from one that has imported everything, and holds nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


@contextmanager
def started(
    settings: Settings, handle: str, windows: tuple[Window, ...], run: str
) -> Iterator[BaseProcess]:
    process = processes().Process(
        target=_sync, args=(environment_of(settings, settings.state), handle, windows, run)
    )
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
        process.close()


def run_to_the_end(settings: Settings, handle: str, windows: tuple[Window, ...], run: str) -> None:
    with started(settings, handle, windows, run) as process:
        process.join(SYNC_S)
        assert process.exitcode == 0, f"the sync ended with {process.exitcode}"


def _sync(environment: dict[str, str], handle: str, windows: tuple[Window, ...], run: str) -> None:
    settings = Settings.from_environment(environment)
    with Platform(settings, clock=FixedClock(NOW)) as platform:
        sync_all(platform, handle, windows, run=run)
    sys.exit(0)
