"""The daily sweep in Dagster: who is asked for when, and what an engineer sees of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from dagster import (
    AssetCheckKey,
    DagsterInstance,
    DagsterRunStatus,
    ExecuteInProcessResult,
    RunRequest,
    SensorResult,
    build_sensor_context,
)
from dagster._core.test_utils import create_run_for_test

from coworker_pipelines.assembly.retaining import ConnectionSweep
from coworker_pipelines.connections.retention import Age, Basis, Policy
from coworker_pipelines.defs.checks import RETENTION
from coworker_pipelines.defs.graph import build_definitions
from coworker_pipelines.defs.kinds import Phase
from coworker_pipelines.defs.orders import TENANT_ID_TAG
from coworker_pipelines.defs.retention import (
    RETENTION_TAG,
    SWEEP,
    SWEEPS_AT_ONCE,
    request,
    retention_due,
    tenant_before,
)
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.privacy.retention.sweep import StreamSweep
from coworker_pipelines.syncs.checks import CheckResult
from tests.fakes.platform import COMMITS, GIT, NOW, SQL, FakePlatform, resource_for

POLICY = Policy(connection=None, stream=None, basis=Basis.EVENT, age=Age(days=30), grace_days=0)


def swept(stream: str, *, deleted: int, passed: bool = True, kind: str = "git") -> ConnectionSweep:
    return ConnectionSweep(
        kind=kind,
        swept=[
            StreamSweep(
                stream=stream,
                policy=POLICY,
                spent_before=NOW,
                matched=deleted,
                deleted=deleted,
                began_at=NOW,
                ended_at=NOW,
            )
        ],
        truths={
            stream: CheckResult(
                passed=passed,
                summary=f"{stream}: oldest 3 days.",
                metadata={"worst remaining age (days)": 3.0},
            )
        },
    )


@pytest.fixture
def platform() -> FakePlatform:
    found = FakePlatform({})
    found.swept = {
        "t1": {"c1": swept("commits", deleted=7), "c2": swept("commits", deleted=0, passed=False)},
        "t2": {"c3": swept("orders", deleted=5, kind="sql")},
        "t3": {},
    }
    return found


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as opened:
        yield opened


def tick(
    platform: FakePlatform, instance: DagsterInstance, cursor: str | None = None
) -> SensorResult:
    context = build_sensor_context(instance=instance, cursor=cursor)
    result = retention_due()(context, platform=resource_for(platform))
    assert isinstance(result, SensorResult)
    return result


def asked(result: SensorResult) -> list[str]:
    return [one.tags[TENANT_ID_TAG] for one in result.run_requests or ()]


def sweep(platform: FakePlatform, instance: DagsterInstance, tenant: str) -> ExecuteInProcessResult:
    job = build_definitions([GIT, SQL], resource_for(platform)).resolve_job_def(SWEEP)
    return job.execute_in_process(
        instance=instance, raise_on_error=False, tags={TENANT_ID_TAG: tenant}
    )


def test_each_tenant_is_asked_for_once_a_day(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    first = tick(platform, instance)
    assert asked(first) == ["t1", "t2"]
    second = tick(platform, instance, first.cursor)
    assert asked(second) == ["t3"]
    third = tick(platform, instance, second.cursor)
    assert asked(third) == []
    assert third.cursor is None


def test_a_day_begins_with_the_first_tenant() -> None:
    today = NOW.date()
    assert tenant_before(None, today) == ""
    assert tenant_before(f"{today}/t2", today) == "t2"
    assert tenant_before(f"{today - timedelta(days=1)}/t2", today) == ""


def test_a_key_is_the_tenant_and_the_day() -> None:
    evening = datetime(2026, 3, 15, 23, 59, tzinfo=UTC)
    keys = {request("t1", moment.date()).run_key for moment in (NOW, evening)}
    assert keys == {"retention/t1@2026-03-15"}
    later: RunRequest = request("t1", (NOW + timedelta(days=1)).date())
    assert later.run_key not in keys


def test_while_sweeps_are_under_way_no_more_are_asked_for(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    for number in range(SWEEPS_AT_ONCE):
        assert len(asked(tick(platform, instance))) == SWEEPS_AT_ONCE - number
        create_run_for_test(instance, job_name=SWEEP, status=DagsterRunStatus.STARTED)
    assert asked(tick(platform, instance)) == []


def test_every_connection_has_an_op_of_its_own(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    result = sweep(platform, instance, "t1")
    assert result.success
    steps = {event.step_key for event in result.all_events if event.is_step_success}
    assert steps == {
        "connections_to_sweep",
        "sweep_connection[c1]",
        "sweep_connection[c2]",
    }
    (output,) = [
        event.step_output_data.metadata
        for event in result.all_events
        if event.is_successful_output and event.step_key == "sweep_connection[c1]"
    ]
    assert output["documents"].value == 7


def test_the_truth_is_shown_on_the_documents(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    evaluations = sweep(platform, instance, "t1").get_asset_check_evaluations()
    key = AssetCheckKey(GIT.key(Phase.DOCUMENTS, COMMITS), RETENTION)
    assert [one.asset_check_key for one in evaluations] == [key, key]
    told = {one.metadata["connection"].value: one for one in evaluations}
    assert told["c1"].passed
    assert not told["c2"].passed
    assert told["c1"].metadata["worst remaining age (days)"].value == 3.0
    assert key in instance.event_log_storage.get_latest_asset_check_execution_by_key([key])


def test_a_kind_whose_streams_are_its_connections_shows_them_together(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    (shown,) = sweep(platform, instance, "t2").get_asset_check_evaluations()
    assert shown.asset_key == SQL.key(Phase.DOCUMENTS, None)
    assert shown.description == "orders: oldest 3 days."


def test_a_connection_that_fails_keeps_no_other_from_its_sweep(
    platform: FakePlatform, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = platform.sweep

    def failing(connection: str) -> ConnectionSweep:
        if connection == "c1":
            raise RefusedError("This connection has been started anew.")
        return taken(connection)

    monkeypatch.setattr(platform, "sweep", failing)
    result = sweep(platform, instance, "t1")
    assert not result.success
    steps = {event.step_key for event in result.all_events if event.is_step_success}
    assert "sweep_connection[c2]" in steps


def test_a_sweep_without_a_tenant_says_how_one_is_launched(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    job = build_definitions([GIT, SQL], resource_for(platform)).resolve_job_def(SWEEP)
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert failed.step_failure_data.user_failure_data is not None
    assert TENANT_ID_TAG in (failed.step_failure_data.user_failure_data.description or "")


def test_a_sweep_has_a_tag_of_its_own_and_none_of_a_sync() -> None:
    job = build_definitions([GIT], resource_for(FakePlatform({}))).resolve_job_def(SWEEP)
    assert job.tags[RETENTION_TAG] == SWEEP
    assert request("t1", NOW.date()).tags == {TENANT_ID_TAG: "t1"}


def test_a_sweep_writes_no_output_to_a_file(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    events = sweep(platform, instance, "t1").all_events
    assert not [event for event in events if event.event_type_value == "HANDLED_OUTPUT"]
