"""Loading Dagster's definitions, with ten connections and with ten thousand.

Each load is a fresh process, as a code server starts: the definitions are imported and the
snapshot that the webserver gets is made. The connections are in the database that the process
could ask, and their partitions in the Dagster instance that it opens, as it is shipped.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

from tests.benchmarks.frame import Figures, Given, Round
from tests.benchmarks.population import FEW, MANY, populated
from tests.database_fixtures import made_database, named_url

PROJECT: Final = Path(__file__).parents[2]
PROCESS_TIMEOUT_S: Final = 120
_ADD: Final = """
import sys
from dagster import DagsterInstance
from coworker_pipelines.defs.partitions import connections_of
from tests.benchmarks.population import handles
with DagsterInstance.get() as instance:
    instance.add_dynamic_partitions(connections_of("sql").name, handles(int(sys.argv[1])))
"""
_LOAD: Final = """
import sys
from coworker_pipelines.definitions import defs
from dagster import DagsterInstance
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster_shared.serdes import serialize_value
with DagsterInstance.get() as instance:
    assert len(instance.get_dynamic_partitions("sql_connections")) == int(sys.argv[1])
    snapshot = serialize_value(RepositorySnap.from_def(defs.get_repository_def()))
print(len(snapshot))
"""


@contextmanager
def load(given: Given) -> Iterator[Round]:
    """Seconds of a process, and bytes of the snapshot."""
    with ExitStack() as opened:
        few, many = (
            opened.enter_context(_environment(given, given.folder / f"load-{count}", count))
            for count in (FEW, MANY)
        )
        # Byte code is written in the first run.
        _load(few, FEW)

        def measured() -> Figures:
            few_s, few_bytes = _load(few, FEW)
            many_s, many_bytes = _load(many, MANY)
            return {
                "load_few_s": few_s,
                "load_many_s": many_s,
                "snapshot_few_bytes": few_bytes,
                "snapshot_many_bytes": many_bytes,
            }

        yield measured


@contextmanager
def _environment(given: Given, home: Path, count: int) -> Iterator[Mapping[str, str]]:
    """Variables of a process that finds so many connections and partitions."""
    home.mkdir()
    shutil.copy(PROJECT / "dagster.yaml", home)
    with (
        populated(given.endpoints.database_url, count) as url,
        made_database(given.endpoints.database_url) as name,
    ):
        variables = {
            "DAGSTER_HOME": str(home),
            "COWORKER_DATABASE_URL": url,
            "COWORKER_DAGSTER_DATABASE_URL": named_url(given.endpoints.dagster_database_url, name),
        }
        _run(_ADD, variables, count)
        yield variables


def _load(variables: Mapping[str, str], count: int) -> tuple[float, int]:
    started = perf_counter()
    said = _run(_LOAD, variables, count)
    return perf_counter() - started, int(said.split()[-1])


def _run(script: str, variables: Mapping[str, str], count: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, str(count)],
        check=False,
        cwd=PROJECT,
        capture_output=True,
        timeout=PROCESS_TIMEOUT_S,
        text=True,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout
