"""Our components on the control plane of the tests, each with its own rights and logins.

The code server, the webserver and the daemon are processes of this machine; what they launch are
Jobs, whose Pods the tests' node runs. Each is told what its Deployment would tell it.
"""

import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from kubernetes import client

from coworker_pipelines.assembly import Platform
from coworker_pipelines.cluster.names import secret_name
from coworker_pipelines.defs.run_jobs import job_name
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.connections import ConnectionOrder
from tests.cluster.control_plane import ControlPlane
from tests.cluster.kubelet import Kubelet
from tests.defs.servers import Servers, wait_until

RUN_S = 90.0
DEFINITIONS = "coworker_pipelines"

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
TERMINATE = """
mutation ($run: String!) {
  terminateRun(runId: $run) { __typename ... on TerminateRunFailure { message } }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """All of it, running; ``environment`` is the control plane's, ``platform`` what that opens."""

    environment: Mapping[str, str]
    platform: Platform
    plane: ControlPlane
    kubelet: Kubelet
    servers: Servers
    instance: DagsterInstance

    def coworker(self, *arguments: str, given: str = "") -> str:
        """What the command line tells, run as in the control plane's pod."""
        done = subprocess.run(
            [Path(sys.executable).with_name("coworker"), *arguments],
            check=False,
            capture_output=True,
            env=os.environ | self.environment,
            input=given,
            text=True,
            timeout=RUN_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_by_command_line(self, tenant: str, name: str, form: Mapping[str, str | Secret]) -> None:
        """A connection of the kind ``sql``, as a person makes it in the control plane's pod."""
        password = form["password"]
        assert isinstance(password, Secret)
        made = ("connections", "add", tenant, name, "--kind", "sql")
        self.coworker(
            *made,
            "--setting",
            f"url={form['url']}",
            "--secret-file",
            "password=-",
            given=password.get_secret_value(),
        )

    def await_partition(self, handle: str) -> None:
        """The sensor has told Dagster of the connection."""
        wait_until(lambda: self.instance.has_dynamic_partition("sql_connections", handle), RUN_S)

    def add_tenant(self, slug: str) -> str:
        return self.platform.tenants.make(slug=slug, name=slug)

    def add_connection(self, tenant: str, name: str, form: Mapping[str, Any]) -> str:
        """The handle of a connection to one table, which Dagster knows as a partition."""
        handle = self.platform.maker.make(
            ConnectionOrder(
                tenant=tenant,
                name=name,
                kind="sql",
                form=form,
                schedule=None,
                streams=None,
                ordered_by="ann",
            )
        )
        self.instance.add_dynamic_partitions("sql_connections", [handle])
        return handle

    def scope(self, handle: str) -> Scope:
        return self.platform.scope_of(handle)

    def launch(self, handle: str, month: str, tags: Mapping[str, str] | None = None) -> str:
        """A sync, asked for as the launchpad asks; its run's id."""
        return self.launch_job(
            "sync_sql", {**(tags or {}), "dagster/partition": f"{handle}|{month}-01"}
        )

    def launch_job(self, job: str, tags: Mapping[str, str] | None = None) -> str:
        params = {
            "selector": {
                "repositoryLocationName": DEFINITIONS,
                "repositoryName": "__repository__",
                "jobName": job,
            },
            "runConfigData": {},
            "executionMetadata": {
                "tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]
            },
        }
        answer = self.servers.ask(LAUNCH, {"params": params})["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def terminate(self, run_id: str) -> None:
        answer = self.servers.ask(TERMINATE, {"run": run_id})["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer

    def run(self, run_id: str) -> DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def await_status(self, run_id: str, *wanted: DagsterRunStatus) -> DagsterRun:
        """The run, once it has one of these; what it told is shown where it ends otherwise."""

        def arrived() -> bool:
            run = self.run(run_id)
            assert run.status in wanted or not run.is_finished, self.told(run_id)
            return run.status in wanted

        wait_until(arrived, RUN_S)
        return self.run(run_id)

    def await_retry(self, run_id: str) -> str:
        """The run that Dagster made of a failed one by itself."""
        wait_until(lambda: "dagster/auto_retry_run_id" in self.run(run_id).tags, RUN_S)
        return self.run(run_id).tags["dagster/auto_retry_run_id"]

    def sync(self, handle: str, month: str, tags: Mapping[str, str] | None = None) -> str:
        run_id = self.launch(handle, month, tags)
        self.await_status(run_id, DagsterRunStatus.SUCCESS)
        return run_id

    def told(self, run_id: str) -> str:
        """What Dagster shows of a run, errors included."""
        return "\n".join(
            f"{log.message} {log.dagster_event.event_specific_data if log.dagster_event else ''}"
            for log in self.instance.all_logs(run_id)
        )

    def job(self, run_id: str) -> Any:
        """The run's Job, as the API server has it; ``None`` once it is gone."""
        batch = client.BatchV1Api(self.plane.admin)
        selector = f"dagster/run-id={run_id}"
        found = batch.list_job_for_all_namespaces(label_selector=selector).items
        return found[0] if found else None

    def pod(self, run_id: str) -> Any:
        """The run's pod, once there is one."""
        core = client.CoreV1Api(self.plane.admin)
        selector = f"batch.kubernetes.io/job-name={job_name(run_id)}"
        found: list[Any] = []

        def there() -> bool:
            found[:] = core.list_pod_for_all_namespaces(label_selector=selector).items
            return bool(found)

        wait_until(there, RUN_S)
        return found[0]

    def stored(self, handle: str, stream: str = "orders") -> int:
        """How many documents Elasticsearch holds."""
        with self.platform.open_reading(handle) as reading:
            return sum(len(list(page)) for page in reading.documents.scan(stream))

    def secret(self, reference: str) -> dict[str, str]:
        """What the Secret holds, asked as the cluster's administrator."""
        place = secret_name(reference).place
        core = client.CoreV1Api(self.plane.admin)
        data = core.read_namespaced_secret(place.name, place.namespace).data or {}
        return {name: b64decode(value).decode() for name, value in data.items()}


def secrets_of(job: Any) -> set[str]:
    """Every Secret that the Job's pod names, in whatever way."""
    pod = job.spec.template.spec
    assert not pod.image_pull_secrets
    assert all(entry.value_from is None for entry in pod.containers[0].env)
    assert not any(volume.projected or volume.csi for volume in pod.volumes)
    return {volume.secret.secret_name for volume in pod.volumes if volume.secret}
