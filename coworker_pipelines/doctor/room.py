"""Whether there is room on the disks, and segments can be put where they rest."""

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Final

from coworker_pipelines.doctor.check import Check, Outcome, Verdict, outcome
from coworker_pipelines.kernel.errors import DefectError, RefusedError
from coworker_pipelines.segments.store import SegmentStore

SUBJECT: Final = "room"
FREE_BYTES_MIN: Final = 1 * 2**30
FREE_SHARE_LOW: Final = 0.1
_PROBE: Final = "probe"
_GIB: Final = 2**30

Usage = Callable[[Path], tuple[int, int, int]]
"""Bytes in all, used and free, of the disk that a path is on."""


def room_checks(
    places: Mapping[str, Path],
    segments: Callable[[], SegmentStore],
    *,
    usage: Usage = shutil.disk_usage,
) -> list[Check]:
    """``places`` by what they hold; ``segments`` is a store of nobody's, to try it with."""
    return [
        *(
            Check(subject=SUBJECT, name=f"disk of the {name}", look=partial(_disk, path, usage))
            for name, path in places.items()
        ),
        Check(subject=SUBJECT, name="segments can be kept", look=lambda: _kept(segments())),
    ]


def _disk(path: Path, usage: Usage) -> Outcome:
    there = next((parent for parent in (path, *path.parents) if parent.exists()), None)
    if there is None:
        raise RefusedError(f"{path} is nowhere on this machine.")
    total, _, free = usage(there)
    return outcome(
        holds=free >= FREE_BYTES_MIN and free >= FREE_SHARE_LOW * total,
        expected=f"{FREE_BYTES_MIN / _GIB:g} GiB and {FREE_SHARE_LOW:.0%} free",
        seen=f"{free / _GIB:,.1f} of {total / _GIB:,.1f} GiB free",
        advice=f"Free or add space for {path}: a sync that finds none fails.",
        otherwise=Verdict.WARNING if free >= FREE_BYTES_MIN else Verdict.FAILED,
    )


def _kept(store: SegmentStore) -> Outcome:
    """What is written can be read, and is gone when it was deleted."""
    path, content = f"{_PROBE}/{token_hex(8)}", token_hex(8).encode()
    try:
        with store.write(path) as target:
            target.write(content)
        with store.read(path) as source:
            read = source.read()
        listed = path in store.list(_PROBE)
    except OSError as error:
        raise RefusedError(f"Segments cannot be written ({error.strerror}).") from error
    finally:
        store.delete(path)
    if read != content or not listed:
        raise DefectError("A segment that was written is not there.")
    return outcome(
        holds=path not in store.list(_PROBE),
        expected="a segment can be written, read, listed and deleted",
        seen="it can",
        advice="Give the account that runs this the right to delete objects there.",
    )
