"""Runs in the cluster: each as one Job, in the place that its partition says.

Loaded by the instance's configuration alone; the definitions never import it.
"""

import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Field,
    IntSource,
    StringSource,
)
from dagster._core.events import EngineEventData
from dagster._core.launcher import LaunchRunContext, RunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import MAX_RETRIES_TAG
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value

from coworker_pipelines.defs.kubernetes_jobs import KubernetesJobs, RunJobs
from coworker_pipelines.defs.locating import Locator
from coworker_pipelines.defs.placement import DEFAULT_KIND, Locate, Placement, placement_of
from coworker_pipelines.defs.run_health import Finding, Outcome, finding
from coworker_pipelines.defs.run_jobs import Deployment, Resources, job_name, run_job
from coworker_pipelines.kernel.errors import (
    CoworkerError,
    RefusedError,
    RetryLaterError,
    TenantActionError,
)

CREATE_WAITS_S: Final = (1.0, 4.0)
"""Before the second and third try to make a Job; the queue stands still meanwhile."""
_RESOURCES: Final = {
    "cpu": StringSource,
    "cpu_max": StringSource,
    "memory": StringSource,
    "disk": StringSource,
}
_SECONDS_MAX: Final = 86_400
_KEPT_SECONDS: Final = 3_600
_WRITTEN_OFF: Final = {
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.CANCELING,
}


class TenantRunLauncher(RunLauncher[DagsterInstance], ConfigurableClass):
    """Makes a run's Job, looks after it, and removes what is left of it.

    Decided: no heir of Dagster's own launcher for Kubernetes. That one puts pods together from
    tags, from the code location and from the image that a run names; here nothing but the
    partition has a say, so there is no door to keep shut.
    """

    def __init__(
        self,
        deployment: Deployment,
        resources: Mapping[str, Resources],
        *,
        locate: Locate,
        open_jobs: Callable[[], RunJobs],
        sleep: Callable[[float], None] = time.sleep,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._inst_data = inst_data
        self._deployment = deployment
        self._resources = resources
        self._locate = locate
        self._open_jobs = open_jobs
        self._sleep = sleep

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {
            "image": Field(StringSource, description="What every run's container is made of."),
            "image_pull_policy": Field(StringSource, default_value="IfNotPresent"),
            "environment": Field(
                {str: StringSource},
                default_value={},
                description="Settings of every run. No secrets: who sees a pod reads them.",
            ),
            "resources": Field(
                {str: _RESOURCES},
                description="By kind of connection; `default` for those that are not named.",
            ),
            "seconds_max": Field(IntSource, default_value=_SECONDS_MAX),
            "kept_seconds": Field(
                IntSource,
                default_value=_KEPT_SECONDS,
                description="How long a finished Job and its log stay.",
            ),
            "kubeconfig_file": Field(
                StringSource,
                is_required=False,
                description="Where there is no service account, as outside of the cluster.",
            ),
        }

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """The launcher.

        Raises:
            RefusedError: ``resources`` lack ``default``.
        """
        resources = {kind: Resources(**has) for kind, has in config_value["resources"].items()}
        if DEFAULT_KIND not in resources:
            raise RefusedError(f"The launcher's `resources` in dagster.yaml lack {DEFAULT_KIND!r}.")
        kubeconfig = config_value.get("kubeconfig_file")
        return cls(
            Deployment(
                image=config_value["image"],
                image_pull_policy=config_value["image_pull_policy"],
                seconds_max=config_value["seconds_max"],
                kept_seconds=config_value["kept_seconds"],
                environment=config_value["environment"],
            ),
            resources,
            locate=Locator(),
            open_jobs=lambda: KubernetesJobs.open(Path(kubeconfig) if kubeconfig else None),
            inst_data=inst_data,
        )

    def launch_run(self, context: LaunchRunContext) -> None:
        """The run's Job is there, or the run has failed and says why."""
        run = context.dagster_run
        try:
            placement = placement_of(run, self._locate)
            self._create(self._job(run, placement))
        except RetryLaterError:
            raise  # the queue reports it, and Dagster runs it again
        except CoworkerError as error:
            self._give_up(run)
            self._instance.report_run_failed(run, str(error))
            return
        self._tell(run, "Made the run's Job.", placement)

    def terminate(self, run_id: str) -> bool:
        """The run is to end: its process hears so, and its Job is deleted where we may.

        The webserver may not, and need not: the run's own process asks Dagster whether it is
        still wanted, and the daemon deletes what does not listen.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        try:
            placement = placement_of(run, self._locate)
            self._jobs.delete(placement.namespace, job_name(run_id))
        except CoworkerError:
            self._tell(run, "Asked the run to end; its own process hears it in a moment.")
        else:
            self._tell(run, "Deleted the run's Job.", placement)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a run that has begun still works.

        Raises:
            RetryLaterError, RefusedError: the cluster does not answer, or not us. Dagster asks
                again; to guess would end a run that lives.
        """
        try:
            found = self._finding(run)
        except TenantActionError as error:
            self._give_up(run)
            return CheckRunHealthResult(WorkerStatus.FAILED, str(error))
        match found.outcome:
            case Outcome.RUNNING | Outcome.WAITING:
                return CheckRunHealthResult(WorkerStatus.RUNNING, found.sentence)
            case Outcome.SUCCEEDED if run.is_finished:
                return CheckRunHealthResult(WorkerStatus.SUCCESS, found.sentence)
            case Outcome.SUCCEEDED:
                sentence = "The run did not finish: its process ended well but left it open."
                return CheckRunHealthResult(WorkerStatus.FAILED, sentence)
            case Outcome.FAILED:
                if found.hopeless:
                    self._give_up(run)
                return CheckRunHealthResult(WorkerStatus.FAILED, found.sentence)

    def get_run_worker_debug_info(
        self,
        run: DagsterRun,
        include_container_logs: bool | None = True,  # noqa: ARG002, FBT001, FBT002 - Dagster's
    ) -> str | None:
        """What is known of the run's pod; asked when Dagster writes the run off.

        So what has not ended by then is deleted: a pod that is scheduled an hour later must not
        begin a run that was written off, nor keep another from its placement.
        """
        found, placement = self._finding(run), placement_of(run, self._locate)
        if found.hopeless:
            self._give_up(run)
        name = job_name(run.run_id)
        if found.outcome in {Outcome.WAITING, Outcome.RUNNING}:
            self._jobs.delete(placement.namespace, name)
        where = f"Look at it with: kubectl -n {placement.namespace} describe job {name}"
        return f"{found.sentence}\n{where}" if run.status in _WRITTEN_OFF else where

    @cached_property
    def _jobs(self) -> RunJobs:
        try:
            return self._open_jobs()
        except TenantActionError as error:
            # Of this process, and so no verdict on a run.
            raise RefusedError(str(error)) from error

    def _finding(self, run: DagsterRun) -> Finding:
        placement = placement_of(run, self._locate)
        return finding(self._jobs.look(placement.namespace, job_name(run.run_id)))

    def _job(self, run: DagsterRun, placement: Placement) -> dict[str, Any]:
        origin = run.job_code_origin
        assert origin is not None
        order = ExecuteRunArgs(
            job_origin=origin,
            run_id=run.run_id,
            instance_ref=self._instance.get_ref(),
            set_exit_code_on_failure=True,
        )
        return run_job(
            placement,
            self._deployment,
            self._resources.get(placement.kind, self._resources[DEFAULT_KIND]),
            run_id=run.run_id,
            order=serialize_value(order),
        )

    def _create(self, job: dict[str, Any]) -> None:
        for wait_s in CREATE_WAITS_S:
            try:
                return self._jobs.create(job)
            except RetryLaterError:
                self._sleep(wait_s)
        return self._jobs.create(job)

    def _give_up(self, run: DagsterRun) -> None:
        """Dagster takes what failed outside of a step for a crash, and would run it again."""
        self._instance.add_run_tags(run.run_id, {MAX_RETRIES_TAG: "0"})

    def _tell(self, run: DagsterRun, sentence: str, placement: Placement | None = None) -> None:
        told = {"job": job_name(run.run_id)}
        if placement is not None:
            told["namespace"] = placement.namespace
        self._instance.report_engine_event(sentence, run, EngineEventData(told), cls=type(self))
