"""Our components on the control plane of the tests, each with its own rights and logins.

The code server, the webserver and the daemon are processes of this machine; what they launch are
Jobs, whose Pods the tests' node runs. Each is told what its Deployment would tell it.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster_shared.yaml_utils import load_yaml_from_path
from kubernetes import client

from coworker_pipelines.assembly import Platform
from coworker_pipelines.cluster.client import Cluster
from coworker_pipelines.cluster.names import OWN_NAMESPACE, namespace_of
from coworker_pipelines.cluster.rights import Account
from coworker_pipelines.cluster.tenants import (
    TenantLimits,
    make_tenant_namespaces,
    remove_tenant_namespaces,
)
from coworker_pipelines.defs.run_jobs import job_name
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.connections import ConnectionOrder
from coworker_pipelines.secrets.kubernetes import KubernetesSecretStore
from coworker_pipelines.secrets.store import SecretHouse, SecretReader
from coworker_pipelines.settings import Settings
from tests.cluster.control_plane import ControlPlane
from tests.cluster.kubelet import Kubelet, running_kubelet
from tests.cluster.logins import made_logins
from tests.database_fixtures import made_database, named_url
from tests.defs.servers import ROOT, Location, Servers, started, wait_until

IMAGE = "coworker:tests"
START_S = 25
KEPT_S = 15
RUN_S = 90.0
SETTINGS = ROOT / "deploy" / "kubernetes" / "base" / "dagster.yaml"
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


class TenantNamespaces(SecretHouse):
    """Each tenant's place is its namespaces."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def open(self, tenant: str) -> None:
        make_tenant_namespaces(self._cluster, tenant, TenantLimits())

    def close(self, tenant: str) -> None:
        remove_tenant_namespaces(self._cluster, tenant)


class ClusterPlatform(Platform):
    """The control plane's platform, whose secrets are the cluster's."""

    def __init__(self, settings: Settings, cluster: Cluster) -> None:
        super().__init__(settings)
        self._cluster = cluster

    @cached_property
    def secrets(self) -> Any:
        return KubernetesSecretStore(self._cluster)

    @property
    def _reader(self) -> SecretReader | None:
        return None

    @property
    def _house(self) -> SecretHouse:
        return TenantNamespaces(self._cluster)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """All of it, running."""

    platform: Platform
    plane: ControlPlane
    kubelet: Kubelet
    servers: Servers
    instance: DagsterInstance
    elasticsearch_url: str

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
        """A run, asked for as the launchpad asks; its id."""
        all_tags = {**(tags or {}), "dagster/partition": f"{handle}|{month}-01"}
        params = {
            "selector": {
                "repositoryLocationName": DEFINITIONS,
                "repositoryName": "__repository__",
                "jobName": "sync_sql",
            },
            "runConfigData": {},
            "executionMetadata": {
                "tags": [{"key": key, "value": value} for key, value in all_tags.items()]
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

    def job(self, handle: str, run_id: str) -> Any:
        """The run's Job, as the API server has it; ``None`` once it is gone."""
        batch = client.BatchV1Api(self.plane.admin)
        namespace = namespace_of(self.scope(handle).tenant)
        selector = f"dagster/run-id={run_id}"
        return next(iter(batch.list_namespaced_job(namespace, label_selector=selector).items), None)

    def pod(self, handle: str, run_id: str) -> Any:
        """The run's pod, once there is one."""
        core = client.CoreV1Api(self.plane.admin)
        namespace = namespace_of(self.scope(handle).tenant)
        selector = f"batch.kubernetes.io/job-name={job_name(run_id)}"
        found: list[Any] = []

        def there() -> bool:
            found[:] = core.list_namespaced_pod(namespace, label_selector=selector).items
            return bool(found)

        wait_until(there, RUN_S)
        return found[0]

    def stored(self, handle: str, stream: str = "orders") -> int:
        """How many documents Elasticsearch holds."""
        with self.platform.open_reading(handle) as reading:
            return sum(len(list(page)) for page in reading.documents.scan(stream))


@contextmanager
def deployed(
    plane: ControlPlane, cluster: Cluster, base: Settings, template: str, folder: Path
) -> Iterator[Deployed]:
    """Everything runs; ``base`` names the suite's servers, ``template`` a migrated database."""
    assert base.database_url is not None
    assert base.elasticsearch is not None
    with ExitStack() as stack:
        ours = named_url(
            base.database_url, stack.enter_context(made_database(base.database_url, template))
        )
        dagsters = named_url(
            base.database_url, stack.enter_context(made_database(base.database_url))
        ).replace("+psycopg", "+psycopg2")
        logins = stack.enter_context(made_logins(ours))
        dagster_logins = stack.enter_context(made_logins(dagsters))
        run_of_dagster = dagster_logins.make()
        home = folder / "home"
        _write_home(home)
        addresses = _Addresses(
            folder=folder,
            control=ours,
            locator=logins.make("coworker_locator"),
            dagster=dagsters,
        )
        location = Location(
            name=DEFINITIONS,
            arguments=("-m", "coworker_pipelines.definitions"),
            environments=_environments(plane, addresses, base),
        )
        servers = stack.enter_context(started(Servers(home, location)))
        dagster_logins.grant_all_tables(run_of_dagster)
        instance = stack.enter_context(_instance(folder, dagsters))
        servers.start_daemon()
        settings = replace(
            base,
            database_url=ours,
            master_key=folder / "master.key",
            run_database_url=Secret(logins.make("coworker_run")),
            run_dagster_database_url=Secret(run_of_dagster),
        )
        platform = stack.enter_context(ClusterPlatform(settings, cluster))
        kubelet = stack.enter_context(running_kubelet(plane.admin, folder / "kubelet"))
        yield Deployed(
            platform=platform,
            plane=plane,
            kubelet=kubelet,
            servers=servers,
            instance=instance,
            elasticsearch_url=base.elasticsearch.url,
        )


def _write_home(home: Path) -> None:
    """The settings that we deploy; waits are short, and the cluster is reached from outside."""
    home.mkdir()
    settings = load_yaml_from_path(str(SETTINGS))
    assert isinstance(settings, dict)
    settings["run_launcher"]["config"] |= {
        "kubeconfig_file": {"env": "TEST_KUBECONFIG"},
        "kept_seconds": KEPT_S,
    }
    settings["run_coordinator"]["config"]["dequeue_interval_seconds"] = 1
    settings["run_monitoring"] |= {
        "start_timeout_seconds": START_S,
        "cancel_timeout_seconds": START_S,
        "poll_interval_seconds": 1,
        "cancellation_thread_poll_interval_seconds": 1,
    }
    (home / "dagster.yaml").write_text(json.dumps(settings), encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Addresses:
    """Databases' addresses, each a secret that is handed over as a file."""

    folder: Path
    control: str
    locator: str
    dagster: str

    def file(self, name: str, content: str) -> str:
        path = self.folder / "components" / name
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(content, encoding="utf-8")
        return str(path)


def _environments(
    plane: ControlPlane, addresses: _Addresses, base: Settings
) -> dict[str, dict[str, str]]:
    """What each component's Deployment says; only the daemon has rights in the cluster."""
    assert base.elasticsearch is not None
    common = {
        "COWORKER_IMAGE": IMAGE,
        "COWORKER_ELASTICSEARCH_URL": base.elasticsearch.url,
        "COWORKER_SEGMENTS": "/var/lib/coworker/segments",
        "COWORKER_FIRST_WINDOW": "2026-01",
        "COWORKER_DAGSTER_DATABASE_URL_FILE": addresses.file("dagster", addresses.dagster),
        "DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS": "1",
    }
    accounts = {
        name: str(plane.kubeconfig_of(Account(namespace=OWN_NAMESPACE, name=name)))
        for name in ("webserver", "daemon", "code-location")
    }
    databases = {
        "daemon": addresses.file("locator", addresses.locator),
        "code-location": addresses.file("control", addresses.control),
    }
    return {
        "dagster": {
            **common,
            "TEST_KUBECONFIG": accounts["code-location"],
            "COWORKER_DATABASE_URL_FILE": databases["code-location"],
        },
        "dagster_webserver": {**common, "TEST_KUBECONFIG": accounts["webserver"]},
        "dagster._daemon": {
            **common,
            "TEST_KUBECONFIG": accounts["daemon"],
            "COWORKER_DATABASE_URL_FILE": databases["daemon"],
        },
    }


@contextmanager
def _instance(folder: Path, url: str) -> Iterator[DagsterInstance]:
    """The same instance, for a test to look at; it launches nothing."""
    home = folder / "looking"
    home.mkdir()
    settings = {
        "storage": {"postgres": {"postgres_url": url}},
        "telemetry": {"enabled": False},
    }
    (home / "dagster.yaml").write_text(json.dumps(settings), encoding="utf-8")
    with DagsterInstance.from_config(str(home)) as instance:
        yield instance
