"""The settings that are shipped for Dagster's instance and code location."""

from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.instance import InstanceRef
from dagster._core.instance.config import dagster_instance_config
from dagster_shared.yaml_utils import load_yaml_from_path

from coworker_pipelines.cluster.limits import TenantLimits
from coworker_pipelines.defs.coordinator import TenantRunCoordinator
from coworker_pipelines.defs.launcher import TenantRunLauncher
from coworker_pipelines.defs.partitions import CONNECTION_TAG, TENANT_TAG
from coworker_pipelines.defs.redacted_compute_logs import RedactedComputeLogManager
from coworker_pipelines.defs.redacted_storage import RedactedPostgresStorage
from coworker_pipelines.kernel.errors import RefusedError
from tests.defs.servers import ROOT, deployed_settings, shipped_settings, write_home


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


def test_the_deployed_settings_are_valid_and_hold_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = tmp_path / "dagster_database_url"
    monkeypatch.setenv("COWORKER_DAGSTER_DATABASE_URL_FILE", str(address))
    settings = deployed_settings()
    dagster_instance_config(str(ROOT / "deploy" / "kubernetes" / "base"))
    reference = InstanceRef.from_dir(str(tmp_path), overrides=settings)
    # What is told to a run in its pod's manifest names the file, not what is in it.
    assert reference.storage_data is not None
    assert "COWORKER_DAGSTER_DATABASE_URL_FILE" in reference.storage_data.config_yaml
    with pytest.raises(RefusedError, match="cannot be read from"):
        assert reference.storage
    address.write_text("postgresql://user:hunter2@nowhere/dagster")
    assert "hunter2" not in str(reference.to_dict())


def test_the_deployed_launcher_is_ours_and_knows_every_kinds_resources(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = ("IMAGE", "ELASTICSEARCH_URL", "ELASTICSEARCH_USER", "SEGMENTS", "FIRST_WINDOW")
    for name in (*names, "JOURNAL", "BACKUP_DAYS"):
        monkeypatch.setenv(f"COWORKER_{name}", "2024-01")
    reference = InstanceRef.from_dir(str(tmp_path), overrides=deployed_settings())
    launcher = reference.run_launcher
    assert isinstance(launcher, TenantRunLauncher)
    assert launcher._deployment.image == "2024-01"
    assert {"default", "git"} <= launcher._resources.keys()


def test_limits_and_retries_are_the_same_in_the_cluster() -> None:
    ours, theirs = shipped_settings(), deployed_settings()
    assert ours["run_retries"] == theirs["run_retries"]
    assert theirs["run_monitoring"]["max_resume_run_attempts"] == 0
    config = theirs["run_coordinator"]["config"]
    assert theirs["run_coordinator"]["class"] == TenantRunCoordinator.__name__
    limits = {limit["key"]: limit for limit in config["tag_concurrency_limits"]}
    assert limits[CONNECTION_TAG]["limit"] == 1
    assert limits[TENANT_TAG]["limit"] < config["max_concurrent_runs"]
    assert all(limit["value"] == {"applyLimitPerUniqueValue": True} for limit in limits.values())


def test_a_tenants_quota_has_room_for_as_many_runs_as_the_queue_lets_it_have() -> None:
    settings, quota = deployed_settings(), TenantLimits()
    limits = settings["run_coordinator"]["config"]["tag_concurrency_limits"]
    (runs,) = (limit["limit"] for limit in limits if limit["key"] == TENANT_TAG)
    resources = settings["run_launcher"]["config"]["resources"].values()
    assert runs <= quota.pods
    assert runs * max(int(kind["cpu_max"]) for kind in resources) <= quota.cpus
    largest = max(int(kind["memory"].removesuffix("Gi")) for kind in resources)
    assert runs * largest <= int(quota.memory.removesuffix("Gi"))


def test_a_job_stays_until_dagster_has_looked_at_it() -> None:
    settings = deployed_settings()
    started = settings["run_monitoring"]["start_timeout_seconds"]
    assert settings["run_launcher"]["config"]["kept_seconds"] > started


def test_dagster_ends_a_run_before_the_cluster_does() -> None:
    settings = deployed_settings()
    last = settings["run_monitoring"]["max_runtime_seconds"]
    assert settings["run_launcher"]["config"]["seconds_max"] > last
