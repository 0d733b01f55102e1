"""The job that does what rules chose, and the sensor that asks for it."""

from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, SensorResult, build_sensor_context
from dagster._core.test_utils import create_run_for_test

from coworker_pipelines.defs.coordinator import UNQUEUED
from coworker_pipelines.defs.dispatching import DISPATCH, actions_due
from coworker_pipelines.defs.graph import build_definitions
from tests.fakes.platform import GIT, FakePlatform, resource_for


def _asked(platform: FakePlatform, instance: DagsterInstance) -> int:
    context = build_sensor_context(instance=instance)
    result = actions_due()(context, platform=resource_for(platform))
    assert isinstance(result, SensorResult)
    assert bool(result.run_requests) != bool(result.skip_reason)
    return len(result.run_requests or ())


def test_a_turn_is_asked_for_when_something_can_be_done(tmp_path: Path) -> None:
    platform = FakePlatform({})
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert _asked(platform, instance) == 0
        platform.actions = {"done": 1}
        for status, expected in (
            (DagsterRunStatus.SUCCESS, 1),
            (DagsterRunStatus.FAILURE, 1),
            (DagsterRunStatus.STARTED, 0),
        ):
            create_run_for_test(instance, job_name=DISPATCH, status=status)
            assert _asked(platform, instance) == expected


def test_the_job_says_how_many_came_to_what() -> None:
    platform = FakePlatform({})
    platform.actions = {"done": 3, "refused": 1}
    definitions = build_definitions([GIT], resource_for(platform))
    with DagsterInstance.ephemeral() as instance:
        result = definitions.get_job_def(DISPATCH).execute_in_process(instance=instance)
        (output,) = [event for event in result.all_events if event.is_successful_output]
    metadata = output.step_output_data.metadata
    assert {name: value.value for name, value in metadata.items()} == {
        "actions": 4,
        **platform.actions,
    }


def test_it_never_waits_behind_syncs() -> None:
    assert DISPATCH in UNQUEUED
