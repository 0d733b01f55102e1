"""The entry of a run's process: what it refuses to begin, and what it leaves behind."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.instance import InstanceRef
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClassData, serialize_value

from coworker_pipelines.defs.run_health import CONFIGURATION_STATUS
from coworker_pipelines.defs.running import main
from tests.defs.origins import add_run, code_origin
from tests.defs.servers import write_home


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    write_home(tmp_path)
    with DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


def order(run_id: str, reference: InstanceRef) -> str:
    return serialize_value(
        ExecuteRunArgs(job_origin=code_origin(), run_id=run_id, instance_ref=reference)
    )


def says(instance: DagsterInstance, run: DagsterRun, event: DagsterEventType) -> None:
    told = DagsterEvent(event_type_value=event.value, job_name=run.job_name)
    instance.report_dagster_event(told, run_id=run.run_id)


def carry_out(instance: DagsterInstance, run: DagsterRun, message: Path) -> int:
    return main([order(run.run_id, instance.get_ref())], message=message)


@pytest.mark.parametrize("ended", (DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED))
def test_a_run_that_was_written_off_is_not_begun(
    instance: DagsterInstance, tmp_path: Path, ended: DagsterEventType
) -> None:
    run = add_run(instance, job_name="sync_git", job_code_origin=code_origin())
    says(instance, run, ended)
    before = len(instance.all_logs(run.run_id))
    assert carry_out(instance, run, tmp_path / "message") == 0
    assert len(instance.all_logs(run.run_id)) == before


def test_a_run_that_was_cancelled_meanwhile_ends_as_cancelled(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    run = add_run(instance, job_name="sync_git", job_code_origin=code_origin())
    instance.report_run_canceling(run)
    assert carry_out(instance, run, tmp_path / "message") == 0
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is DagsterRunStatus.CANCELED


def test_a_row_cannot_make_a_run_load_other_code(instance: DagsterInstance, tmp_path: Path) -> None:
    run = add_run(instance, job_name="sync_git", job_code_origin=code_origin(module="antigravity"))
    message = tmp_path / "message"
    assert carry_out(instance, run, message) == CONFIGURATION_STATUS
    assert message.read_text() == (
        "A run in the cluster loads coworker_pipelines.definitions and nothing else."
    )


@pytest.mark.parametrize(
    ("content", "told"), ((None, "cannot be read from"), ("\n", "has to hold the address"))
)
def test_without_the_address_of_dagsters_database_the_reason_is_left_for_the_launcher(
    instance: DagsterInstance, tmp_path: Path, content: str | None, told: str
) -> None:
    address = tmp_path / "dagster_database_url"
    if content is not None:
        address.write_text(content)
    storage = ConfigurableClassData(
        "coworker_pipelines.defs.storage",
        "MountedPostgresStorage",
        f"postgres_url_file: {address}\n",
    )
    reference = instance.get_ref()._replace(storage_data=storage)
    message = tmp_path / "message"
    assert main([order("none", reference)], message=message) == CONFIGURATION_STATUS
    assert told in message.read_text()
    assert str(address) in message.read_text()


def test_an_order_that_is_none_is_refused(tmp_path: Path) -> None:
    message = tmp_path / "message"
    assert main(["{}"], message=message) == CONFIGURATION_STATUS
    assert "an order that is none" in message.read_text()


def test_the_entry_loads_neither_the_cluster_nor_the_launcher() -> None:
    look = (
        "import sys, coworker_pipelines.defs.running; "
        "print([name for name in ('kubernetes', 'elasticsearch', 'sqlalchemy.orm')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
