"""What Dagster's instance says of itself, told without Dagster's types."""

from datetime import datetime

from dagster import DagsterInstance

from coworker_pipelines.defs.coordinator import TenantRunCoordinator
from coworker_pipelines.doctor.dagster import DagsterState


def instance_state(instance: DagsterInstance, now: datetime) -> DagsterState:
    """How the instance is set up, and when each part of its daemon was last heard of."""
    coordinator = instance.run_coordinator
    limits: dict[str, int] = {}
    runs_max = 0
    if isinstance(coordinator, TenantRunCoordinator):
        queue = coordinator.get_run_queue_config()
        runs_max = queue.max_concurrent_runs
        limits = {entry["key"]: entry["limit"] for entry in queue.tag_concurrency_limits}
    return DagsterState(
        storage=type(instance.run_storage).__name__,
        heartbeats={
            kind: now.timestamp() - status.last_heartbeat.timestamp
            for kind, status in instance.get_daemon_statuses().items()
            if status.last_heartbeat is not None
        },
        coordinator=type(coordinator).__name__,
        launcher=type(instance.run_launcher).__name__,
        runs_max=runs_max,
        limits=limits,
    )
