"""The launcher over Jobs in memory: what it makes, how that ends, and what it tells."""

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.launcher import LaunchRunContext
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import MAX_RETRIES_TAG, PARTITION_NAME_TAG
from dagster._core.workspace.context import BaseWorkspaceRequestContext
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import should_retry
from dagster._daemon.monitoring.run_monitoring import monitor_started_run, monitor_starting_run
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import deserialize_value

from coworker_pipelines.connections.locating import Located
from coworker_pipelines.defs import launcher as launcher_module
from coworker_pipelines.defs.launcher import TenantRunLauncher
from coworker_pipelines.defs.run_health import CONFIGURATION_STATUS, Seen
from coworker_pipelines.defs.run_jobs import Deployment, Resources, job_name
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError
from tests.defs.origins import add_run, code_origin
from tests.defs.run_jobs_contract import RunJobsContract
from tests.defs.servers import write_home
from tests.defs.test_placement import ACME, ASKED_FOR, BY_HANDLE, JANUARY, OTHER, locate
from tests.defs.test_run_health import FAILED, OPEN, condition, ended, job, pod
from tests.fakes.run_jobs import MemoryJobs

NAMESPACE = f"cw-{ACME.tenant}"
DEPLOYMENT = Deployment(
    image="coworker:1", image_pull_policy="Always", seconds_max=3_600, kept_seconds=60
)
SMALL = Resources(cpu="100m", cpu_max="1", memory="256Mi", disk="1Gi")
LARGE = Resources(cpu="1", cpu_max="2", memory="4Gi", disk="20Gi")
NO_WORKSPACE = cast("BaseWorkspaceRequestContext", None)
START_S = 1
LOG = logging.getLogger("test")


class World:
    """An instance that launches through Jobs in memory."""

    def __init__(self, instance: DagsterInstance) -> None:
        self.instance = instance
        self.jobs = MemoryJobs()
        self.connections = dict(BY_HANDLE)
        self.launcher = TenantRunLauncher(
            DEPLOYMENT,
            {"default": SMALL, "git": LARGE},
            locate=self.locate,
            open_jobs=lambda: self.jobs,
            sleep=lambda _: None,
        )
        self.launcher.register_instance(instance)
        instance._run_launcher = self.launcher

    def locate(self, handle: str) -> Located:
        return locate(handle, self.connections)

    def launch(self, tags: dict[str, str] | None = None, **parts: Any) -> DagsterRun:
        """As the queue does: the run is said to start, then the launcher is asked."""
        run = add_run(
            self.instance,
            job_name=parts.pop("job", "sync_git"),
            tags={PARTITION_NAME_TAG: JANUARY} | (tags or {}),
            **{"job_code_origin": code_origin(), **parts},
        )
        run = self.says(run, DagsterEventType.RUN_STARTING)
        self.launcher.launch_run(LaunchRunContext(run, workspace=NO_WORKSPACE))
        return self.now(run)

    def starts(self, run: DagsterRun) -> DagsterRun:
        return self.says(run, DagsterEventType.RUN_START)

    def says(self, run: DagsterRun, event: DagsterEventType) -> DagsterRun:
        told = DagsterEvent(event_type_value=event.value, job_name=run.job_name)
        self.instance.report_dagster_event(told, run_id=run.run_id)
        return self.now(run)

    def becomes(self, run: DagsterRun, seen: Seen) -> None:
        self.jobs.jobs[NAMESPACE, job_name(run.run_id)] = seen

    def job(self, run: DagsterRun) -> Any:
        return self.jobs.jobs[NAMESPACE, job_name(run.run_id)].job

    def now(self, run: DagsterRun) -> DagsterRun:
        found = self.instance.get_run_by_id(run.run_id)
        assert found is not None
        return found

    def told(self, run: DagsterRun) -> str:
        return "\n".join(log.message for log in self.instance.all_logs(run.run_id))

    def monitor(self, run: DagsterRun) -> DagsterRun:
        """One look of Dagster's own monitoring."""
        record = self.instance.get_run_record_by_id(run.run_id)
        assert record is not None
        if record.dagster_run.status is DagsterRunStatus.STARTING:
            time.sleep(START_S)
            monitor_starting_run(self.instance, record, LOG)
        else:
            monitor_started_run(self.instance, NO_WORKSPACE, record, LOG)
        return self.now(run)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """With the retries that are shipped, and little patience with a run that does not start."""
    write_home(tmp_path)
    settings = json.loads((tmp_path / "dagster.yaml").read_text())
    settings["run_monitoring"]["start_timeout_seconds"] = START_S
    (tmp_path / "dagster.yaml").write_text(json.dumps(settings))
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        yield World(instance)


def test_a_run_becomes_a_job_of_its_tenant_with_its_kinds_resources(world: World) -> None:
    run = world.launch()
    job = world.job(run)
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "coworker:1"
    assert container["resources"]["limits"]["memory"] == LARGE.memory
    order = deserialize_value(container["args"][0], ExecuteRunArgs)
    assert order.run_id == run.run_id
    assert "Made the run's Job." in world.told(run)


def test_what_a_user_asks_for_is_not_in_the_job(world: World) -> None:
    asked = {
        "dagster-k8s/config": json.dumps(ASKED_FOR),
        "coworker/tenant": "other",
        "coworker/connection": "other.code",
    }
    origin = code_origin(container_image="evil", container_context={"k8s": {"namespace": "evil"}})
    run = world.launch(
        asked, run_config={"execution": {"config": ASKED_FOR}}, job_code_origin=origin
    )
    # Dagster's order repeats where the row says that the code is; the entry reads its id alone.
    del world.job(run)["spec"]["template"]["spec"]["containers"][0]["args"]
    for never in ("evil", OTHER.tenant, OTHER.connection, "control-plane", "envFrom", "env_from"):
        assert never not in json.dumps(world.job(run))


def test_a_run_that_has_no_place_fails_and_is_not_tried_again(world: World) -> None:
    run = world.launch({PARTITION_NAME_TAG: "acme.gone|2026-01-01"})
    assert run.status is DagsterRunStatus.FAILURE
    assert "no connection 'acme.gone'" in world.told(run)
    assert not should_retry(run, world.instance)
    assert not world.jobs.jobs


def test_a_cluster_that_refuses_is_told_and_not_asked_again(world: World) -> None:
    def refuse(_: str) -> None:
        raise RefusedError("The cluster does not let this process make a Job.")

    world.jobs.fail = refuse
    run = world.launch()
    assert run.status is DagsterRunStatus.FAILURE
    assert "does not let this process make a Job" in world.told(run)
    assert not should_retry(run, world.instance)


def test_a_cluster_that_does_not_answer_is_asked_again_a_few_times(world: World) -> None:
    tries: list[str] = []

    def fail_twice(call: str) -> None:
        tries.append(call)
        if len(tries) <= len(launcher_module.CREATE_WAITS_S):
            raise RetryLaterError("The cluster does not answer.")

    world.jobs.fail = fail_twice
    run = world.launch()
    assert world.job(run)
    tries.clear()
    world.jobs.fail = lambda _: fail_always()
    with pytest.raises(RetryLaterError):
        world.launch()


def fail_always() -> None:
    raise RetryLaterError("The cluster does not answer.")


DEATHS = (
    (Seen(job=FAILED, pods=[pod(ended(137, reason="OOMKilled"))]), "more memory"),
    (Seen(job=FAILED, pods=[pod(reason="Evicted", message="Low.")]), "evicted its pod: Low."),
    (Seen(job=FAILED), "its pod was deleted"),
    (Seen(job=None), "its Job is gone"),
)


@pytest.mark.parametrize(("seen", "told"), DEATHS)
def test_a_run_whose_pod_died_fails_with_the_reason_and_is_run_again(
    world: World, seen: Seen, told: str
) -> None:
    run = world.starts(world.launch())
    world.becomes(run, seen)
    run = world.monitor(run)
    assert run.status is DagsterRunStatus.FAILURE
    assert told in world.told(run)
    assert should_retry(run, world.instance)


def test_a_run_that_never_started_fails_with_the_reason_and_nothing_is_left(world: World) -> None:
    run = world.launch()
    unschedulable = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes."}
    world.becomes(run, Seen(job=OPEN, pods=[pod(conditions=[unschedulable])]))
    run = world.monitor(run)
    assert run.status is DagsterRunStatus.FAILURE
    assert "never scheduled: 0/3 nodes." in world.told(run)
    assert should_retry(run, world.instance)
    assert not world.jobs.jobs


def test_a_run_that_could_not_begin_is_not_run_again(world: World) -> None:
    run = world.launch()
    state = ended(CONFIGURATION_STATUS, message="This run has no secrets.")
    world.becomes(run, Seen(job=FAILED, pods=[pod(state)]))
    run = world.monitor(run)
    assert run.status is DagsterRunStatus.FAILURE
    assert "This run has no secrets." in world.told(run)
    assert run.tags[MAX_RETRIES_TAG] == "0"
    assert not should_retry(run, world.instance)


def test_a_run_that_lives_is_left_alone_also_while_the_cluster_is_silent(world: World) -> None:
    run = world.starts(world.launch())
    world.becomes(run, Seen(job=OPEN, pods=[pod({"running": {}})]))
    assert world.monitor(run).status is DagsterRunStatus.STARTED
    world.jobs.fail = lambda _: fail_always()
    with pytest.raises(RetryLaterError):
        world.monitor(run)
    assert world.now(run).status is DagsterRunStatus.STARTED


def test_a_run_whose_connection_is_gone_fails_and_is_not_run_again(world: World) -> None:
    run = world.starts(world.launch())
    world.connections.clear()
    run = world.monitor(run)
    assert run.status is DagsterRunStatus.FAILURE
    assert "no connection 'acme.code'" in world.told(run)
    assert not should_retry(run, world.instance)


def test_a_process_that_ends_well_and_leaves_its_run_open_is_a_failure(world: World) -> None:
    run = world.starts(world.launch())
    world.becomes(run, Seen(job=job(condition("Complete")), pods=[pod(ended(0))]))
    assert world.launcher.check_run_worker_health(run).status is WorkerStatus.FAILED
    run = world.says(run, DagsterEventType.RUN_SUCCESS)
    assert world.launcher.check_run_worker_health(run).status is WorkerStatus.SUCCESS


def test_a_cancelled_run_loses_its_job(world: World) -> None:
    run = world.starts(world.launch())
    assert world.launcher.terminate(run.run_id)
    assert world.now(run).status is DagsterRunStatus.CANCELING
    assert not world.jobs.jobs
    done = world.says(run, DagsterEventType.RUN_CANCELED)
    assert not world.launcher.terminate(done.run_id)


def test_who_may_not_delete_jobs_can_still_cancel(world: World) -> None:
    run = world.starts(world.launch())

    def refuse(_: str) -> None:
        raise RefusedError("This process has no service account of the cluster.")

    world.jobs.fail = refuse
    assert world.launcher.terminate(run.run_id)
    assert world.now(run).status is DagsterRunStatus.CANCELING
    assert "its own process hears it" in world.told(run)


class TestMemoryJobs(RunJobsContract):
    """The fake is held to what holds for the cluster."""

    @pytest.fixture
    def jobs(self) -> MemoryJobs:
        return MemoryJobs()

    @pytest.fixture
    def manifest(self) -> dict[str, Any]:
        return {
            "metadata": {"namespace": NAMESPACE, "name": "run-one"},
            "spec": {"activeDeadlineSeconds": 600},
        }
