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
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COWORKER_")},
        **stocked.environment,
        "COWORKER_DAGSTER_DATABASE_URL": module_database_url,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "connections", "sync", HANDLE, "--json"],
        env=environment,
        capture_output=True,
        check=False,
        timeout=SYNC_S,
    )
    assert done.returncode == 0, done.stderr.decode()
    sync = json.loads(done.stdout)
    assert sync["status"] == "succeeded"
    products = {row["stream"]: row for row in sync["streams"]}["products"]
    assert (products["read"], products["indexed"], products["unchanged"]) == (5, 1, 4)
