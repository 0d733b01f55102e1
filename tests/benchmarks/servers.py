"""The servers that everything is measured on."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from coworker_pipelines.services.local import Endpoints, LocalServices

RUNNING_STATE = "COWORKER_TEST_STATE"
"""Names a state folder whose services run: they are used and left running, as the tests do."""


@contextmanager
def opened_servers(cache: Path, progress: Callable[[str], None]) -> Iterator[Endpoints]:
    """One node and one Postgres, in a folder that is gone afterwards."""
    running = os.environ.get(RUNNING_STATE)
    if running is not None:
        yield _services(Path(running), cache).endpoints()
        return
    with tempfile.TemporaryDirectory(prefix="coworker-bench-") as name:
        folder = Path(name)
        # As root, servers run as another user, who has to get in.
        folder.chmod(0o755)
        services = _services(folder, cache)
        try:
            yield services.up(progress)
        finally:
            services.down()


def _services(state: Path, cache: Path) -> LocalServices:
    return LocalServices(state, elasticsearch_port=None, environment=os.environ, cache=cache)
