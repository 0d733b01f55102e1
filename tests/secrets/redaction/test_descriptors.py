"""Descriptors 1 and 2 of a process, whoever writes to them and however it ends."""

import os
import signal
import subprocess
import sys

import pytest

from coworker_pipelines.secrets.redaction.redactor import MASK
from tests.secrets.redaction.planting import WRITERS, Witness, planted
from tests.secrets.redaction.programs import COUNT, LATE

END_S = 300
LINES = b"".join(f"{number} {MASK}\n".encode() for number in range(2_000))


def run(name: str, *, count: int = 0, together: bool = False) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "tests.secrets.redaction.programs", name],
        env={**os.environ, COUNT: str(count)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if together else subprocess.PIPE,
        start_new_session=True,
        check=False,
        timeout=END_S,
    )


def require_clean_sinks(name: str, count: int, step: int) -> None:
    values = planted(count, seed=21)
    witness = Witness.of([*values, LATE], WRITERS.values(), step=step)
    done = run(name, count=count)
    for output in (done.stdout, done.stderr):
        assert not witness.finds(output)
        assert output.count(MASK.encode()) >= count


def test_no_value_leaves_by_python_c_or_a_child_process() -> None:
    require_clean_sinks("every_sink", count=6, step=5)


def test_no_value_leaves_by_what_python_shows() -> None:
    require_clean_sinks("prints", count=6, step=5)


@pytest.mark.soak
@pytest.mark.parametrize("name", ("every_sink", "prints"))
def test_none_of_three_hundred_values_leaves(name: str) -> None:
    require_clean_sinks(name, count=300, step=3)


def test_what_is_written_arrives_in_its_order() -> None:
    done = run("every_sink", count=1)
    assert done.stdout.endswith(MASK.encode() + b"\nthe end\n")
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("name", "status"), (("killed", -signal.SIGKILL), ("left_at_once", 3), ("interrupted", 0))
)
def test_the_last_words_of_a_run_are_shown_and_masked(name: str, status: int) -> None:
    done = run(name)
    assert done.returncode == status
    assert done.stdout.startswith(LINES)
    assert done.stderr == MASK.encode()
    assert LATE.encode() not in done.stdout


def test_outside_the_filter_an_error_is_not_lost() -> None:
    done = run("failed")
    assert done.returncode == 1
    assert done.stdout == LINES


def test_two_names_of_one_place_keep_their_order() -> None:
    done = run("killed", together=True)
    assert done.stdout == LINES + MASK.encode()


def test_without_its_filter_a_run_shows_nothing_more() -> None:
    done = run("without_filter")
    assert done.returncode == 1
    assert b"filter of this process's output has ended" in done.stderr
    assert LATE.encode() not in done.stdout + done.stderr
