"""Where the rights of our service accounts end: tried with their own tokens, told in a sentence."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from coworker_pipelines.kernel.ids import IdPrefix, new_id
from tests.cluster.conftest import Kubectl
from tests.cluster.deployment import (
    IMAGE,
    KubectlAs,
    Manifest,
    create,
    kubectl_as,
    namespace_of,
    role_binding,
    succeeded,
)

__all__ = ["kubectl_as"]

pytestmark = pytest.mark.cluster

CONNECTION: Final = "c123"
DRY: Final = "--dry-run=server"
_STAYS: Final = "works in the namespaces of tenants alone"
_NAMESPACES: Final = "may make, change and delete only the namespaces of tenants"


def _unlabelled(tenant: str) -> Manifest:
    manifest = namespace_of(tenant)
    del manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"]
    return manifest


def _open_to_all(tenant: str) -> Manifest:
    manifest = namespace_of(tenant)
    manifest["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "privileged"
    return manifest


def _foreign(tenant: str) -> Manifest:
    manifest = namespace_of(tenant)
    manifest["metadata"]["name"] = f"cw-{tenant}-elsewhere"
    return manifest


@pytest.mark.parametrize(
    ("make", "sentence"),
    (
        (_foreign, _NAMESPACES),
        (_unlabelled, "carries the label app.kubernetes.io/managed-by: coworker"),
        (_open_to_all, "carries the label pod-security.kubernetes.io/enforce: restricted"),
    ),
)
def test_a_namespace_that_is_no_tenants_is_not_made(
    tenant: str, kubectl_as: KubectlAs, make: Callable[[str], Manifest], sentence: str
) -> None:
    assert tenant
    refused = create(kubectl_as("control-plane"), make(new_id(IdPrefix.TENANT)), DRY)
    assert refused.returncode != 0
    assert sentence in refused.stderr


def test_a_tenants_namespace_is_made(tenant: str, kubectl_as: KubectlAs) -> None:
    assert tenant
    for suffix in ("", "-oauth", "-egress"):
        manifest = namespace_of(new_id(IdPrefix.TENANT), suffix)
        succeeded(create(kubectl_as("control-plane"), manifest, DRY))


@pytest.mark.parametrize("name", ("kube-system", "default", "coworker"))
def test_no_other_namespace_is_turned_into_a_tenants(
    tenant: str, kubectl_as: KubectlAs, name: str
) -> None:
    labels = [f"{key}={value}" for key, value in namespace_of(tenant)["metadata"]["labels"].items()]
    refused = kubectl_as("control-plane")("label", "--overwrite", "namespace", name, *labels, DRY)
    assert refused.returncode != 0
    assert _NAMESPACES in refused.stderr


def test_no_other_namespace_is_deleted(kubectl_as: KubectlAs) -> None:
    refused = kubectl_as("control-plane")("delete", "namespace", "coworker", DRY)
    assert refused.returncode != 0
    assert _NAMESPACES in refused.stderr


@pytest.mark.parametrize("where", ("kube-system", "default", "coworker"))
def test_a_secret_outside_of_tenants_is_refused_even_to_who_has_the_right(
    tenant: str, kubectl: Kubectl, kubectl_as: KubectlAs, where: str
) -> None:
    _give_secrets(kubectl, where)
    try:
        refused = create(kubectl_as("control-plane"), _secret(tenant, where), DRY)
    finally:
        kubectl("delete", "rolebinding", "too-much", "-n", where)
    assert refused.returncode != 0
    assert f"{_STAYS}: {where} is none" in refused.stderr


def test_a_secret_in_a_namespace_that_only_looks_like_a_tenants_is_refused(
    tenant: str, kubectl: Kubectl, kubectl_as: KubectlAs
) -> None:
    where = f"cw-{new_id(IdPrefix.TENANT)}"
    succeeded(kubectl("create", "namespace", where))
    try:
        _give_secrets(kubectl, where)
        refused = create(kubectl_as("control-plane"), _secret(tenant, where), DRY)
    finally:
        kubectl("delete", "namespace", where, "--wait=false")
    assert refused.returncode != 0
    assert f"{_STAYS}: {where} is none" in refused.stderr


def test_a_secret_that_would_hold_a_token_of_the_api_is_refused(
    tenant: str, kubectl_as: KubectlAs
) -> None:
    as_control_plane = kubectl_as("control-plane")
    manifest = _secret(tenant, f"cw-{tenant}")
    succeeded(create(as_control_plane, manifest, DRY))
    manifest["type"] = "kubernetes.io/service-account-token"
    manifest["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "default"}
    refused = create(as_control_plane, manifest, DRY)
    assert "A tenant's Secret is of the type Opaque or coworker.io/PART." in refused.stderr


def test_a_secret_carries_the_label_of_the_tenant_that_it_lies_with(
    tenant: str, kubectl_as: KubectlAs
) -> None:
    manifest = _secret("tother", f"cw-{tenant}")
    refused = create(kubectl_as("control-plane"), manifest, DRY)
    assert "carries that tenant's label coworker.io/tenant" in refused.stderr


@pytest.mark.parametrize(
    ("role", "holder", "where", "sentence"),
    (
        ("grants", "coworker:oauth-refresher", "", "is not given in"),
        ("grants", "coworker:control-plane", "-oauth", "goes to the one"),
        ("runs", "coworker:daemon", "-oauth", "is not given in"),
        ("grants", "coworker:oauth-refresher", "-egress", "is not given in"),
        ("destinations", "coworker:dispatcher", "-oauth", "is not given in"),
        ("destinations", "coworker:control-plane", "-egress", "goes to the one"),
        ("secrets", "coworker:daemon", "", "goes to the one"),
        ("secrets", "default:control-plane", "", "goes to the one"),
    ),
)
def test_a_role_is_given_to_its_holder_alone(  # noqa: PLR0917 - pytest names them
    tenant: str, kubectl_as: KubectlAs, role: str, holder: str, where: str, sentence: str
) -> None:
    of, _, name = holder.partition(":")
    manifest = role_binding(f"cw-{tenant}{where}", f"coworker-tenant-{role}", name, of=of)
    manifest["metadata"]["name"] = "another"
    refused = create(kubectl_as("control-plane"), manifest, DRY)
    assert refused.returncode != 0
    assert sentence in refused.stderr


def test_the_control_plane_gives_no_role_but_ours(tenant: str, kubectl_as: KubectlAs) -> None:
    manifest = role_binding(f"cw-{tenant}", "cluster-admin", "control-plane")
    refused = create(kubectl_as("control-plane"), manifest, DRY)
    assert "attempting to grant RBAC permissions not currently held" in refused.stderr


def test_a_run_of_a_connection_and_one_of_a_component_are_launched(
    tenant: str, kubectl_as: KubectlAs
) -> None:
    succeeded(create(kubectl_as("daemon"), _run(tenant), DRY))
    for component in (
        *("code-location", "control-plane", "oauth-refresher", "privacy-worker", "dispatcher"),
    ):
        succeeded(create(kubectl_as("daemon"), _component_run(component), DRY))


def _container(**changes: Any) -> Callable[[Manifest], None]:
    def change(job: Manifest) -> None:
        job["spec"]["template"]["spec"]["containers"][0].update(changes)

    return change


def _pod(**changes: Any) -> Callable[[Manifest], None]:
    def change(job: Manifest) -> None:
        job["spec"]["template"]["spec"].update(changes)

    return change


def _projected(*names: str) -> Mapping[str, Any]:
    return {
        "name": "mounted",
        "projected": {"sources": [{"secret": {"name": name}} for name in names]},
    }


_VOLUMES: Final = "A run mounts Secrets and scratch, and no other volume."
_OWN: Final = "A run mounts its own Secrets alone"
_ENVIRONMENT: Final = "A run's environment holds names that begin with"


@pytest.mark.parametrize(
    ("change", "sentence"),
    (
        (_container(image="elsewhere/else:latest"), f"of the image that is deployed: {IMAGE}."),
        (_pod(initContainers=[{"name": "first", "image": IMAGE}]), "A run has one container"),
        (_container(command=["sh", "-c"]), "runs python -m coworker_pipelines.defs.running"),
        (_container(command=None), "runs python -m coworker_pipelines.defs.running"),
        (
            _container(lifecycle={"postStart": {"exec": {"command": ["sh"]}}}),
            "runs python -m coworker_pipelines.defs.running",
        ),
        (_container(envFrom=[{"secretRef": {"name": "c999-source"}}]), "no Secret by its"),
        (
            _container(
                env=[
                    {
                        "name": "COWORKER_X",
                        "valueFrom": {"secretKeyRef": {"name": "c999-source", "key": "token"}},
                    }
                ]
            ),
            "A run gets no Secret by its environment.",
        ),
        (_container(env=[{"name": "PYTHONPATH", "value": "/var/lib"}]), _ENVIRONMENT),
        (_container(env=[{"name": "LD_PRELOAD", "value": "/var/lib/x.so"}]), _ENVIRONMENT),
        (_pod(volumes=[{"name": "a", "secret": {"secretName": "c999-source"}}]), _OWN),
        (_pod(volumes=[_projected("c123-source", "c999-access")]), _OWN),
        (_pod(volumes=[{"name": "a", "configMap": {"name": "any"}}]), _VOLUMES),
        (
            _pod(
                volumes=[
                    {
                        "name": "a",
                        "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]},
                    }
                ]
            ),
            _VOLUMES,
        ),
        (_pod(serviceAccountName="default"), "works as the service account `run`"),
        (_pod(automountServiceAccountToken=True), "gets no token of the cluster's API"),
        (_pod(automountServiceAccountToken=None), "gets no token of the cluster's API"),
    ),
)
def test_the_daemon_launches_nothing_but_runs(
    tenant: str, kubectl_as: KubectlAs, change: Callable[[Manifest], None], sentence: str
) -> None:
    job = _run(tenant)
    change(job)
    refused = create(kubectl_as("daemon"), job, DRY)
    assert refused.returncode != 0
    assert sentence in refused.stderr


def test_a_run_carries_the_labels_of_its_own_tenant(tenant: str, kubectl_as: KubectlAs) -> None:
    job = _run(tenant)
    job["metadata"]["labels"]["coworker.io/tenant"] = "tother"
    refused = create(kubectl_as("daemon"), job, DRY)
    assert "carries the labels of its tenant and its connection" in refused.stderr


def test_a_component_run_mounts_no_other_components_secret(kubectl_as: KubectlAs) -> None:
    job = _component_run("code-location")
    volumes = [{"name": "a", "secret": {"secretName": "control-plane"}}]
    job["spec"]["template"]["spec"]["volumes"] = volumes
    refused = create(kubectl_as("daemon"), job, DRY)
    assert f"{_OWN}: code-location." in refused.stderr


def test_an_administrator_is_not_held_up(tenant: str, kubectl: Kubectl) -> None:
    succeeded(create(kubectl, _secret(tenant, "kube-system"), DRY))


def _give_secrets(kubectl: Kubectl, namespace: str) -> None:
    """As if somebody had bound too much by mistake: RBAC then lets it pass."""
    role, account = "--clusterrole=coworker-tenant-secrets", "coworker:control-plane"
    succeeded(
        kubectl(
            "create",
            "rolebinding",
            "too-much",
            role,
            f"--serviceaccount={account}",
            "-n",
            namespace,
        )
    )


def _secret(tenant: str, namespace: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "coworker.io/source",
        "metadata": {
            "name": f"{CONNECTION}-source",
            "namespace": namespace,
            "labels": {"coworker.io/tenant": tenant},
        },
        "stringData": {"token": "planted-value"},
    }


def _run(tenant: str) -> Manifest:
    job = _job(f"cw-{tenant}", "run", _projected(*_parts(CONNECTION)))
    job["metadata"]["labels"] = {
        "coworker.io/tenant": tenant,
        "coworker.io/connection": CONNECTION,
    }
    job["spec"]["template"]["spec"]["automountServiceAccountToken"] = False
    return job


def _parts(connection: str) -> list[str]:
    return [f"{connection}-{part}" for part in ("source", "access", "token")]


def _component_run(component: str) -> Manifest:
    return _job("coworker", component, {"name": "a", "secret": {"secretName": component}})


def _job(namespace: str, account: str, *volumes: Mapping[str, Any]) -> Manifest:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "run-1", "namespace": namespace},
        "spec": {
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "serviceAccountName": account,
                    "volumes": [*volumes, {"name": "scratch", "emptyDir": {}}],
                    "containers": [
                        {
                            "name": "run",
                            "image": IMAGE,
                            "command": ["python", "-m", "coworker_pipelines.defs.running"],
                            "args": ["{}"],
                            "env": [{"name": "COWORKER_STATE", "value": "/var/lib/coworker"}],
                        }
                    ],
                }
            }
        },
    }
