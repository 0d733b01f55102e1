"""Builds the programs of the control plane, and says so while it takes its minutes."""

import os
import sys

from coworker_pipelines.cli.main import run
from tests.cluster.programs import CACHE, build_programs

sys.exit(
    run(
        lambda: build_programs(
            CACHE,
            environment=os.environ,
            progress=lambda message: print(message, file=sys.stderr),  # noqa: T201 - a program
        )
    )
)
