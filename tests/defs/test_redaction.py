"""Nothing of a secret is in Dagster: events, errors, metadata, tags, configuration, logs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from dagster import DagsterEventType, DagsterInstance
from psycopg import sql

from coworker_pipelines.secrets.redaction.redactor import MASK
from tests.defs.leaking import AFTER, SEED
from tests.defs.servers import ROOT
from tests.secrets.redaction.planting import WRITERS, Witness, planted

END_S = 900
DRIVER = "postgresql+psycopg2"


def leaked(home: Path, database_url: str, count: int) -> subprocess.CompletedProcess[bytes]:
    (home / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    address = database_url.replace("postgresql+psycopg", DRIVER)
    return subprocess.run(
        [sys.executable, "-m", "tests.defs.leaking", str(home), str(count)],
        env={**os.environ, "COWORKER_DAGSTER_DATABASE_URL": address, "DAGSTER_HOME": str(home)},
        capture_output=True,
        check=False,
        timeout=END_S,
    )


def dumped(database_url: str) -> Iterator[tuple[str, bytes]]:
    """Every table's content, as a dump writes it."""
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables.fetchall():
            statement = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
            with connection.cursor().copy(statement) as copy:
                yield table, b"".join(bytes(row) for row in copy)


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def require_nothing(home: Path, database_url: str, count: int, step: int) -> None:
    done = leaked(home, database_url, count)
    assert done.returncode == 0, done.stderr[-4_000:]
    witness = Witness.of(planted(count, seed=SEED), WRITERS.values(), step=step)
    tables = dict(dumped(database_url))
    sinks = {"stdout": done.stdout, "stderr": done.stderr, **tables, **dict(files(home))}
    assert {name: found for name, text in sinks.items() if (found := witness.finds(text))} == {}
    for name in ("stdout", "stderr", "event_logs", "runs", "run_tags"):
        assert MASK.encode() in sinks[name], name
    outputs = [text for name, text in sinks.items() if name.endswith((".out", ".err"))]
    assert len(outputs) == 2 * RUNS
    assert sum(MASK.encode() in text for text in outputs) >= 2
    assert f"{AFTER} {MASK}".encode() in done.stdout


RUNS = 4


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


def test_a_run_that_leaks_everywhere_leaves_nothing(
    home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_nothing(home, database_url, count=6, step=5)
    require_readable(home, database_url, monkeypatch)


@pytest.mark.soak
def test_a_run_that_leaks_three_hundred_values_leaves_nothing(
    home: Path, database_url: str
) -> None:
    require_nothing(home, database_url, count=300, step=3)


def require_readable(home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was masked is still what Dagster reads: the UI shows every event of every run."""
    address = database_url.replace("postgresql+psycopg", DRIVER)
    monkeypatch.setenv("COWORKER_DAGSTER_DATABASE_URL", address)
    with DagsterInstance.from_config(str(home)) as instance:
        runs = instance.get_runs()
        assert len(runs) == RUNS
        assert {run.tags["value"] for run in runs} == {MASK}
        types = {
            entry.dagster_event.event_type
            for run in runs
            for entry in instance.all_logs(run.run_id)
            if entry.dagster_event is not None
        }
        assert types >= {
            DagsterEventType.ASSET_MATERIALIZATION,
            DagsterEventType.ASSET_OBSERVATION,
            DagsterEventType.STEP_EXPECTATION_RESULT,
            DagsterEventType.STEP_FAILURE,
            DagsterEventType.LOGS_CAPTURED,
        }
