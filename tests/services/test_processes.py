"""A process id alone proves nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from coworker_pipelines.services.processes import find_process, last_line, stop_process

MARK = "--this-is-ours"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True); time.sleep(600)"
)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process with our mark that does not end when it is asked to."""
    command = [sys.executable, "-c", STUBBORN, MARK]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def record(folder: Path, pid: int) -> Path:
    path = folder / "pid"
    path.write_text(f"{pid}\n", encoding="utf-8")
    return path


def test_our_process_is_found(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    found = find_process(record(tmp_path, sleeper.pid), argument=MARK)
    assert found is not None
    assert found.pid == sleeper.pid


def test_an_id_that_went_to_another_process_is_stale(tmp_path: Path) -> None:
    assert find_process(record(tmp_path, os.getpid()), argument=MARK) is None


def test_a_file_that_is_missing_or_empty_names_no_process(tmp_path: Path) -> None:
    assert find_process(tmp_path / "pid", argument=MARK) is None
    (tmp_path / "pid").touch()
    assert find_process(tmp_path / "pid", argument=MARK) is None


def test_a_dead_process_that_nobody_collected_is_not_alive(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert find_process(record(tmp_path, sleeper.pid), argument=MARK) is None


def test_who_does_not_end_is_killed(sleeper: subprocess.Popen[bytes]) -> None:
    stop_process(psutil.Process(sleeper.pid), by=signal.SIGTERM, wait_s=0)
    assert sleeper.wait() == -signal.SIGKILL


def test_a_log_is_quoted_by_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("first\nno space left on device\n\n", encoding="utf-8")
    assert last_line(log) == "no space left on device"
