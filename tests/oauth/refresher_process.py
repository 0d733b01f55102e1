"""The refresher in a process of its own, which can be killed."""

import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.oauth.refresh import Refresher, endpoints
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.store_keys import KeyFile

START_S = 60.0


def file_store(folder: Path) -> FileSecretStore:
    return FileSecretStore(folder / "secrets", KeyFile(folder / "secrets.key"))


@contextmanager
def turning(url: str, folder: Path) -> Iterator[BaseProcess]:
    """A process that begins a turn now; it is gone after the block."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = _processes().Process(target=_turn, args=(url, folder, theirs))
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


def _turn(url: str, folder: Path, ready: Connection) -> None:
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
        refresher.turn()
    sys.exit(0)
