"""Where Dagster's settings are: one machine's are ours, a cluster's are deployed."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from dagster import DagsterInstance

from coworker_pipelines.cli.syncing import open_instance
from coworker_pipelines.defs.instance_state import instance_state
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.services.local import Endpoints

MASKED = "DAGSTER_REDACT_USER_CODE_ERRORS"
SETTINGS = """
storage:
  postgres:
    postgres_url:
      env: COWORKER_DAGSTER_DATABASE_URL
telemetry:
  enabled: false
"""


@pytest.fixture
def deployed(endpoints: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COWORKER_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COWORKER_DAGSTER_DATABASE_URL", endpoints.dagster_database_url)
    monkeypatch.setenv("COWORKER_SECRETS", "kubernetes")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def test_in_a_cluster_the_deployed_settings_count(deployed: Path) -> None:
    (deployed / "dagster.yaml").write_text(SETTINGS, encoding="utf-8")
    with open_instance() as instance:
        assert instance.root_directory == str(deployed)
        state = instance_state(instance, SystemClock().now())
    assert state.storage == "PostgresRunStorage"
    assert state.coordinator != "TenantRunCoordinator"
    assert (state.runs_max, state.limits) == (0, {})


def test_in_a_cluster_settings_that_are_missing_are_said(deployed: Path) -> None:
    assert deployed
    with pytest.raises(TenantActionError, match="DAGSTER_HOME"), open_instance():
        pass


def test_on_one_machine_the_shipped_settings_count(
    deployed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COWORKER_SECRETS", "file")
    monkeypatch.delenv(MASKED, raising=False)
    with open_instance() as instance:
        assert os.environ[MASKED] == "1"
        assert isinstance(instance, DagsterInstance)
        assert instance.root_directory == str(deployed / "state" / "dagster")
        state = instance_state(instance, SystemClock().now())
    assert state == replace(state, coordinator="TenantRunCoordinator", runs_max=4)
    assert MASKED not in os.environ
