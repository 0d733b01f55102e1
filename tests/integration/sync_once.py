"""One sync of one connection and window, by the environment: a process of its own for a test."""

import sys

from coworker_pipelines.assembly import Platform
from coworker_pipelines.kernel.window import Window
from tests.integration.world import sync_all


def main(handle: str, window: str) -> None:
    with Platform.from_environment() as platform:
        sync_all(platform, handle, (Window.parse(window),), run=f"{handle} {window}")


if __name__ == "__main__":
    main(*sys.argv[1:])
