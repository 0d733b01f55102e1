"""What deletions and erasures have in common in Dagster: whose run it is, the sensor, the clock."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetSpec,
    DagsterRunStatus,
    DefaultSensorStatus,
    OpExecutionContext,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
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
        """Asks for a run of each confirmed order that nobody is carrying out.

        It answers the checks too, each day and whenever an answer changes: a run for them every
        few minutes would bury all others.
        """

        @sensor(
            name=f"{self.name}_requested",
            job_name=self.job_name,
            minimum_interval_seconds=INTERVAL_S,
            default_status=DefaultSensorStatus.RUNNING,
            description=f"Starts confirmed {self.name}, and takes up again those that wait or "
            "died. Says when one is late, or cannot be carried out.",
        )
        def requested(
            context: SensorEvaluationContext, platform: PlatformParameter
        ) -> SensorResult:
            with platform.open_control() as opened:
                clock = self.clock(opened)
            due = clock.due
            made = {
                order.id: [
                    run.is_finished
                    for run in context.instance.get_runs(RunsFilter(tags={ORDER_TAG: order.id}))
                ]
                for order in due
            }
            requests = plan_runs(due, made)
            answers = list(self._evaluations(clock))
            told = [f"{one.check_name} {one.passed}: {one.description}" for one in answers]
            seen = "\n".join((f"{platform.clock().now():%Y-%m-%d}", *told))
            return SensorResult(
                run_requests=requests,
                skip_reason=None if requests else f"No {self.one} waits to be carried out.",
                cursor=seen,
                asset_events=[] if seen == context.cursor else answers,
            )

        return requested

    def checks(self) -> AssetChecksDefinition:
        """What an engineer sees: how long each open order has been waiting, and for what."""
        specs = [
            AssetCheckSpec(
                self._in_time,
                asset=self.key,
                description=f"No confirmed {self.one} is open for longer than it may be.",
            ),
            AssetCheckSpec(
                self._no_survivors,
                asset=self.key,
                description=f"No {self.one} waits for a {self.place} that cannot be cleared or "
                "counted.",
            ),
        ]

        @multi_asset_check(name=self.name, specs=specs)
        def checked(platform: PlatformParameter) -> Iterator[AssetCheckResult]:
            with told_to_dagster(), platform.open_control() as opened:
                clock = self.clock(opened)
            for told in self._evaluations(clock):
                yield AssetCheckResult(
                    asset_key=told.asset_key,
                    check_name=told.check_name,
                    passed=told.passed,
                    severity=told.severity,
                    description=told.description,
                    metadata=told.metadata,
                )

        return checked

    @property
    def _in_time(self) -> str:
        return f"{self.name}_are_in_time"

    @property
    def _no_survivors(self) -> str:
        return f"nothing_survives_{self.a_one.replace(' ', '_')}"

    def _evaluations(self, clock: "OrderClock") -> Iterator[AssetCheckEvaluation]:
        for name, answer in (
            (self._in_time, clock.in_time),
            (self._no_survivors, clock.no_survivors),
        ):
            yield AssetCheckEvaluation(
                asset_key=self.key,
                check_name=name,
                passed=answer.passed,
                severity=AssetCheckSeverity.ERROR,
                description=answer.summary,
                metadata=dict(answer.metadata),
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
