"""One sync in a process of its own, which says at the end how much memory it took at most."""

import os
import sys

from coworker_pipelines.assembly import Platform
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.settings import Settings
from tests.benchmarks.memory import print_peak
from tests.benchmarks.pipeline import sync_once
from tests.integration.world import NOW


def main(handle: str) -> None:
    settings = Settings.from_environment(os.environ)
    with Platform(settings, clock=FixedClock(NOW)) as platform:
        sync_once(platform, handle, f"{handle}-measured")
    print_peak()


if __name__ == "__main__":
    main(sys.argv[1])
