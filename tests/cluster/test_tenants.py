"""A tenant's namespaces, made by the control plane's own service account."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from coworker_pipelines.cluster.client import Cluster
from coworker_pipelines.cluster.limits import Egress, TenantLimits
from coworker_pipelines.cluster.names import (
    egress_namespace_of,
    namespace_of,
    oauth_namespace_of,
    tenant_namespaces,
    tenant_of,
)
from coworker_pipelines.cluster.tenants import (
    make_tenant_namespaces,
    remaining_namespaces,
    remove_tenant_namespaces,
)
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from tests.cluster.control_plane import ControlPlane


def _objects(plane: ControlPlane, namespace: str) -> dict[str, list[Any]]:
    core, network = client.CoreV1Api(plane.admin), client.NetworkingV1Api(plane.admin)
    rbac = client.RbacAuthorizationV1Api(plane.admin)
    return {
        "quotas": core.list_namespaced_resource_quota(namespace).items,
        "policies": network.list_namespaced_network_policy(namespace).items,
        "bindings": rbac.list_namespaced_role_binding(namespace).items,
    }


def test_all_namespaces_are_closed_and_belong_to_the_tenant(
    admin: client.CoreV1Api, control_plane: ControlPlane, tenant: str
) -> None:
    for namespace in tenant_namespaces(tenant):
        labels = admin.read_namespace(namespace).metadata.labels
        assert labels["coworker.io/tenant"] == tenant
        assert labels["app.kubernetes.io/managed-by"] == "coworker"
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert tenant_of(namespace) == tenant
        policies = _objects(control_plane, namespace)["policies"]
        denying = next(p.spec for p in policies if p.metadata.name == "default-deny")
        assert denying.policy_types == ["Ingress", "Egress"]
        assert not denying.ingress
        assert not denying.egress
        assert denying.pod_selector.match_labels is None


def test_runs_reach_names_public_addresses_and_what_is_allowed_and_no_other_pod(
    cluster: Cluster, control_plane: ControlPlane, tenant: str
) -> None:
    allowed = (Egress(cidr="10.8.0.3/32", ports=(5432,)), Egress(namespace="elastic"))
    make_tenant_namespaces(cluster, tenant, TenantLimits(egress=allowed))
    policies = _objects(control_plane, namespace_of(tenant))["policies"]
    rules = next(p.spec.egress for p in policies if p.metadata.name == "run-egress")
    blocks = [peer.ip_block for rule in rules for peer in rule.to if peer.ip_block]
    assert [block.cidr for block in blocks] == ["0.0.0.0/0", "10.8.0.3/32"]
    assert {"10.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16"} <= set(blocks[0]._except)
    selected = [
        peer.namespace_selector.match_labels["kubernetes.io/metadata.name"]
        for rule in rules
        for peer in rule.to
        if peer.namespace_selector
    ]
    assert selected == ["kube-system", "elastic"]
    make_tenant_namespaces(cluster, tenant, TenantLimits())
    policies = _objects(control_plane, namespace_of(tenant))["policies"]
    rules = next(p.spec.egress for p in policies if p.metadata.name == "run-egress")
    assert len(rules) == 2


def test_rights_are_bound_where_they_are_needed_and_nowhere_else(
    control_plane: ControlPlane, tenant: str
) -> None:
    def bound(namespace: str) -> set[tuple[str, str]]:
        return {
            (binding.subjects[0].name, binding.role_ref.name)
            for binding in _objects(control_plane, namespace)["bindings"]
        }

    assert bound(namespace_of(tenant)) == {
        ("control-plane", "coworker-tenant-secrets"),
        ("daemon", "coworker-tenant-runs"),
        ("oauth-refresher", "coworker-tenant-tokens"),
        ("privacy-worker", "coworker-tenant-removals"),
    }
    assert bound(oauth_namespace_of(tenant)) == {
        ("control-plane", "coworker-tenant-secrets"),
        ("oauth-refresher", "coworker-tenant-grants"),
        ("privacy-worker", "coworker-tenant-removals"),
    }
    assert bound(egress_namespace_of(tenant)) == {
        ("control-plane", "coworker-tenant-secrets"),
        ("dispatcher", "coworker-tenant-destinations"),
        ("privacy-worker", "coworker-tenant-removals"),
    }


def _pod(**context: Any) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "none",
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            **context,
        },
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "metadata": {"generateName": "pod-"},
        "spec": {
            "serviceAccountName": "run",
            "securityContext": security,
            "containers": [container],
        },
    }


def _until_quotas_count(admin: client.CoreV1Api, namespace: str) -> None:
    for _ in range(100):
        quotas = admin.list_namespaced_resource_quota(namespace).items
        if all(quota.status.hard for quota in quotas):
            return
        time.sleep(0.1)
    raise AssertionError(namespace)


def test_a_pod_runs_without_a_token_and_only_restricted(
    admin: client.CoreV1Api, tenant: str
) -> None:
    namespace = namespace_of(tenant)
    _until_quotas_count(admin, namespace)
    pod = admin.create_namespaced_pod(namespace, _pod())
    assert not pod.spec.volumes
    with pytest.raises(ApiException, match="violates PodSecurity"):
        admin.create_namespaced_pod(namespace, _pod(runAsUser=0))
    unlimited = _pod()
    del unlimited["spec"]["containers"][0]["resources"]
    with pytest.raises(ApiException, match="must specify limits"):
        admin.create_namespaced_pod(namespace, unlimited)


@pytest.mark.parametrize("of", (oauth_namespace_of, egress_namespace_of))
def test_no_pod_runs_beside_secrets_of_others(
    admin: client.CoreV1Api, tenant: str, of: Callable[[str], str]
) -> None:
    namespace = of(tenant)
    _until_quotas_count(admin, namespace)
    pod = _pod()
    pod["spec"]["serviceAccountName"] = "default"
    with pytest.raises(ApiException, match="exceeded quota"):
        admin.create_namespaced_pod(namespace, pod)


def test_a_removed_tenant_leaves_no_namespace(cluster: Cluster) -> None:
    tenant = new_id(IdPrefix.TENANT)
    make_tenant_namespaces(cluster, tenant, TenantLimits())
    assert remaining_namespaces(cluster, tenant) == list(tenant_namespaces(tenant))
    remove_tenant_namespaces(cluster, tenant)
    remove_tenant_namespaces(cluster, tenant)
    for _ in range(200):
        if not remaining_namespaces(cluster, tenant):
            return
        time.sleep(0.1)
    raise AssertionError(tenant)
