"""The job that renews tokens, and the schedule that asks for it."""

from pathlib import Path

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    RunRequest,
    ScheduleDefinition,
    SkipReason,
    build_schedule_context,
)
from dagster._core.test_utils import create_run_for_test

from coworker_pipelines.defs.graph import build_definitions
from coworker_pipelines.defs.oauth import OAUTH_TOKENS, oauth_tokens_schedule
from tests.fakes.platform import GIT, FakePlatform, resource_for


def _tick(platform: FakePlatform, instance: DagsterInstance) -> RunRequest | SkipReason:
    context = build_schedule_context(instance=instance)
    asked = oauth_tokens_schedule()(context, platform=resource_for(platform))
    assert isinstance(asked, RunRequest | SkipReason)
    return asked


def test_a_run_is_asked_for_when_a_token_runs_out_soon(tmp_path: Path) -> None:
    platform = FakePlatform({})
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert isinstance(_tick(platform, instance), SkipReason)
        platform.tokens = {"refreshed": 1}
        assert isinstance(_tick(platform, instance), RunRequest)


def test_no_second_run_is_asked_for_while_one_is_on_its_way(tmp_path: Path) -> None:
    platform = FakePlatform({})
    platform.tokens = {"refreshed": 1}
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        for status, expected in (
            (DagsterRunStatus.SUCCESS, RunRequest),
            (DagsterRunStatus.FAILURE, RunRequest),
            (DagsterRunStatus.STARTED, SkipReason),
        ):
            create_run_for_test(instance, job_name=OAUTH_TOKENS, status=status)
            assert isinstance(_tick(platform, instance), expected)


def test_the_job_says_how_many_ended_how() -> None:
    platform = FakePlatform({})
    platform.tokens = {"refreshed": 3, "refused": 1}
    definitions = build_definitions([GIT], resource_for(platform))
    schedules = {schedule.name: schedule for schedule in definitions.schedules or ()}
    schedule = schedules[OAUTH_TOKENS]
    assert isinstance(schedule, ScheduleDefinition)
    assert schedule.cron_schedule == "* * * * *"
    with DagsterInstance.ephemeral() as instance:
        result = definitions.get_job_def(OAUTH_TOKENS).execute_in_process(instance=instance)
        (output,) = [event for event in result.all_events if event.is_successful_output]
    metadata = output.step_output_data.metadata
    assert {name: value.value for name, value in metadata.items()} == platform.tokens
