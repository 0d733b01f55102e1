"""One sync on command, through Dagster, in a process of its own."""

import json
import os
import subprocess
import sys

from tests.cli.conftest import HANDLE, Stocked

SYNC_S = 120
PROGRAM = "from coworker_pipelines.cli.main import main; main()"


def test_a_sync_on_command_is_dagsters_own_run(stocked: Stocked, module_database_url: str) -> None:
    stocked.shop.change("UPDATE products SET price = '9.99' WHERE sku = 'sku-00001'")
    done = _sync(stocked, module_database_url)
    assert done.returncode == 0, done.stderr
    sync = json.loads(done.stdout)
    assert sync["status"] == "succeeded"
    products = {row["stream"]: row for row in sync["streams"]}["products"]
    assert (products["read"], products["indexed"], products["unchanged"]) == (5, 1, 4)


def test_a_run_that_fails_is_said_in_the_sentence_of_its_failure(
    stocked: Stocked, module_database_url: str
) -> None:
    stocked.shop.change("DROP TABLE products")
    done = _sync(stocked, module_database_url)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("coworker: ")
    assert "products" in line


def test_a_database_of_dagster_that_refuses_is_said_in_one_sentence(stocked: Stocked) -> None:
    done = _sync(stocked, "postgresql://ann@127.0.0.1:1/dagster")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "COWORKER_DAGSTER_DATABASE_URL" in line


def _sync(stocked: Stocked, dagster_url: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COWORKER_")},
        **stocked.environment,
        "COWORKER_DAGSTER_DATABASE_URL": dagster_url,
    }
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "connections", "sync", HANDLE, "--json"],
        env=environment,
        capture_output=True,
        check=False,
        timeout=SYNC_S,
        text=True,
    )
