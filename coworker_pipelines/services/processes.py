"""Processes that were started by somebody else, or by us in an earlier life."""

import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from coworker_pipelines.kernel.errors import DefectError, TenantActionError
from coworker_pipelines.services.account import Account

_POLL_S = 0.05
_KILLED_WAIT_S = 10
_LINE_CHARACTERS_MAX = 300


def find_process(pid_file: Path, *, argument: str) -> psutil.Process | None:
    """The living process whose id is the file's first line and whose command holds ``argument``.

    An id is given to another process sooner or later, so the id alone proves nothing. A process
    that has ended and was not collected by its parent is not alive.
    """
    try:
        process = psutil.Process(int(pid_file.read_text(encoding="utf-8").splitlines()[0]))
        return process if argument in process.cmdline() else None
    except (FileNotFoundError, ValueError, IndexError, psutil.Error):
        return None


def stop_process(process: psutil.Process, *, by: signal.Signals, wait_s: float) -> None:
    """The process has ended: asked to by a signal, and killed if it did not within ``wait_s``.

    Raises:
        TenantActionError: the process is another user's.
    """
    try:
        process.send_signal(by)
        if not _ended_within(process, wait_s):
            process.kill()
            if not _ended_within(process, _KILLED_WAIT_S):
                raise DefectError(f"Process {process.pid} does not end, killed as it is.")
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise TenantActionError(
            f"Process {process.pid} belongs to another user: stop the services as the user who "
            "started them."
        ) from error


def run_as(
    account: Account,
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    timeout_s: float,
) -> bool:
    """Whether the command ended well, run as the account; what it says goes to ``log``.

    A file and not a pipe: a server that the command leaves behind would hold a pipe open.
    """
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                command,
                check=False,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                start_new_session=True,
                user=account.uid if account.switched else None,
                group=account.gid if account.switched else None,
                extra_groups=[] if account.switched else None,
                preexec_fn=hear_interrupts,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def hear_interrupts() -> None:
    """In a new process: SIGINT ends it, also where we were started with ``&`` or ``nohup``.

    A shell has what it starts in the background ignore SIGINT, and all descendants inherit it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def last_line(log: Path) -> str:
    """The last line that says something, cut to a readable length."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    said = (line.strip() for line in reversed(lines) if line.strip())
    return next(said, "nothing")[:_LINE_CHARACTERS_MAX]


def _ended_within(process: psutil.Process, wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True
