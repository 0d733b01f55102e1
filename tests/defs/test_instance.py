"""The settings that are shipped for Dagster's instance and code location."""

from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.instance.config import dagster_instance_config
from dagster_shared.yaml_utils import load_yaml_from_path

from coworker_pipelines.defs.coordinator import TenantRunCoordinator
from coworker_pipelines.defs.partitions import CONNECTION_TAG, TENANT_TAG
from coworker_pipelines.defs.redacted_compute_logs import RedactedComputeLogManager
from coworker_pipelines.defs.redacted_storage import RedactedPostgresStorage
from tests.defs.servers import ROOT, shipped_settings, write_home


def test_the_shipped_settings_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWORKER_DAGSTER_DATABASE_URL", "postgresql://localhost/dagster")
    values, _ = dagster_instance_config(str(ROOT))
    assert values["telemetry"] == {"enabled": False}
    assert values["nux"] == {"enabled": False}
    assert values["storage"]["custom"]["class"] == RedactedPostgresStorage.__name__
    assert values["compute_logs"]["class"] == RedactedComputeLogManager.__name__


def test_a_connection_has_one_run_at_a_time_and_a_tenant_has_a_limit(tmp_path: Path) -> None:
    write_home(tmp_path)
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        coordinator = instance.run_coordinator
        assert isinstance(coordinator, TenantRunCoordinator)
        limits = coordinator.get_run_queue_config().tag_concurrency_limits
    found = {limit["key"]: limit for limit in limits}
    assert found[CONNECTION_TAG]["limit"] == 1
    assert (
        found[TENANT_TAG]["limit"]
        < shipped_settings()["run_coordinator"]["config"]["max_concurrent_runs"]
    )
    assert all(limit["value"] == {"applyLimitPerUniqueValue": True} for limit in limits)


def test_only_a_crash_is_run_again() -> None:
    retries = shipped_settings()["run_retries"]
    assert retries["enabled"]
    assert not retries["retry_on_asset_or_op_failure"]


def test_the_workspace_names_the_code_location() -> None:
    workspace = load_yaml_from_path(str(ROOT / "workspace.yaml"))
    assert isinstance(workspace, dict)
    (entry,) = workspace["load_from"]
    assert entry["python_module"]["module_name"] == "coworker_pipelines.definitions"
