"""Access tokens, renewed in time: a job with rights of its own, and the schedule that asks for it.

In a cluster the job's pod runs under a service account of its own, which alone reads grants.
"""

from dagster import (
    DagsterRunStatus,
    DefaultScheduleStatus,
    OpExecutionContext,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    in_process_executor,
    job,
    op,
    schedule,
)

from coworker_pipelines.defs.platform import PlatformParameter
from coworker_pipelines.defs.verdicts import told_to_dagster

OAUTH_TOKENS = "oauth_tokens"
EVERY_MINUTE = "* * * * *"
_ON_ITS_WAY = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
]


@op(description="Renew what runs out soon, and revoke what was withdrawn.")
def refresh_due_tokens(context: OpExecutionContext, platform: PlatformParameter) -> None:
    with told_to_dagster(), platform.open_control() as opened:
        outcomes = opened.refresh_tokens()
    context.add_output_metadata(dict(outcomes))


@job(
    name=OAUTH_TOKENS,
    description="Renew the access tokens of connections that were let in by OAuth.",
    executor_def=in_process_executor,
)
def oauth_tokens_job() -> None:
    refresh_due_tokens()


def oauth_tokens_schedule() -> ScheduleDefinition:
    """Asks for a run in a minute in which something is due and nobody is about it already."""

    @schedule(
        name=OAUTH_TOKENS,
        description="Renews the access tokens that run out soon; without one, no run is made.",
        job=oauth_tokens_job,
        cron_schedule=EVERY_MINUTE,
        default_status=DefaultScheduleStatus.RUNNING,
    )
    def due_tokens(
        context: ScheduleEvaluationContext, platform: PlatformParameter
    ) -> RunRequest | SkipReason:
        with platform.open_control() as opened:
            if not opened.tokens_are_due():
                return SkipReason("No token runs out soon.")
        running = RunsFilter(job_name=OAUTH_TOKENS, statuses=_ON_ITS_WAY)
        if context.instance.get_runs_count(running):
            return SkipReason("A run renews them already.")
        return RunRequest()

    return due_tokens
