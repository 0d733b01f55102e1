"""What starts by itself: due syncs, and partitions that follow the connections."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dagster import (
    AddDynamicPartitionsRequest,
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    DeleteDynamicPartitionsRequest,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.tags import RUN_KEY_TAG, SENSOR_NAME_TAG

from coworker_pipelines.defs.kinds import Kind
from coworker_pipelines.defs.partitions import (
    CONNECTION_TAG,
    Span,
    connections_of,
    consecutive,
    partition_key,
)
from coworker_pipelines.defs.platform import PlatformParameter
from coworker_pipelines.kernel.window import Window

if TYPE_CHECKING:  # its module imports SQLAlchemy
    from coworker_pipelines.connections.due import DueConnection

DUE_INTERVAL_S: Final = 30
CHANGES_INTERVAL_S: Final = 60
DUE_MAX: Final = 100
"""Connections that one tick asks for; the longest waiting come first."""
DUE_SENSOR: Final = "connections_due"
CHANGES_SENSOR: Final = "connections_changed"
_WAITING: Final = [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.QUEUED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What is to be done about the due connections."""

    requests: tuple[RunRequest, ...]
    started: tuple["DueConnection", ...]
    """A run of theirs was made by an earlier tick, or waits in the queue: on to the next time."""
    unknown: tuple["DueConnection", ...]
    """Of a kind that this code location does not have."""


def plan_tick(
    due: Sequence["DueConnection"],
    *,
    jobs: Mapping[str, str],
    made: Collection[str],
    waiting: Collection[str],
) -> Tick:
    """The same due connections give the same requests, under the same run keys.

    ``jobs`` maps kinds to job names, ``made`` holds run keys that have a run, ``waiting`` the
    handles with a run in the queue: that run will read all there is, another would add nothing.
    """
    requests: list[RunRequest] = []
    started: list[DueConnection] = []
    unknown: list[DueConnection] = []
    for connection in due:
        wanted = _requests(connection, jobs.get(connection.kind))
        if not wanted:
            unknown.append(connection)
            continue
        missing = [one for one in wanted if one.run_key not in made]
        if not missing or (missing == wanted and connection.handle in waiting):
            started.append(connection)
        else:
            requests += missing
    return Tick(requests=tuple(requests), started=tuple(started), unknown=tuple(unknown))


def run_keys(connection: "DueConnection") -> dict[str, tuple[Window, ...]]:
    """A key for each run: one, unless a month is missing between the windows."""
    turn = f"{connection.handle}@{connection.due_at.isoformat()}"
    parts = consecutive(connection.windows)
    return {turn if part is parts[-1] else f"{turn}#{part[0].key}": part for part in parts}


def connections_due(
    kinds: Sequence[Kind], jobs: Sequence[UnresolvedAssetJobDefinition]
) -> SensorDefinition:
    """Asks for a sync of each connection whose time has come.

    A connection moves on to its next due time only in a tick that finds its run: whatever
    dies between asking and running, the next tick asks again under the same key.
    """
    job_names = {kind.name: kind.job_name for kind in kinds}

    @sensor(
        name=DUE_SENSOR,
        jobs=list(jobs),
        minimum_interval_seconds=DUE_INTERVAL_S,
        default_status=DefaultSensorStatus.RUNNING,
        description="Starts a sync of each connection whose time has come.",
    )
    def due_sensor(context: SensorEvaluationContext, platform: PlatformParameter) -> SensorResult:
        with platform.open_control() as opened:
            due = opened.due(platform.clock().now(), DUE_MAX)
            if not due:
                return SensorResult(skip_reason="No connection is due.")
            tick = plan_tick(
                due,
                jobs=job_names,
                made=_made(context.instance, due),
                waiting=_waiting(context.instance, due),
            )
            for connection in tick.started:
                opened.mark_started(connection)
            for connection in tick.unknown:
                context.log.warning("%s: no kind %r here.", connection.handle, connection.kind)
        if not tick.requests:
            return SensorResult(skip_reason=f"{len(tick.started)} due, and on their way already.")
        return SensorResult(
            run_requests=list(tick.requests),
            dynamic_partitions_requests=_missing(context.instance, due),
        )

    return due_sensor


def connections_changed(kinds: Sequence[Kind]) -> SensorDefinition:
    """Keeps each kind's partitions in step with the connections there are."""

    @sensor(
        name=CHANGES_SENSOR,
        minimum_interval_seconds=CHANGES_INTERVAL_S,
        default_status=DefaultSensorStatus.RUNNING,
        description="Adds partitions for new connections, and takes away those of deleted ones.",
    )
    def changes_sensor(
        context: SensorEvaluationContext, platform: PlatformParameter
    ) -> SensorResult:
        requests: list[AddDynamicPartitionsRequest | DeleteDynamicPartitionsRequest] = []
        with platform.open_control() as opened:
            for kind in kinds:
                there = set(opened.connections(kind.name))
                requests += plan_partitions(kind, there, _partitions(context.instance, kind))
        if not requests:
            return SensorResult(skip_reason="The partitions are those of the connections.")
        return SensorResult(dynamic_partitions_requests=requests)

    return changes_sensor


def plan_partitions(
    kind: Kind, connections: Collection[str], partitions: Collection[str]
) -> list[AddDynamicPartitionsRequest | DeleteDynamicPartitionsRequest]:
    """What makes the partitions equal the connections; nothing when they do."""
    definition = connections_of(kind.name)
    requests: list[AddDynamicPartitionsRequest | DeleteDynamicPartitionsRequest] = []
    if new := sorted(set(connections) - set(partitions)):
        requests.append(definition.build_add_request(new))
    if gone := sorted(set(partitions) - set(connections)):
        requests.append(definition.build_delete_request(gone))
    return requests


def _requests(connection: "DueConnection", job_name: str | None) -> list[RunRequest]:
    if job_name is None:
        return []
    requests = []
    for run_key, windows in run_keys(connection).items():
        span = Span(connection=connection.handle, windows=windows)
        single = len(windows) == 1
        requests.append(
            RunRequest(
                run_key=run_key,
                job_name=job_name,
                partition_key=partition_key(connection.handle, windows[0]) if single else None,
                tags=span.run_tags | ({} if single else span.partition_tags),
            )
        )
    return requests


def _made(instance: DagsterInstance, due: Sequence["DueConnection"]) -> set[str]:
    # One question for each key: Dagster's own sensors found that faster than one with all keys.
    keys = {key for connection in due for key in run_keys(connection)}
    return {
        key
        for key in keys
        if instance.get_run_records(RunsFilter(tags={RUN_KEY_TAG: key}), limit=1)
    }


def _waiting(instance: DagsterInstance, due: Sequence["DueConnection"]) -> set[str]:
    runs = instance.get_runs(
        RunsFilter(
            statuses=_WAITING,
            tags={
                SENSOR_NAME_TAG: DUE_SENSOR,
                CONNECTION_TAG: [connection.handle for connection in due],
            },
        )
    )
    return {run.tags[CONNECTION_TAG] for run in runs}


def _missing(
    instance: DagsterInstance, due: Sequence["DueConnection"]
) -> list[AddDynamicPartitionsRequest | DeleteDynamicPartitionsRequest]:
    """Partitions of connections that are so new that no tick has seen them."""
    new: dict[str, list[str]] = {}
    for connection in due:
        name = connections_of(connection.kind).name
        assert name is not None
        if not instance.has_dynamic_partition(name, connection.handle):
            new.setdefault(connection.kind, []).append(connection.handle)
    return [connections_of(kind).build_add_request(handles) for kind, handles in new.items()]


def _partitions(instance: DagsterInstance, kind: Kind) -> Sequence[str]:
    name = connections_of(kind.name).name
    assert name is not None
    return instance.get_dynamic_partitions(name)
