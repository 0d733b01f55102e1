"""An erasure's work in this process."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from coworker_pipelines.assembly.erasing import erasure_work
from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.privacy.erasure.carrying_out import ErasureWork
from coworker_pipelines.settings import Settings


@contextmanager
def open_erasure_work() -> Iterator[ErasureWork]:
    """Carries out confirmed orders."""
    with Platform.from_environment() as platform:
        yield erasure_work(platform, Settings.from_environment(os.environ), sleep=time.sleep)
