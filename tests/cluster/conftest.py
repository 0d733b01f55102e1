"""One control plane for the session; each module makes tenants of its own."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubernetes import client

from tests.cluster.control_plane import ControlPlane, running_control_plane
from tests.cluster.programs import Programs, build_programs
from tests.conftest import CACHE

DEPLOY = Path(__file__).parents[2] / "deploy" / "kubernetes"
_KUBECTL_TIMEOUT_S = 60

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies in this folder needs a control plane, and is marked so."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def programs() -> Programs:
    return build_programs(CACHE, environment=os.environ, progress=print)


@pytest.fixture(scope="session")
def control_plane(programs: Programs) -> Iterator[ControlPlane]:
    """A control plane whose audit policy is the one that we deploy."""
    policies = sorted(DEPLOY.rglob("audit-policy.yaml"))
    with (
        tempfile.TemporaryDirectory(prefix="coworker-cluster-") as folder,
        running_control_plane(
            programs, Path(folder), audit_policy=policies[0] if policies else None
        ) as plane,
    ):
        yield plane


@pytest.fixture(scope="session")
def admin(control_plane: ControlPlane) -> client.CoreV1Api:
    """The core API, asked as the cluster's administrator."""
    return client.CoreV1Api(control_plane.admin)


@pytest.fixture(scope="session")
def kubectl(programs: Programs, control_plane: ControlPlane) -> Kubectl:
    """``kubectl`` as the cluster's administrator: arguments, and what goes to standard input."""

    def run(*arguments: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [programs.kubectl, f"--kubeconfig={control_plane.kubeconfig}", *arguments],
            check=False,
            capture_output=True,
            input=text,
            text=True,
            timeout=_KUBECTL_TIMEOUT_S,
        )

    return run
