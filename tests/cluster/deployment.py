"""What `deploy/kubernetes` puts into a cluster, applied to the tests' one; and a tenant in it."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
import yaml

from coworker_pipelines.kernel.ids import IdPrefix, new_id
from tests.cluster.conftest import DEPLOY, Kubectl
from tests.cluster.control_plane import ControlPlane, ServiceAccount

NAMESPACE: Final = "coworker"
OVERLAY: Final = DEPLOY / "overlays" / "local"
IMAGE: Final = "coworker-pipelines:local"
BINDINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "": {
        "coworker-tenant-secrets": "control-plane",
        "coworker-tenant-runs": "daemon",
        "coworker-tenant-tokens": "oauth-refresher",
    },
    "-oauth": {
        "coworker-tenant-secrets": "control-plane",
        "coworker-tenant-grants": "oauth-refresher",
    },
}
"""Role to holder, by what follows ``cw-TENANT`` in the namespace's name."""
_ENFORCED_TRIES: Final = 60
_ENFORCED_WAIT_S: Final = 0.5

KubectlAs = Callable[[str], Kubectl]
Manifest = dict[str, Any]


@pytest.fixture(scope="session")
def kubectl_as(control_plane: ControlPlane, kubectl: Kubectl) -> KubectlAs:
    """``kubectl`` with a real token of one of our service accounts.

    What we deploy is there, and its policies are in force.
    """
    succeeded(kubectl("apply", "-f", DEPLOY / "base" / "namespace.yaml"))
    succeeded(kubectl("apply", "-k", OVERLAY))

    def named(account: str) -> Kubectl:
        who = ServiceAccount(namespace=NAMESPACE, name=account)
        kubeconfig = control_plane.kubeconfig_of(who)

        def run(*arguments: Any, text: str = "") -> subprocess.CompletedProcess[str]:
            # The later of two flags counts.
            return kubectl(f"--kubeconfig={kubeconfig}", *arguments, text=text)

        return run

    _await_policies(named("control-plane"))
    return named


@pytest.fixture(scope="session")
def tenant(kubectl: Kubectl, kubectl_as: KubectlAs) -> Iterator[str]:
    """A tenant with both its namespaces and their bindings, made by the control plane."""
    tenant_id = new_id(IdPrefix.TENANT)
    as_control_plane = kubectl_as("control-plane")
    for suffix, holders in BINDINGS.items():
        succeeded(create(as_control_plane, namespace_of(tenant_id, suffix)))
        for role, holder in holders.items():
            binding = role_binding(f"cw-{tenant_id}{suffix}", role, holder)
            succeeded(create(as_control_plane, binding))
    yield tenant_id
    for suffix in BINDINGS:
        kubectl("delete", "namespace", f"cw-{tenant_id}{suffix}", "--wait=false")


def _await_policies(as_control_plane: Kubectl) -> None:
    probe = namespace_of("probe")
    probe["metadata"]["name"] = "not-a-tenants"
    for _ in range(_ENFORCED_TRIES):
        tried = create(as_control_plane, probe, "--dry-run=server")
        if "coworker-tenant-namespaces" in tried.stderr:
            return
        time.sleep(_ENFORCED_WAIT_S)
    pytest.fail(f"The admission policies are not in force: {tried.stderr}")


def namespace_of(tenant_id: str, suffix: str = "") -> Manifest:
    labels = {
        "coworker.io/tenant": tenant_id,
        "app.kubernetes.io/managed-by": "coworker",
        "pod-security.kubernetes.io/enforce": "restricted",
    }
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": f"cw-{tenant_id}{suffix}", "labels": labels},
    }


def role_binding(namespace: str, role: str, holder: str, *, of: str = NAMESPACE) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role, "namespace": namespace},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role,
        },
        "subjects": [{"kind": "ServiceAccount", "name": holder, "namespace": of}],
    }


def create(
    kubectl: Kubectl, manifest: Manifest, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return kubectl("create", "-f", "-", *arguments, text=yaml.safe_dump(manifest))


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout
