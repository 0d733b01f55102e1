"""Erasures: the sensor that asks for a run, the job with an op for each place, and the clock.

A run names its order and its tenant by their ids alone, in tags, logs and outputs; of the person
it knows nothing that it could tell.
"""

from collections.abc import Iterator
from typing import Final

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

from coworker_pipelines.defs.deletions import CHECK_CRON, INTERVAL_S, ORDER_TAG, plan_runs
from coworker_pipelines.defs.kinds import OWNER
from coworker_pipelines.defs.platform import PlatformParameter
from coworker_pipelines.defs.verdicts import told_to_dagster
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.privacy.names import ERASED_FIRST

ERASE: Final = "erase"
SENSOR: Final = "erasures_requested"
ERASURES: Final = AssetKey(["privacy", "erasures"])
IN_TIME: Final = "erasures_are_in_time"
NO_SURVIVORS: Final = "nothing_survives_an_erasure"


def erasures_asset() -> AssetSpec:
    """A place in the graph for what is true of all erasures."""
    return AssetSpec(
        ERASURES,
        group_name="privacy",
        owners=[OWNER],
        kinds={"postgres"},
        description="Orders to erase one person within a tenant: `coworker erasures`.",
    )


def _order_of(context: OpExecutionContext) -> str:
    order = context.run.tags.get(ORDER_TAG)
    if order is None:
        raise TenantActionError(
            f"An erasure is launched for an order: the sensor does, or the tag {ORDER_TAG}."
        )
    return order


@op(description="Keep the person out from now on, and write down what is about to be removed.")
def keep_person_out(context: OpExecutionContext, platform: PlatformParameter) -> None:
    with told_to_dagster(), platform.open_erasures() as work:
        work.keep_out(_order_of(context))


def _clearing(name: str, rank: int) -> OpDefinition:
    @op(
        name=f"free_{name}",
        ins={"after": In(Nothing)},
        # Steps of one rank are carried out by this number, the highest first.
        tags={"dagster/priority": str(len(ERASED_FIRST) - rank)},
        description=f"Take the person out of the place `{name}`, and count what is left.",
    )
    def free(context: OpExecutionContext, platform: PlatformParameter) -> None:
        with told_to_dagster(), platform.open_erasures() as work:
            counts = work.clear(_order_of(context), name)
        context.add_output_metadata({"taken_out": counts.get(name, 0)})

    return free


@op(
    name="expunge_bytes",
    ins={"after": In(Nothing)},
    # Other places may wait for a run to end, and the bytes must not wait with them.
    tags={"dagster/priority": "-1"},
    description="Have the cluster's files written anew without what was taken out.",
)
def expunge_bytes(context: OpExecutionContext, platform: PlatformParameter) -> None:
    with told_to_dagster(), platform.open_erasures() as work:
        work.expunge(_order_of(context))


@op(
    name="count_person_again",
    ins={"after": In(Nothing)},
    description="Count once more when no run is left that began before; then the receipt is made.",
)
def count_person_again(context: OpExecutionContext, platform: PlatformParameter) -> None:
    order = _order_of(context)
    with told_to_dagster(), platform.open_erasures() as work:
        state = work.settle(order)
        counts = work.counts(order)
    context.add_output_metadata({"state": str(state), **counts})


def erasure_job() -> JobDefinition:
    """Places do not wait for one another: one that fails keeps the order open, and no other."""
    clearings = [_clearing(name, rank) for rank, name in enumerate(ERASED_FIRST)]

    @job(
        name=ERASE,
        description="Carry out a confirmed erasure, place by place.",
        executor_def=in_process_executor,
    )
    def erase() -> None:
        kept_out = keep_person_out()
        freed = {
            name: step(after=kept_out) for name, step in zip(ERASED_FIRST, clearings, strict=True)
        }
        expunged = expunge_bytes([freed["documents"], freed["activities"]])
        count_person_again([*freed.values(), expunged])

    return erase


def erasures_requested() -> SensorDefinition:
    """Asks for a run of each confirmed order that nobody is carrying out."""

    @sensor(
        name=SENSOR,
        job_name=ERASE,
        minimum_interval_seconds=INTERVAL_S,
        default_status=DefaultSensorStatus.RUNNING,
        description="Starts confirmed erasures, and takes up again those that wait or died.",
    )
    def requested(context: SensorEvaluationContext, platform: PlatformParameter) -> SensorResult:
        with platform.open_control() as opened:
            due = opened.erasure_clock().due
        made = {
            order.id: [
                run.is_finished
                for run in context.instance.get_runs(RunsFilter(tags={ORDER_TAG: order.id}))
            ]
            for order in due
        }
        requests = plan_runs(due, made)
        if not requests:
            return SensorResult(skip_reason="No erasure waits to be carried out.")
        return SensorResult(run_requests=requests)

    return requested


def erasure_checks() -> AssetChecksDefinition:
    """What an engineer sees: how long each open order has been waiting, and for what."""
    specs = [
        AssetCheckSpec(
            IN_TIME,
            asset=ERASURES,
            description="No confirmed erasure is open for longer than it may be.",
        ),
        AssetCheckSpec(
            NO_SURVIVORS,
            asset=ERASURES,
            description="No erasure waits for a place that cannot be cleared or counted.",
        ),
    ]

    @multi_asset_check(name="erasures", specs=specs)
    def checked(platform: PlatformParameter) -> Iterator[AssetCheckResult]:
        with told_to_dagster(), platform.open_control() as opened:
            clock = opened.erasure_clock()
        for name, answer in ((IN_TIME, clock.in_time), (NO_SURVIVORS, clock.no_survivors)):
            yield AssetCheckResult(
                asset_key=ERASURES,
                check_name=name,
                passed=answer.passed,
                severity=AssetCheckSeverity.ERROR,
                description=answer.summary,
                metadata=dict(answer.metadata),
            )

    return checked


def erasure_schedule() -> ScheduleDefinition:
    return ScheduleDefinition(
        name="check_erasures",
        description="Asks how long erasures have been waiting, and for what.",
        cron_schedule=CHECK_CRON,
        job=define_asset_job(
            name="check_erasures",
            selection=AssetSelection.checks_for_assets(ERASURES),
            description="Ask how long erasures have been waiting, and for what.",
        ),
        default_status=DefaultScheduleStatus.RUNNING,
    )
