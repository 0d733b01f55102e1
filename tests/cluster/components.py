"""Our components as processes, each told what its Deployment says and given its own Secret."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from dagster import DagsterInstance
from kubernetes import client

from coworker_pipelines.assembly import Platform
from coworker_pipelines.cluster.names import CONTROL_PLANE, OWN_NAMESPACE, PRIVACY_WORKER
from coworker_pipelines.cluster.rights import Account
from coworker_pipelines.defs.launcher import TenantRunLauncher
from coworker_pipelines.secrets.cipher import KEY_BYTES
from coworker_pipelines.services.local import Endpoints
from coworker_pipelines.settings import Settings
from tests.cluster.control_plane import ControlPlane
from tests.cluster.deployed import DEFINITIONS, Deployed
from tests.cluster.deployment import IMAGE
from tests.cluster.elasticsearch_users import made_privacy_user
from tests.cluster.kubelet import running_kubelet
from tests.cluster.logins import made_logins
from tests.database_fixtures import made_database, named_url
from tests.defs.servers import Location, Servers, deployed_settings, started

START_S: Final = 25
KEPT_S: Final = 35
"""Longer than ``START_S``: what became of a pod is looked at when that is over."""
_PROGRAMS: Final = {
    "dagster": "code-location",
    "dagster_webserver": "webserver",
    "dagster._daemon": "daemon",
}

Values = Mapping[str, str]
"""What a component's Secret holds, by name."""


@contextmanager
def deployed(
    plane: ControlPlane, endpoints: Endpoints, template: str, folder: Path
) -> Iterator[Deployed]:
    """Everything runs; ``template`` names a migrated database of the suite's Postgres."""
    with ExitStack() as stack:
        server = endpoints.database_url
        ours = named_url(server, stack.enter_context(made_database(server, template)))
        dagsters = named_url(server, stack.enter_context(made_database(server)))
        logins = stack.enter_context(made_logins(ours))
        dagster_logins = stack.enter_context(made_logins(dagsters))
        dagster_run = dagster_logins.make()
        dagster = {"dagster_database_url": _for_dagster(dagsters)}
        password = endpoints.elasticsearch.password
        assert password is not None
        values: dict[str, Values] = {
            "webserver": dagster,
            "daemon": {**dagster, "database_url": logins.make("coworker_locator")},
            "code-location": {**dagster, "database_url": logins.make("coworker_control")},
            CONTROL_PLANE: {
                **dagster,
                "database_url": ours,
                "run_database_url": logins.make("coworker_run"),
                "run_dagster_database_url": _for_dagster(dagster_run),
                "elasticsearch_password": password.get_secret_value(),
                "master_key": secrets.token_hex(KEY_BYTES // 2),
                "journal_key": secrets.token_hex(KEY_BYTES // 2),
            },
            "oauth-refresher": {**dagster, "database_url": logins.make("coworker_control")},
            "dispatcher": {**dagster, "database_url": logins.make("coworker_dispatch")},
        }
        values[PRIVACY_WORKER] = {
            **dagster,
            "database_url": logins.make("coworker_privacy"),
            "elasticsearch_password": stack.enter_context(made_privacy_user(endpoints)),
            "signing_key": secrets.token_hex(KEY_BYTES // 2),
            **{name: values[CONTROL_PLANE][name] for name in ("master_key", "journal_key")},
        }
        environments = {
            name: _environment(name, values[name], plane, endpoints, folder) for name in values
        }
        _write_home(folder / "home")
        location = Location(
            name=DEFINITIONS,
            arguments=("-m", "coworker_pipelines.definitions"),
            environments={
                program: environments[component] for program, component in _PROGRAMS.items()
            },
        )
        servers = stack.enter_context(started(Servers(folder / "home", location)))
        dagster_logins.grant_all_tables(dagster_run)
        servers.start_daemon()
        control = environments[CONTROL_PLANE]
        yield Deployed(
            environment=control,
            platform=stack.enter_context(Platform(Settings.from_environment(control))),
            plane=plane,
            kubelet=stack.enter_context(running_kubelet(plane.admin, folder / "kubelet")),
            servers=servers,
            instance=stack.enter_context(_instance(folder, dagsters)),
        )


def give_secret(plane: ControlPlane, deployment: Deployed, component: str) -> None:
    """What a deployer does: the component's Secret is in our namespace, for runs that it has."""
    folder = Path(deployment.environment["COWORKER_STATE"]).parent / "secrets" / component
    body = {
        "metadata": {"name": component},
        "stringData": {path.name: path.read_text() for path in folder.iterdir()},
    }
    client.CoreV1Api(plane.admin).create_namespaced_secret(OWN_NAMESPACE, body)


def _environment(
    component: str, values: Values, plane: ControlPlane, endpoints: Endpoints, folder: Path
) -> dict[str, str]:
    """The settings that all have, and the files of the component's Secret."""
    mount = folder / "secrets" / component
    mount.mkdir(parents=True)
    for name, value in values.items():
        (mount / name).touch(mode=0o600)
        (mount / name).write_text(value, encoding="utf-8")
    account = Account(namespace=OWN_NAMESPACE, name=component)
    return {
        "COWORKER_STATE": str(folder / "state"),
        "COWORKER_SECRETS": "kubernetes",
        "COWORKER_KUBECONFIG": str(plane.kubeconfig_of(account)),
        "COWORKER_IMAGE": IMAGE,
        "COWORKER_ELASTICSEARCH_URL": endpoints.elasticsearch.url,
        "COWORKER_ELASTICSEARCH_USER": str(endpoints.elasticsearch.user),
        "COWORKER_SEGMENTS": "/var/lib/coworker/segments",
        # All that carry out orders share it, as they share a bucket.
        "COWORKER_JOURNAL": str(folder / "journal"),
        "COWORKER_FIRST_WINDOW": "2026-01",
        "COWORKER_BACKUP_DAYS": "0",
        "DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS": "1",
        **{f"COWORKER_{name.upper()}_FILE": str(mount / name) for name in values},
    }


def _write_home(home: Path) -> None:
    """The settings that we deploy; waits are short, and the cluster is reached from outside."""
    home.mkdir()
    settings = deployed_settings()
    assert settings["run_launcher"]["class"] == TenantRunLauncher.__name__
    settings["run_launcher"]["config"] |= {
        "kubeconfig_file": {"env": "COWORKER_KUBECONFIG"},
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


@contextmanager
def _instance(folder: Path, url: str) -> Iterator[DagsterInstance]:
    """The same instance, for a test to look at; it launches nothing."""
    home = folder / "looking"
    home.mkdir()
    settings = {
        "storage": {"postgres": {"postgres_url": _for_dagster(url)}},
        "telemetry": {"enabled": False},
    }
    (home / "dagster.yaml").write_text(json.dumps(settings), encoding="utf-8")
    with DagsterInstance.from_config(str(home)) as instance:
        yield instance


def _for_dagster(url: str) -> str:
    return url.replace("+psycopg:", "+psycopg2:")
