"""One control plane for the session; each module makes tenants of its own."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubernetes import client

from coworker_pipelines.cluster.client import Cluster, ClusterAddress, open_cluster
from coworker_pipelines.cluster.limits import TenantLimits
from coworker_pipelines.cluster.names import CONTROL_PLANE, OWN_NAMESPACE
from coworker_pipelines.cluster.rights import Account
from coworker_pipelines.cluster.tenants import (
    make_tenant_namespaces,
    remove_tenant_namespaces,
)
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.services.waiting import await_value
from tests.cluster.control_plane import ControlPlane, running_control_plane
from tests.cluster.kubelet import Kubelet, running_kubelet
from tests.cluster.programs import Programs, build_programs
from tests.conftest import CACHE

DEPLOY = Path(__file__).parents[2] / "deploy" / "kubernetes"
OVERLAY = DEPLOY / "overlays" / "local"
_KUBECTL_TIMEOUT_S = 60
_POLICIES_TIMEOUT_S = 30

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for the control plane is marked so."""
    for item in items:
        if isinstance(item, pytest.Function) and "control_plane" in item.fixturenames:
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


@pytest.fixture
def kubelet(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Kubelet]:
    """The cluster has a node while the test runs."""
    with running_kubelet(control_plane.admin, tmp_path / "kubelet") as node:
        yield node


@pytest.fixture
def namespace(admin: client.CoreV1Api) -> Iterator[str]:
    """A fresh, bare namespace in which Pods can be made; deleted afterwards with all of them."""
    name = f"test-{new_id(IdPrefix.TENANT)}"
    admin.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name)))
    await_value(
        lambda: admin.list_namespaced_service_account(name).items or None,
        of="the namespace's service account",
        is_alive=lambda: True,
        timeout_s=20,
    )
    yield name
    admin.delete_namespace(name)


@pytest.fixture(scope="session")
def control_plane_account(control_plane: ControlPlane, kubectl: Kubectl) -> Account:
    """What we deploy is there, rights and admission policies in force; this is the maker's."""
    for arguments in (("-f", DEPLOY / "base" / "namespace.yaml"), ("-k", OVERLAY)):
        applied = kubectl("apply", *arguments)
        assert applied.returncode == 0, applied.stderr
    account = Account(namespace=OWN_NAMESPACE, name=CONTROL_PLANE)
    kubeconfig = control_plane.kubeconfig_of(account)

    def is_refused() -> bool | None:
        tried = kubectl(
            f"--kubeconfig={kubeconfig}", "create", "namespace", "not-a-tenants", "--dry-run=server"
        )
        return "coworker-tenant-namespaces" in tried.stderr or None

    await_value(
        is_refused,
        of="the refusal of the admission policies",
        is_alive=lambda: True,
        timeout_s=_POLICIES_TIMEOUT_S,
    )
    return account


@pytest.fixture(scope="session")
def cluster(control_plane: ControlPlane, control_plane_account: Account) -> Iterator[Cluster]:
    """The cluster as our control plane meets it."""
    kubeconfig = control_plane.kubeconfig_of(control_plane_account)
    with open_cluster(ClusterAddress(kubeconfig=kubeconfig)) as opened:
        yield opened


@pytest.fixture(scope="module")
def tenant(cluster: Cluster) -> Iterator[str]:
    """A fresh tenant whose namespaces the control plane has made."""
    made = new_id(IdPrefix.TENANT)
    make_tenant_namespaces(cluster, made, TenantLimits())
    yield made
    remove_tenant_namespaces(cluster, made)
