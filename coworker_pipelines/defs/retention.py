"""Retention: the sensor that asks for a sweep of each tenant once a day, and the sweep itself.

A run names its tenant and its connections by their ids alone, in tags, logs and outputs: after a
tenant is gone, nothing here tells who it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    DefaultSensorStatus,
    DynamicOut,
    DynamicOutput,
    In,
    JobDefinition,
    MetadataValue,
    Nothing,
    OpDefinition,
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

from coworker_pipelines.defs.checks import RETENTION
from coworker_pipelines.defs.kinds import Kind, Phase
from coworker_pipelines.defs.orders import OPEN_STATUSES, TENANT_ID_TAG
from coworker_pipelines.defs.platform import PlatformParameter
from coworker_pipelines.defs.verdicts import Patience, told_to_dagster
from coworker_pipelines.kernel.errors import TenantActionError

if TYPE_CHECKING:  # its module imports every adapter
    from coworker_pipelines.assembly.retaining import ConnectionSweep

SWEEP: Final = "retention"
SENSOR: Final = "retention_due"
INTERVAL_S: Final = 60
SWEEPS_AT_ONCE: Final = 2
"""Runs that may be open: they share no place in the queue with syncs, but they share the node."""
RETENTION_TAG: Final = "coworker/retention"


@op(out=DynamicOut(Nothing), description="The connections of the run's tenant.")
def connections_to_sweep(
    context: OpExecutionContext, platform: PlatformParameter
) -> Iterator[DynamicOutput[None]]:
    tenant = context.run.tags.get(TENANT_ID_TAG)
    with told_to_dagster():
        if tenant is None:
            raise TenantActionError(
                f"A sweep is launched for a tenant: the sensor does, or the tag {TENANT_ID_TAG}."
            )
        with platform.open_sweeps() as sweeps:
            connections = sweeps.connections_of(tenant)
    for connection in connections:
        yield DynamicOutput(None, mapping_key=connection)


def retention_job(kinds: Sequence[Kind]) -> JobDefinition:
    """Connections do not wait for one another: one that fails keeps no other from its sweep."""
    sweep_connection = _sweeping({kind.name: kind for kind in kinds})

    @job(
        name=SWEEP,
        description="Remove what is older than its policy lets it be, connection by connection.",
        tags={RETENTION_TAG: SWEEP},
        executor_def=in_process_executor,
    )
    def retention() -> None:
        connections_to_sweep().map(lambda due: sweep_connection(due=due))

    return retention


def _sweeping(kinds: Mapping[str, Kind]) -> OpDefinition:
    @op(
        ins={"due": In(Nothing)},
        description="Remove what is spent, stream by stream, and measure what is left.",
    )
    def sweep_connection(context: OpExecutionContext, platform: PlatformParameter) -> None:
        connection = context.get_mapping_key()
        assert connection is not None, "each connection has its own op"
        patience = Patience(sleep=platform.sleep, log=context.log)
        with told_to_dagster(), platform.open_sweeps() as sweeps:
            result = patience.insist(lambda: sweeps.sweep(connection))
        for evaluation in _evaluations(connection, result, kinds.get(result.kind)):
            # It takes them at run time; its annotation names the other kinds of events alone.
            context.log_event(evaluation)  # type: ignore[arg-type]
        context.add_output_metadata(_metadata(result))

    return sweep_connection


def _evaluations(
    connection: str, result: "ConnectionSweep", kind: Kind | None
) -> Iterator[AssetCheckEvaluation]:
    """The truth about each stream, shown on its documents."""
    if kind is None:
        return
    targets = {stream.name: stream for stream in kind.streams}
    for name, truth in result.truths.items():
        if kind.streams and name not in targets:
            continue
        yield AssetCheckEvaluation(
            check_name=RETENTION,
            asset_key=kind.key(Phase.DOCUMENTS, targets.get(name)),
            passed=truth.passed,
            severity=AssetCheckSeverity.ERROR,
            description=truth.summary,
            metadata={"connection": connection, **truth.metadata},
        )


def _metadata(result: "ConnectionSweep") -> dict[str, Any]:
    swept = result.swept
    return {
        "documents": sum(one.deleted for one in swept),
        "activities": sum(one.activities for one in swept),
        "rejected records": sum(one.rejected for one in swept),
        "segments": sum(one.segments for one in swept),
        "kept by holds": sum(one.held for one in swept),
        "streams": MetadataValue.json(
            {one.stream: {"policy": str(one.policy), "deleted": one.deleted} for one in swept}
        ),
    }


def retention_due() -> SensorDefinition:
    """Asks for one sweep of each tenant that has a policy, once a day (UTC)."""

    @sensor(
        name=SENSOR,
        job_name=SWEEP,
        minimum_interval_seconds=INTERVAL_S,
        default_status=DefaultSensorStatus.RUNNING,
        description="Starts the day's sweep of each tenant that has a retention policy.",
    )
    def due(context: SensorEvaluationContext, platform: PlatformParameter) -> SensorResult:
        today = platform.clock().now().date()
        open_runs = context.instance.get_runs_count(
            RunsFilter(job_name=SWEEP, statuses=OPEN_STATUSES)
        )
        room = SWEEPS_AT_ONCE - open_runs
        if room <= 0:
            return SensorResult(skip_reason=f"{open_runs} sweeps are under way.")
        after = tenant_before(context.cursor, today)
        with platform.open_control() as opened:
            tenants = opened.tenants_with_policies(after, room)
        if not tenants:
            return SensorResult(skip_reason="Every tenant with a policy had its sweep today.")
        return SensorResult(
            run_requests=[request(tenant, today) for tenant in tenants],
            cursor=f"{today.isoformat()}/{tenants[-1]}",
        )

    return due


def tenant_before(cursor: str | None, today: date) -> str:
    """The last tenant that was asked for today; empty when the day begins."""
    day, _, tenant = (cursor or "").partition("/")
    return tenant if day == today.isoformat() else ""


def request(tenant: str, today: date) -> RunRequest:
    """The same tenant has the same key all day: asked for twice, it is swept once."""
    return RunRequest(run_key=f"{SWEEP}/{tenant}@{today}", tags={TENANT_ID_TAG: tenant})
