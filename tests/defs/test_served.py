"""The shell behind a real webserver and daemon, with the settings that are shipped."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.storage.tags import BACKFILL_ID_TAG

from coworker_pipelines.defs.kinds import Phase
from coworker_pipelines.defs.partitions import CONNECTION_TAG, TENANT_TAG, partition_key
from coworker_pipelines.kernel.window import Window
from tests.defs.servers import Servers, servers, wait_until
from tests.fakes.location import DUE, FRAGILE
from tests.fakes.platform import GIT, SQL

HANDLES = ("acme-corp.code", "acme.code")
MONTHS = tuple(Window(2025, 3).until(Window(2026, 2)))
KEYS = [GIT.key(phase, stream) for phase in Phase for stream in GIT.streams]
DONE_S = 150.0

LAUNCH = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dagster")


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[Servers]:
    with servers(home) as started:
        yield started


@pytest.fixture(scope="module")
def instance(running: Servers, home: Path) -> Iterator[DagsterInstance]:
    assert running.url
    with DagsterInstance.from_config(str(home)) as opened:
        yield opened


@pytest.fixture(scope="module")
def backfill(running: Servers, instance: DagsterInstance) -> str:
    """Twelve months of two connections, asked for as the UI asks; the daemon starts then."""
    instance.add_dynamic_partitions("git_connections", list(HANDLES))
    answer = running.ask(
        LAUNCH,
        {
            "params": {
                "assetSelection": [{"path": key.path} for key in KEYS],
                "partitionNames": [
                    partition_key(handle, window) for handle in HANDLES for window in MONTHS
                ],
                "tags": [{"key": TENANT_TAG, "value": "somebody-else"}],
            }
        },
    )["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    running.start_daemon()
    return str(answer["backfillId"])


@pytest.fixture(scope="module")
def runs(instance: DagsterInstance, backfill: str) -> list[DagsterRun]:
    found = RunsFilter(tags={BACKFILL_ID_TAG: backfill})

    wait_until(lambda: all_finished(instance, found, len(HANDLES)), DONE_S)
    return list(instance.get_runs(found))


def test_a_backfill_of_twelve_months_is_one_run_for_each_connection(
    runs: list[DagsterRun],
) -> None:
    assert sorted(run.tags[CONNECTION_TAG] for run in runs) == sorted(HANDLES)
    assert {run.status for run in runs} == {DagsterRunStatus.SUCCESS}


def test_a_backfill_materialises_all_its_partitions(
    instance: DagsterInstance, runs: list[DagsterRun]
) -> None:
    assert runs
    wanted = {partition_key(handle, window) for handle in HANDLES for window in MONTHS}
    for key in KEYS:
        assert instance.get_materialized_partitions(AssetKey(key.path)) == wanted


def test_a_tag_that_somebody_typed_is_overwritten(runs: list[DagsterRun]) -> None:
    assert {run.tags[TENANT_TAG] for run in runs} == {"acme", "acme-corp"}


def test_the_due_connection_is_synced_once(
    instance: DagsterInstance, runs: list[DagsterRun]
) -> None:
    assert runs
    found = RunsFilter(tags={CONNECTION_TAG: DUE})
    wait_until(lambda: all_finished(instance, found, 1), DONE_S)
    (run,) = instance.get_runs(found)
    assert run.job_name == SQL.job_name
    assert run.status is DagsterRunStatus.SUCCESS


def test_a_run_whose_process_was_killed_is_run_again(
    instance: DagsterInstance, runs: list[DagsterRun]
) -> None:
    assert runs
    found = RunsFilter(tags={CONNECTION_TAG: FRAGILE})
    wait_until(lambda: all_finished(instance, found, 2), DONE_S)
    again, killed = instance.get_runs(found)
    assert killed.status is DagsterRunStatus.FAILURE
    assert again.status is DagsterRunStatus.SUCCESS
    assert again.parent_run_id == killed.run_id


def test_partitions_follow_the_connections(
    instance: DagsterInstance, runs: list[DagsterRun]
) -> None:
    assert runs
    wait_until(
        lambda: set(instance.get_dynamic_partitions("sql_connections")) == {DUE, FRAGILE}, DONE_S
    )


def all_finished(instance: DagsterInstance, found: RunsFilter, count: int) -> bool:
    made = instance.get_runs(found)
    return len(made) >= count and all(run.is_finished for run in made)
