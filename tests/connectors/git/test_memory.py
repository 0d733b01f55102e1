"""Memory stays flat, whatever the length of the history."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Final

from coworker_pipelines.sdk.conformance import Planted
from coworker_pipelines.sdk.conformance.planting import spread
from tests.connectors.git.conftest import Repositories
from tests.connectors.git.planting import plant_commits
from tests.connectors.git.reading import JANUARY

GROWTH_BYTES_MAX: Final = 12 * 2**20
"""30,000 commits are 60 MB of records as Python holds them, and 3 MB as sorted hashes."""
_PROGRAM: Final = """
import re, sys
from pathlib import Path

from coworker_pipelines.connectors.git.streams import COMMITS
from tests.connectors.git.reading import JANUARY, opened
from coworker_pipelines.sdk.conformance.reading import request

read = 0
for page in opened(sys.argv[1]).read(request(COMMITS, JANUARY)):
    read += len(page.records)
# Not getrusage: its peak begins with that of the process that started this one.
[peak_kb] = re.findall(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(read, int(peak_kb) * 1024)
"""


def test_a_long_history_takes_no_more_memory_than_a_short_one(repositories: Repositories) -> None:
    peaks = []
    for commits in (1_000, 30_000):
        planted = Planted(records=commits, instants=spread(JANUARY, 97))
        read, peak = _read_elsewhere(repositories.get(plant_commits, planted).path)
        assert read == commits
        peaks.append(peak)
    [(short, long)] = pairwise(peaks)
    assert long - short < GROWTH_BYTES_MAX


def _read_elsewhere(repository: Path) -> tuple[int, int]:
    """Records read, and the most memory that a process of its own had."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(repository)],
        capture_output=True,
        check=False,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr
    read, peak = map(int, done.stdout.split())
    return read, peak
