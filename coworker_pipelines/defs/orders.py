"""What deletions and erasures have in common in Dagster: whose run it is, the sensor, the clock."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetSelection,
    AssetSpec,
    DagsterRunStatus,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    OpExecutionContext,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    define_asset_job,
    multi_asset_check,
    sensor,
)

from coworker_pipelines.defs.kinds import OWNER
from coworker_pipelines.defs.platform import ControlPlatform, PlatformParameter
from coworker_pipelines.defs.verdicts import told_to_dagster
from coworker_pipelines.kernel.errors import TenantActionError

if TYPE_CHECKING:  # its module imports SQLAlchemy
    from coworker_pipelines.privacy.clock import DueOrder, OrderClock

INTERVAL_S: Final = 30
ORDER_TAG: Final = "coworker/order"
TENANT_ID_TAG: Final = "coworker/tenant_id"
CHECK_CRON: Final = "*/10 * * * *"
OPEN_STATUSES: Final = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
"""A run that has one of them works, or may begin to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """One kind of orders. ``name`` is their plural; ``one`` and ``a_one`` are for sentences.

    ``place`` is what one of them clears, piece by piece.
    """

    name: str
    one: str
    a_one: str
    place: str
    job_name: str
    description: str
    clock: "Callable[[ControlPlatform], OrderClock]"

    @property
    def key(self) -> AssetKey:
        return AssetKey(["privacy", self.name])

    @property
    def asset(self) -> AssetSpec:
        """A place in the graph for what is true of all of them."""
        return AssetSpec(
            self.key,
            group_name="privacy",
            owners=[OWNER],
            kinds={"postgres"},
            description=self.description,
        )

    def of_run(self, context: OpExecutionContext) -> str:
        """The id of the order that a run carries out."""
        order = context.run.tags.get(ORDER_TAG)
        if order is None:
            raise TenantActionError(
                f"{self.a_one.capitalize()} is launched for an order: the sensor does, or the tag "
                f"{ORDER_TAG}."
            )
        return order

    def requests(self) -> SensorDefinition:
        """Asks for a run of each confirmed order that nobody is carrying out."""

        @sensor(
            name=f"{self.name}_requested",
            job_name=self.job_name,
            minimum_interval_seconds=INTERVAL_S,
            default_status=DefaultSensorStatus.RUNNING,
            description=f"Starts confirmed {self.name}, and takes up again those that wait or "
            "died.",
        )
        def requested(
            context: SensorEvaluationContext, platform: PlatformParameter
        ) -> SensorResult:
            with platform.open_control() as opened:
                due = self.clock(opened).due
            made = {
                order.id: [
                    run.is_finished
                    for run in context.instance.get_runs(RunsFilter(tags={ORDER_TAG: order.id}))
                ]
                for order in due
            }
            requests = plan_runs(due, made)
            if not requests:
                return SensorResult(skip_reason=f"No {self.one} waits to be carried out.")
            return SensorResult(run_requests=requests)

        return requested

    def checks(self) -> AssetChecksDefinition:
        """What an engineer sees: how long each open order has been waiting, and for what."""
        in_time = f"{self.name}_are_in_time"
        no_survivors = f"nothing_survives_{self.a_one.replace(' ', '_')}"
        specs = [
            AssetCheckSpec(
                in_time,
                asset=self.key,
                description=f"No confirmed {self.one} is open for longer than it may be.",
            ),
            AssetCheckSpec(
                no_survivors,
                asset=self.key,
                description=f"No {self.one} waits for a {self.place} that cannot be cleared or "
                "counted.",
            ),
        ]

        @multi_asset_check(name=self.name, specs=specs)
        def checked(platform: PlatformParameter) -> Iterator[AssetCheckResult]:
            with told_to_dagster(), platform.open_control() as opened:
                clock = self.clock(opened)
            for name, answer in ((in_time, clock.in_time), (no_survivors, clock.no_survivors)):
                yield AssetCheckResult(
                    asset_key=self.key,
                    check_name=name,
                    passed=answer.passed,
                    severity=AssetCheckSeverity.ERROR,
                    description=answer.summary,
                    metadata=dict(answer.metadata),
                )

        return checked

    def schedule(self) -> ScheduleDefinition:
        name = f"check_{self.name}"
        return ScheduleDefinition(
            name=name,
            description=f"Asks how long {self.name} have been waiting, and for what.",
            cron_schedule=CHECK_CRON,
            job=define_asset_job(
                name=name,
                selection=AssetSelection.checks_for_assets(self.key),
                description=f"Ask how long {self.name} have been waiting, and for what.",
            ),
            default_status=DefaultScheduleStatus.RUNNING,
        )


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
