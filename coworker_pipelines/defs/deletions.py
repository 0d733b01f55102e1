"""Deletions: the sensor that asks for a run, the job with an op for each target, and the clock.

A run names its order and its tenant by their ids alone, in tags, logs and outputs, so it may stay:
engineers see later what happened, and after a tenant is gone nothing here tells who it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetSelection,
    AssetSpec,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    In,
    JobDefinition,
    Nothing,
    OpDefinition,
    OpExecutionContext,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    define_asset_job,
    in_process_executor,
    job,
    multi_asset_check,
    op,
    sensor,
)

from coworker_pipelines.defs.kinds import OWNER
from coworker_pipelines.defs.platform import PlatformParameter
from coworker_pipelines.defs.verdicts import told_to_dagster
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.privacy.names import CLEARED_FIRST

if TYPE_CHECKING:  # its module imports SQLAlchemy
    from coworker_pipelines.privacy.clock import DueOrder

DELETE: Final = "delete"
SENSOR: Final = "deletions_requested"
INTERVAL_S: Final = 30
ORDER_TAG: Final = "coworker/order"
TENANT_ID_TAG: Final = "coworker/tenant_id"
DELETIONS: Final = AssetKey(["privacy", "deletions"])
IN_TIME: Final = "deletions_are_in_time"
NO_SURVIVORS: Final = "nothing_survives_a_deletion"
CHECK_CRON: Final = "*/10 * * * *"


def deletions_asset() -> AssetSpec:
    """A place in the graph for what is true of all deletions."""
    return AssetSpec(
        DELETIONS,
        group_name="privacy",
        owners=[OWNER],
        kinds={"postgres"},
        description="Orders to delete a stream, a connection or a tenant: `coworker deletions`.",
    )


def _order_of(context: OpExecutionContext) -> str:
    order = context.run.tags.get(ORDER_TAG)
    if order is None:
        raise TenantActionError(
            f"A deletion is launched for an order: the sensor does, or the tag {ORDER_TAG}."
        )
    return order


@op(description="Shut writers out: raise epochs, stop runs, let none begin.")
def shut_writers_out(context: OpExecutionContext, platform: PlatformParameter) -> None:
    with told_to_dagster(), platform.open_deletions(context.instance) as work:
        work.shut_out(_order_of(context))


def _clearing(name: str, rank: int) -> OpDefinition:
    @op(
        name=f"clear_{name}",
        ins={"after": In(Nothing)},
        # Steps of one rank are carried out by this number, the highest first.
        tags={"dagster/priority": str(len(CLEARED_FIRST) - rank)},
        description=f"Remove what is reached from the target `{name}`, and count what is left.",
    )
    def clear(context: OpExecutionContext, platform: PlatformParameter) -> None:
        with told_to_dagster(), platform.open_deletions(context.instance) as work:
            progress = work.clear(_order_of(context), name)
        context.add_output_metadata({"matched": progress.matched, "left": progress.left})

    return clear


@op(
    ins={"after": In(Nothing)},
    description="Count once more when the last writer's request is over; then names go, and the "
    "receipt is made.",
)
def count_again(context: OpExecutionContext, platform: PlatformParameter) -> None:
    order = _order_of(context)
    with told_to_dagster(), platform.open_deletions(context.instance) as work:
        state = work.settle(order)
        counts = work.counts(order)
    context.add_output_metadata({"state": str(state), **counts})


def deletion_job() -> JobDefinition:
    """Targets do not wait for one another: one that fails keeps the order open, and no other."""
    clearings = [_clearing(name, rank) for rank, name in enumerate(CLEARED_FIRST)]

    @job(
        name=DELETE,
        description="Carry out a confirmed deletion, target by target.",
        executor_def=in_process_executor,
    )
    def delete() -> None:
        shut = shut_writers_out()
        count_again([clearing(after=shut) for clearing in clearings])

    return delete


def deletions_requested() -> SensorDefinition:
    """Asks for a run of each confirmed order that nobody is carrying out."""

    @sensor(
        name=SENSOR,
        job_name=DELETE,
        minimum_interval_seconds=INTERVAL_S,
        default_status=DefaultSensorStatus.RUNNING,
        description="Starts confirmed deletions, and takes up again those that wait or died.",
    )
    def requested(context: SensorEvaluationContext, platform: PlatformParameter) -> SensorResult:
        with platform.open_control() as opened:
            due = opened.deletion_clock().due
        made = {
            order.id: [
                run.is_finished
                for run in context.instance.get_runs(RunsFilter(tags={ORDER_TAG: order.id}))
            ]
            for order in due
        }
        requests = plan_runs(due, made)
        if not requests:
            return SensorResult(skip_reason="No deletion waits to be carried out.")
        return SensorResult(run_requests=requests)

    return requested


def plan_runs(due: "Sequence[DueOrder]", made: Mapping[str, Sequence[bool]]) -> list[RunRequest]:
    """A run for each order without an open one; ``made`` says of its runs whether they ended.

    The key counts runs and not only tries, because a run may die before it has begun its try.
    """
    return [
        RunRequest(
            run_key=f"{order.id}@{len(made[order.id])}",
            tags={ORDER_TAG: order.id, TENANT_ID_TAG: order.tenant},
        )
        for order in due
        if all(made[order.id])
    ]


def deletion_checks() -> AssetChecksDefinition:
    """What an engineer sees: how long each open order has been waiting, and for what."""
    specs = [
        AssetCheckSpec(
            IN_TIME,
            asset=DELETIONS,
            description="No confirmed deletion is open for longer than it may be.",
        ),
        AssetCheckSpec(
            NO_SURVIVORS,
            asset=DELETIONS,
            description="No deletion waits for a target that cannot be cleared or counted.",
        ),
    ]

    @multi_asset_check(name="deletions", specs=specs)
    def deletions(platform: PlatformParameter) -> Iterator[AssetCheckResult]:
        with told_to_dagster(), platform.open_control() as opened:
            clock = opened.deletion_clock()
        for name, answer in ((IN_TIME, clock.in_time), (NO_SURVIVORS, clock.no_survivors)):
            yield AssetCheckResult(
                asset_key=DELETIONS,
                check_name=name,
                passed=answer.passed,
                severity=AssetCheckSeverity.ERROR,
                description=answer.summary,
                metadata=dict(answer.metadata),
            )

    return deletions


def deletion_schedule() -> ScheduleDefinition:
    return ScheduleDefinition(
        name="check_deletions",
        description="Asks how long deletions have been waiting, and for what.",
        cron_schedule=CHECK_CRON,
        job=define_asset_job(
            name="check_deletions",
            selection=AssetSelection.checks_for_assets(DELETIONS),
            description="Ask how long deletions have been waiting, and for what.",
        ),
        default_status=DefaultScheduleStatus.RUNNING,
    )
