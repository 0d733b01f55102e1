"""What a tenant has in the cluster: three namespaces, closed before anything runs in them."""

from collections.abc import Iterator
from typing import Final

from coworker_pipelines.cluster.client import Cluster, Done, Manifest
from coworker_pipelines.cluster.limits import Egress, TenantLimits, named_namespace
from coworker_pipelines.cluster.names import (
    CONTROL_PLANE,
    DAEMON,
    DISPATCHER,
    OAUTH_REFRESHER,
    OWN_NAMESPACE,
    PRIVACY_WORKER,
    RUN_ACCOUNT,
    tenant_labels,
    tenant_namespaces,
)
from coworker_pipelines.cluster.places import Place, Verb, namespace_place

TENANT_SECRETS: Final = "coworker-tenant-secrets"
TENANT_RUNS: Final = "coworker-tenant-runs"
TENANT_TOKENS: Final = "coworker-tenant-tokens"
TENANT_GRANTS: Final = "coworker-tenant-grants"
TENANT_DESTINATIONS: Final = "coworker-tenant-destinations"
TENANT_REMOVALS: Final = "coworker-tenant-removals"

_DNS_PORT: Final = 53
_NO_SOURCE: Final = (
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
)
"""Private, shared and link-local addresses: a source there is let in by a rule of its own, and
the metadata server of a cloud by none."""


def make_tenant_namespaces(cluster: Cluster, tenant: str, limits: TenantLimits) -> None:
    """The tenant's namespaces are there with all that closes them; done again, it changes nothing.

    Raises:
        RefusedError: we lack a right; the sentence names it.
    """
    for place, manifest in tenant_manifests(tenant, limits):
        cluster.apply(place, manifest)


def remove_tenant_namespaces(cluster: Cluster, tenant: str) -> None:
    """The cluster takes them down with all that is in them, which takes it a while.

    ``remaining_namespaces`` says when it is done.
    """
    for namespace in tenant_namespaces(tenant):
        cluster.ask(Verb.DELETE, namespace_place(namespace))


def remaining_namespaces(cluster: Cluster, tenant: str) -> list[str]:
    """Those of the tenant's namespaces that are there, be it on their way out."""
    return [
        namespace
        for namespace in tenant_namespaces(tenant)
        if isinstance(cluster.ask(Verb.GET, namespace_place(namespace)), Done)
    ]


def tenant_manifests(tenant: str, limits: TenantLimits) -> Iterator[tuple[Place, Manifest]]:
    """All objects, in the order in which they are made: what closes comes before what opens."""
    runs, grants, egress = tenant_namespaces(tenant)
    for namespace in (runs, grants, egress):
        yield _namespace(tenant, namespace)
        yield _object(tenant, namespace, "networkpolicies", "default-deny", {"spec": _DENY})
    yield _object(tenant, runs, "resourcequotas", "tenant", {"spec": _quota(limits)})
    for namespace in (grants, egress):
        no_pods = {"spec": {"hard": {"pods": "0"}}}
        yield _object(tenant, namespace, "resourcequotas", "tenant", no_pods)
    yield _object(tenant, runs, "networkpolicies", "run-egress", {"spec": _egress(limits.egress)})
    yield _object(
        tenant, runs, "serviceaccounts", RUN_ACCOUNT, {"automountServiceAccountToken": False}
    )
    yield from _bindings(tenant)


def _bindings(tenant: str) -> Iterator[tuple[Place, Manifest]]:
    runs, grants, egress = tenant_namespaces(tenant)
    for namespace in (runs, grants, egress):
        yield _binding(tenant, namespace, TENANT_SECRETS, CONTROL_PLANE)
        yield _binding(tenant, namespace, TENANT_REMOVALS, PRIVACY_WORKER)
    yield _binding(tenant, runs, TENANT_RUNS, DAEMON)
    yield _binding(tenant, runs, TENANT_TOKENS, OAUTH_REFRESHER)
    yield _binding(tenant, grants, TENANT_GRANTS, OAUTH_REFRESHER)
    yield _binding(tenant, egress, TENANT_DESTINATIONS, DISPATCHER)


def _namespace(tenant: str, name: str) -> tuple[Place, Manifest]:
    security = {
        f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")
    }
    metadata = {"name": name, "labels": {**tenant_labels(tenant), **security}}
    return namespace_place(name), {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _binding(tenant: str, namespace: str, role: str, account: str) -> tuple[Place, Manifest]:
    """Named for both: a role's binding cannot be pointed at another role later."""
    group = "rbac.authorization.k8s.io"
    return _object(
        tenant,
        namespace,
        "rolebindings",
        f"{role}.{account}",
        {
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": OWN_NAMESPACE}],
        },
    )


_KINDS: Final = {
    "networkpolicies": ("NetworkPolicy", "networking.k8s.io"),
    "resourcequotas": ("ResourceQuota", ""),
    "rolebindings": ("RoleBinding", "rbac.authorization.k8s.io"),
    "serviceaccounts": ("ServiceAccount", ""),
}


def _object(
    tenant: str, namespace: str, resource: str, name: str, content: Manifest
) -> tuple[Place, Manifest]:
    kind, group = _KINDS[resource]
    place = Place(resource=resource, group=group, namespace=namespace, name=name)
    metadata = {"name": name, "namespace": namespace, "labels": tenant_labels(tenant)}
    version = f"{group}/v1" if group else "v1"
    return place, {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


_DENY: Final = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def _egress(further: tuple[Egress, ...]) -> Manifest:
    names = {
        "to": [{"namespaceSelector": named_namespace("kube-system")}],
        "ports": [{"protocol": protocol, "port": _DNS_PORT} for protocol in ("UDP", "TCP")],
    }
    public = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": list(_NO_SOURCE)}}]}
    return {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [names, public, *(allowed.rule() for allowed in further)],
    }


def _quota(limits: TenantLimits) -> Manifest:
    """Nothing that listens, stores or runs beside Jobs; a pod without limits is refused."""
    return {
        "hard": {
            "pods": str(limits.pods),
            "count/jobs.batch": str(limits.jobs),
            "limits.cpu": str(limits.cpus),
            "limits.memory": limits.memory,
            "secrets": str(limits.secrets),
            "services": "0",
            "persistentvolumeclaims": "0",
        }
    }
