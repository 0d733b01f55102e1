"""How much more memory a process takes for ten times as many documents."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FEW_DOCUMENTS: Final = 100_000
MANY_DOCUMENTS: Final = 1_000_000
PROCESS_TIMEOUT_S: Final = 1_800
_PEAK: Final = "VmHWM:"
_KIB_PER_MIB: Final = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that ends with ``print_peak``."""

    command: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    few_mib: float
    many_mib: float

    @property
    def growth_mib(self) -> float:
        return self.many_mib - self.few_mib


def measure_memory(run: Callable[[int], AbstractContextManager[Process]]) -> Peaks:
    """Peaks of two processes; ``run`` makes the one that takes in so many documents."""
    with run(FEW_DOCUMENTS) as process:
        few_mib = _peak_mib(process)
    with run(MANY_DOCUMENTS) as process:
        many_mib = _peak_mib(process)
    return Peaks(few_mib=few_mib, many_mib=many_mib)


def print_peak() -> None:
    """The last line that a measured process writes: its largest resident size so far, in KiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith(_PEAK))
    print(line.split()[1])  # noqa: T201 - the parent reads it


def _peak_mib(process: Process) -> float:
    done = subprocess.run(
        process.command,
        check=False,
        capture_output=True,
        text=True,
        timeout=PROCESS_TIMEOUT_S,
        env={**os.environ, **process.environment},
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return int(done.stdout.split()[-1]) / _KIB_PER_MIB
