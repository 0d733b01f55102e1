"""Which commits belong to a span, exactly, in order, in bounded memory."""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Final

from coworker_pipelines.connectors.git.command import Git
from coworker_pipelines.connectors.git.cursor import Pass, Position
from coworker_pipelines.connectors.git.objects import SECONDS_MAX

RUN_COMMITS: Final = 50_000
"""So many are sorted in memory; more go to a file and are merged."""
_SECONDS_BYTES: Final = 8
# Stashes and notes are a person's own desk, not the project's history.
_OUTSIDE: Final = ("refs/stash", "refs/notes/")


def current_tips(git: Git) -> list[str]:
    """The shas that references point at: commits, and tag objects (which lead to commits)."""
    with git.start(("for-each-ref", "--format=%(objectname) %(objecttype) %(refname)")) as output:
        tips = {
            parts[0].decode()
            for line in output.pieces(b"\n")
            if (parts := line.split(b" ", 2))[1] in {b"commit", b"tag"}
            and not parts[2].decode(errors="replace").startswith(_OUTSIDE)
        }
    # A checkout may stand on a commit that no branch names.
    tips.update(existing(git, ["HEAD"]))
    return sorted(tips)


def existing(git: Git, names: Iterable[str]) -> list[str]:
    """The shas of those objects that the repository has."""
    with _given(f"{name}\n".encode() for name in names) as given:  # noqa: SIM117 - reads in order
        with git.start(("cat-file", "--batch-check=%(objectname)"), given=given) as output:
            lines = [line.decode(errors="replace") for line in output.pieces(b"\n")]
    return [line for line in lines if " " not in line]


@contextmanager
def choose_commits(git: Git, step: Pass, tips: list[str]) -> Iterator[IO[bytes]]:
    """A file of lines ``sha seconds`` of the commits still to be read in a pass, in its order.

    ``tips`` are what its goal stands for. Dates are looked at one by one: git's own
    ``--since`` stops at the first old commit, and histories with skewed clocks go on behind it.
    """
    known = existing(git, (step.known and step.known.shas) or ())
    asked = (*tips, *(f"^{sha}" for sha in known))
    with ExitStack() as opened:
        given = opened.enter_context(_given(f"{name}\n".encode() for name in asked))
        output = opened.enter_context(
            git.start(("rev-list", "--timestamp", "--stdin"), given=given)
        )
        runs = _sorted_runs(_inside(output.pieces(b"\n"), step.since, step.until), opened)
        chosen = opened.enter_context(_given(_lines(heapq.merge(*runs), step.after)))
        yield chosen


def _inside(lines: Iterable[bytes], since: int, until: int) -> Iterator[bytes]:
    """Sortable entries: seconds as eight bytes, then the sha's bytes."""
    for line in lines:
        text, _, sha = line.partition(b" ")
        seconds = int(text)
        if seconds > SECONDS_MAX:
            seconds = 0
        if since <= seconds < until:
            yield seconds.to_bytes(_SECONDS_BYTES) + bytes.fromhex(sha.decode())


def _sorted_runs(entries: Iterator[bytes], opened: ExitStack) -> list[Iterable[bytes]]:
    """The entries in sorted runs: the last in memory, those before it in files."""
    runs: list[Iterable[bytes]] = []
    run: list[bytes] = []
    for entry in entries:
        run.append(entry)
        if len(run) == RUN_COMMITS:
            run.sort()
            runs.append(_entries(opened.enter_context(_given(run)), len(entry)))
            run = []
    run.sort()
    return [*runs, run]


def _entries(file: IO[bytes], size: int) -> Iterator[bytes]:
    while entry := file.read(size):
        yield entry


def _lines(entries: Iterable[bytes], after: Position | None) -> Iterator[bytes]:
    start = (
        b"" if after is None else after.seconds.to_bytes(_SECONDS_BYTES) + bytes.fromhex(after.sha)
    )
    for entry in entries:
        if entry > start:
            sha = entry[_SECONDS_BYTES:].hex()
            yield f"{sha} {int.from_bytes(entry[:_SECONDS_BYTES])}\n".encode()


@contextmanager
def _given(lines: Iterable[bytes]) -> Iterator[IO[bytes]]:
    """A file that holds the lines, at its beginning; it is gone with the block."""
    with tempfile.NamedTemporaryFile(prefix="coworker-git-") as file:
        file.writelines(lines)
        file.flush()
        file.seek(0)
        yield file
