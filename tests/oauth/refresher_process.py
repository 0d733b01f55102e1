"""The refresher in a process of its own, which can be killed."""

import multiprocessing
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import SIGKILL

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.oauth.refresh import Refresher, endpoints
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.store_keys import KeyFile
from tests.victims import wait_until, worked_s

START_S = 60.0
TURN_S = 300.0


def file_store(folder: Path) -> FileSecretStore:
    return FileSecretStore(folder / "secrets", KeyFile(folder / "secrets.key"))


def work_of_a_turn(url: str, folder: Path) -> float:
    """Seconds of processor time that a whole turn takes."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    with ours, turning(url, folder, theirs) as process:
        theirs.close()
        process.join(TURN_S)
        assert process.exitcode == 0
        worked = ours.recv()
        assert isinstance(worked, float)
        return worked


def kill_after(process: BaseProcess, work_s: float) -> bool:
    """Kill a process that has begun its turn, when it has worked so much; whether it still ran."""
    pid = process.pid
    assert pid is not None
    ends = worked_s(pid) + work_s
    wait_until(lambda: bool(wait([process.sentinel], 0)) or worked_s(pid) >= ends)
    process.kill()
    process.join()
    return process.exitcode == -SIGKILL


@contextmanager
def turning(url: str, folder: Path, told: Connection | None = None) -> Iterator[BaseProcess]:
    """A process that begins a turn now; it is gone after the block.

    ``told`` gets the seconds of processor time that the turn took, if it ends.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = _processes().Process(target=_turn, args=(url, folder, theirs, told))
    process.start()
    theirs.close()
    try:
        assert ours.poll(START_S), "the refresher did not start"
        ours.recv_bytes()
        yield process
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def _processes() -> ForkServerContext:
    """New processes are forked from one that has imported everything, and holds nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _turn(url: str, folder: Path, ready: Connection, told: Connection | None) -> None:
    clock, store = SystemClock(), file_store(folder)
    with Database(url) as database:
        refresher = Refresher(
            database=database,
            reader=store,
            writer=store,
            open_endpoint=endpoints(clock),
            clock=clock,
        )
        ready.send_bytes(b"ready")
        began_s = time.process_time()
        refresher.turn()
        if told is not None:
            told.send(time.process_time() - began_s)
    sys.exit(0)
