"""Disks with and without room, stores that keep what they are given and stores that do not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from coworker_pipelines.doctor.check import Outcome, Verdict
from coworker_pipelines.doctor.room import room_checks
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.segments.local import LocalSegmentStore
from coworker_pipelines.segments.memory import MemorySegmentStore
from coworker_pipelines.segments.store import SegmentStore
from tests.doctor.asking import FAILED, OK, WARNING, answer

GIB = 2**30
DISK, KEPT = "disk of the state", "segments can be kept"


@pytest.mark.parametrize(
    ("total", "free", "verdict"),
    (
        (100 * GIB, 50 * GIB, OK),
        (100 * GIB, 9 * GIB, WARNING),
        (100 * GIB, GIB - 1, FAILED),
        (5 * GIB, GIB, OK),
    ),
)
def test_a_disk_is_judged(tmp_path: Path, total: int, free: int, verdict: Verdict) -> None:
    checks = room_checks(
        {"state": tmp_path / "not" / "yet"},
        MemorySegmentStore,
        usage=lambda path: (total, total - free, free) if path == tmp_path else (0, 0, 0),
    )
    assert answer(checks, DISK).verdict is verdict


def _kept(store: SegmentStore) -> Outcome:
    return answer(room_checks({}, lambda: store), KEPT)


def test_a_store_that_keeps_is_well_and_nothing_stays(tmp_path: Path) -> None:
    assert _kept(LocalSegmentStore(tmp_path)).verdict is OK
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


class Failing(MemorySegmentStore):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    @contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        with super().write(path) as target:
            yield target
            raise self._error


class Forgetful(MemorySegmentStore):
    def list(self, prefix: str) -> Iterator[str]:
        assert prefix
        yield from ()


class Altering(MemorySegmentStore):
    @contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        with super().write(path) as target:
            yield target
            target.write(b"!")


class Keeping(MemorySegmentStore):
    def delete(self, path: str) -> None:
        """It says so, and does nothing."""


@pytest.mark.parametrize(
    ("store", "seen"),
    (
        (Failing(OSError(28, "No space left on device")), "No space left"),
        (Failing(TenantActionError("There is no such bucket.")), "There is no such bucket."),
        (Forgetful(), "is not there"),
        (Altering(), "is not there"),
        (Keeping(), "it can"),
    ),
    ids=lambda value: type(value).__name__ if isinstance(value, SegmentStore) else None,
)
def test_a_store_that_does_not_keep_what_it_is_given_is_found(
    store: SegmentStore, seen: str
) -> None:
    found = _kept(store)
    assert found.verdict is FAILED
    assert seen in found.seen
