"""Actions: the sensor that asks for a turn of the dispatcher, and the turn itself.

It never waits behind syncs. In a cluster its pod runs under a service account of its own.
"""

from typing import Final

from dagster import (
    DefaultSensorStatus,
    OpExecutionContext,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    in_process_executor,
    job,
    op,
    sensor,
)

from coworker_pipelines.defs.orders import OPEN_STATUSES
from coworker_pipelines.defs.platform import PlatformParameter
from coworker_pipelines.defs.verdicts import told_to_dagster

DISPATCH: Final = "dispatch_actions"
SENSOR: Final = "actions_due"
INTERVAL_S: Final = 30


@op(description="Do what rules chose, within their limits; try again what failed for now.")
def dispatch_due_actions(context: OpExecutionContext, platform: PlatformParameter) -> None:
    with told_to_dagster(), platform.open_control() as opened:
        outcomes = opened.dispatch_actions()
    context.add_output_metadata({"actions": sum(outcomes.values()), **outcomes})


@job(
    name=DISPATCH,
    description="Do what rules chose: notify, call webhooks, tag, make tasks.",
    executor_def=in_process_executor,
)
def dispatch_actions_job() -> None:
    dispatch_due_actions()


def actions_due() -> SensorDefinition:
    """Asks for a turn when something can be done now and nobody is about it."""

    @sensor(
        name=SENSOR,
        job_name=DISPATCH,
        minimum_interval_seconds=INTERVAL_S,
        default_status=DefaultSensorStatus.RUNNING,
        description="Starts a turn of the dispatcher where an action can be done now.",
    )
    def due(context: SensorEvaluationContext, platform: PlatformParameter) -> SensorResult:
        with told_to_dagster(), platform.open_control() as opened:
            if not opened.actions_are_due():
                return SensorResult(skip_reason="No action can be done now.")
        running = RunsFilter(job_name=DISPATCH, statuses=OPEN_STATUSES)
        if context.instance.get_runs_count(running):
            return SensorResult(skip_reason="A turn is under way.")
        return SensorResult(run_requests=[RunRequest()])

    return due
