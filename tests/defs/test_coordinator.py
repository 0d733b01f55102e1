"""The door to the queue: tags, refusals, and one run for one turn."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from dagster import AssetKey, DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    MAX_RETRIES_TAG,
    PARTITION_NAME_TAG,
    RUN_KEY_TAG,
    SENSOR_NAME_TAG,
    WILL_RETRY_TAG,
)
from dagster._core.test_utils import MockedRunLauncher
from dagster._core.workspace.context import BaseWorkspaceRequestContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coworker_pipelines.defs.coordinator import UNQUEUED, TenantRunCoordinator
from coworker_pipelines.defs.partitions import CONNECTION_TAG, TENANT_TAG, Span
from coworker_pipelines.kernel.window import Window
from tests.defs.origins import add_run
from tests.defs.servers import write_home

JANUARY = "acme.code|2026-01-01"
RANGE = Span(connection="acme.code", windows=(Window(2026, 1), Window(2026, 2))).partition_tags
NO_WORKSPACE = cast("BaseWorkspaceRequestContext", None)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    """With the coordinator, limits and retries that are shipped."""
    home: Path = tmp_path_factory.mktemp("dagster")
    write_home(home)
    with DagsterInstance.from_config(str(home)) as opened:
        opened.add_dynamic_partitions("git_connections", ["acme.code", "acme-corp.code"])
        yield opened


def submit(
    instance: DagsterInstance,
    tags: dict[str, str],
    *,
    job: str = "sync_git",
    assets: frozenset[AssetKey] | None = None,
    parent: str | None = None,
) -> DagsterRun:
    run = add_run(
        instance,
        job_name=job,
        tags=tags,
        asset_selection=assets,
        parent_run_id=parent,
        root_run_id=parent,
    )
    coordinator = instance.run_coordinator
    assert isinstance(coordinator, TenantRunCoordinator)
    return coordinator.submit_run(SubmitRunContext(run, workspace=NO_WORKSPACE))


def sentence(instance: DagsterInstance, run: DagsterRun) -> str:
    return "\n".join(log.message for log in instance.all_logs(run.run_id))


@pytest.mark.parametrize("tags", ({PARTITION_NAME_TAG: JANUARY}, RANGE))
def test_a_run_is_queued_under_the_tags_of_its_partition(
    instance: DagsterInstance, tags: dict[str, str]
) -> None:
    run = submit(instance, dict(tags))
    assert run.status is DagsterRunStatus.QUEUED
    assert run.tags[TENANT_TAG] == "acme"
    assert run.tags[CONNECTION_TAG] == "acme.code"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tenant=st.text("abcdefgh-.", max_size=8) | st.just("acme-corp"),
    connection=st.text("abcdefgh-.", max_size=8) | st.just("acme-corp.code"),
)
def test_what_somebody_typed_into_the_tags_does_not_count(
    instance: DagsterInstance, tenant: str, connection: str
) -> None:
    typed = {TENANT_TAG: tenant, CONNECTION_TAG: connection}
    run = submit(instance, {PARTITION_NAME_TAG: JANUARY} | typed)
    assert run.tags[TENANT_TAG] == "acme"
    assert run.tags[CONNECTION_TAG] == "acme.code"


@pytest.mark.parametrize(
    ("tags", "told"),
    (
        (RANGE | {ASSET_PARTITION_RANGE_END_TAG: "acme-corp.code|2026-02-01"}, "one connection"),
        (RANGE | {PARTITION_NAME_TAG: "acme-corp.code|2026-01-01"}, "one connection"),
        (RANGE | {PARTITION_NAME_TAG: JANUARY}, "contradict"),
        ({PARTITION_NAME_TAG: "acme.nope|2026-01-01"}, "no connection 'acme.nope' of kind git"),
        ({PARTITION_NAME_TAG: "2026-01-01"}, "is no partition"),
    ),
)
def test_a_run_that_mixes_connections_or_names_none_fails_before_it_starts(
    instance: DagsterInstance, tags: dict[str, str], told: str
) -> None:
    run = submit(instance, tags | {CONNECTION_TAG: "acme.code"})
    assert run.status is DagsterRunStatus.FAILURE
    assert told in sentence(instance, run)
    assert run.tags[CONNECTION_TAG] == "none"


def test_a_refused_run_is_not_retried(instance: DagsterInstance) -> None:
    run = submit(instance, {PARTITION_NAME_TAG: "acme.nope|2026-01-01"})
    assert run.tags[MAX_RETRIES_TAG] == "0"
    assert run.tags.get(WILL_RETRY_TAG) != "true"


def test_a_connection_of_another_kind_is_unknown(instance: DagsterInstance) -> None:
    run = submit(instance, {PARTITION_NAME_TAG: JANUARY}, job="sync_sql")
    assert run.status is DagsterRunStatus.FAILURE


def test_the_kind_of_a_click_is_that_of_its_assets(instance: DagsterInstance) -> None:
    picked = frozenset({AssetKey(["git", "commits_segments"])})
    run = submit(instance, {PARTITION_NAME_TAG: JANUARY}, job="__ASSET_JOB", assets=picked)
    assert run.status is DagsterRunStatus.QUEUED
    mixed = picked | {AssetKey(["sql", "segments"])}
    run = submit(instance, {PARTITION_NAME_TAG: JANUARY}, job="__ASSET_JOB", assets=mixed)
    assert run.status is DagsterRunStatus.FAILURE
    assert "works on one kind" in sentence(instance, run)


def test_a_run_without_a_partition_passes_and_belongs_to_nobody(
    instance: DagsterInstance,
) -> None:
    run = submit(instance, {TENANT_TAG: "acme"}, job="check_git")
    assert run.status is DagsterRunStatus.QUEUED
    assert run.tags[TENANT_TAG] == "none"


def test_one_turn_is_one_run_whatever_sensor_asked(instance: DagsterInstance) -> None:
    turn = {PARTITION_NAME_TAG: JANUARY, RUN_KEY_TAG: "acme.code@2026-01-01T00:00:00+00:00"}
    first, second = submit(instance, turn), submit(instance, turn)
    assert first.status is DagsterRunStatus.QUEUED
    assert second.status is DagsterRunStatus.CANCELED
    assert first.run_id in sentence(instance, second)


def test_a_crashed_run_is_run_again_under_its_own_key(instance: DagsterInstance) -> None:
    turn = {PARTITION_NAME_TAG: JANUARY, RUN_KEY_TAG: "acme.code@2026-01-02T00:00:00+00:00"}
    first = submit(instance, turn)
    again = submit(instance, turn, parent=first.run_id)
    assert again.status is DagsterRunStatus.QUEUED


@pytest.mark.parametrize("job", sorted(UNQUEUED))
def test_what_takes_data_away_for_a_sensor_begins_at_once(tmp_path: Path, job: str) -> None:
    write_home(
        tmp_path,
        run_launcher={"module": "dagster._core.test_utils", "class": "MockedRunLauncher"},
    )
    with DagsterInstance.from_config(str(tmp_path)) as opened:
        by_sensor = submit(opened, {SENSOR_NAME_TAG: "a sensor"}, job=job)
        by_hand = submit(opened, {}, job=job)
        launched = opened.run_launcher
        assert isinstance(launched, MockedRunLauncher)
        queue = launched.queue()  # type: ignore[no-untyped-call]
        assert [run.run_id for run in queue] == [by_sensor.run_id]
        assert by_hand.status is DagsterRunStatus.QUEUED
