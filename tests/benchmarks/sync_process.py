"""One sync in a process of its own, which says at the end how much memory it took at most."""

import os
import sys

from coworker_pipelines.settings import Settings
from tests.benchmarks.memory import print_peak
from tests.benchmarks.pipeline import opened, sync_once


def main(handle: str) -> None:
    with opened(Settings.from_environment(os.environ)) as platform:
        sync_once(platform, handle, f"{handle}-measured")
    print_peak()


if __name__ == "__main__":
    main(sys.argv[1])
