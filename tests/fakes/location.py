"""A code location over the fake platform, for a real webserver and daemon."""

import os
import signal
from pathlib import Path

from coworker_pipelines.defs.graph import build_definitions
from tests.fakes.platform import GIT, SQL, Call, FakePlatform, resource_for

DUE = "acme.shop"
FRAGILE = "acme-corp.shop"
CONNECTIONS = {"acme.code": "git", "acme-corp.code": "git", DUE: "sql", FRAGILE: "sql"}


def _die_once(call: Call) -> None:
    """The fragile connection's first run is killed while it stores."""
    died = Path(os.environ["DAGSTER_HOME"]) / "died"
    if (call.handle, call.phase) == (FRAGILE, "store") and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)


_platform = FakePlatform(CONNECTIONS, fail=_die_once)
_platform.add_due(DUE)
_platform.add_due(FRAGILE)

defs = build_definitions([GIT, SQL], resource_for(_platform))
