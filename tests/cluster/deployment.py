"""Asking the tests' cluster as one of our own service accounts, with objects to ask for."""

import subprocess
from collections.abc import Callable
from typing import Any, Final

import pytest
import yaml

from coworker_pipelines.cluster.rights import Account
from tests.cluster.conftest import Kubectl
from tests.cluster.control_plane import ControlPlane

NAMESPACE: Final = "coworker"
IMAGE: Final = "coworker-pipelines:local"
KubectlAs = Callable[[str], Kubectl]
Manifest = dict[str, Any]


@pytest.fixture(scope="session")
def kubectl_as(
    control_plane: ControlPlane, control_plane_account: Account, kubectl: Kubectl
) -> KubectlAs:
    """``kubectl`` with a real token of one of our service accounts, after we are deployed."""

    def named(account: str) -> Kubectl:
        who = Account(namespace=control_plane_account.namespace, name=account)
        kubeconfig = control_plane.kubeconfig_of(who)

        def run(*arguments: Any, text: str = "") -> subprocess.CompletedProcess[str]:
            # The later of two flags counts.
            return kubectl(f"--kubeconfig={kubeconfig}", *arguments, text=text)

        return run

    return named


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
