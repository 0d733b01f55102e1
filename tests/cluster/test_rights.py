"""What each of our service accounts may do: all of it, as a table, asked of the real API."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from kubernetes import client

from coworker_pipelines.cluster.rights import Account
from tests.cluster.conftest import Kubectl
from tests.cluster.control_plane import ControlPlane
from tests.cluster.deployment import (
    NAMESPACE,
    KubectlAs,
    Manifest,
    kubectl_as,
    succeeded,
)

__all__ = ["kubectl_as"]

pytestmark = pytest.mark.cluster

Rights = frozenset[tuple[str, str]]
"""Pairs of resource and verb; a name that they are limited to stands behind the resource."""

ACCOUNTS: Final = (
    "control-plane",
    "webserver",
    "daemon",
    "code-location",
    "oauth-refresher",
    "privacy-worker",
    "dispatcher",
    "migrate",
    "default",
)
NAME: Final = "connection-source"
PLANTED: Final = "planted-value"
OURS, TENANT, GRANTS, FOREIGN = "coworker", "cw-TENANT", "cw-TENANT-oauth", "kube-system"
EGRESS: Final = "cw-TENANT-egress"


_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
FORBIDDEN: Final = (
    ("get", "", "secrets", "", ""),
    ("list", "", "secrets", "", ""),
    ("watch", "", "secrets", "", ""),
    ("patch", "", "secrets", "", ""),
    ("deletecollection", "", "secrets", "", ""),
    ("create", "", "pods", "", ""),
    ("create", "", "pods", "exec", ""),
    ("update", "", "pods", "ephemeralcontainers", ""),
    ("get", "", "pods", "log", ""),
    ("create", "", "serviceaccounts", "token", ""),
    ("escalate", _RBAC, "clusterroles", "", ""),
    ("bind", _RBAC, "clusterroles", "", "cluster-admin"),
    ("create", _RBAC, "clusterrolebindings", "", ""),
    ("impersonate", "", "users", "", ""),
    ("update", _ADMISSION, "validatingadmissionpolicies", "", ""),
    ("delete", _ADMISSION, "validatingadmissionpolicybindings", "", ""),
    ("get", "", "nodes", "proxy", ""),
)
"""Verb, group, resource, subresource, name: each of them leads to a Secret, or to more rights."""


def _rights(*, verbs: str, of: str) -> Rights:
    return frozenset((resource, verb) for resource in of.split() for verb in verbs.split())


_SHAPES_TENANTS: Final = (
    _rights(verbs="get list create patch delete", of="namespaces")
    | _rights(
        verbs="get list create patch",
        of="serviceaccounts resourcequotas networkpolicies rolebindings",
    )
    | _rights(
        verbs="bind",
        of="clusterroles/coworker-tenant-secrets clusterroles/coworker-tenant-runs "
        "clusterroles/coworker-tenant-tokens clusterroles/coworker-tenant-grants "
        "clusterroles/coworker-tenant-removals clusterroles/coworker-tenant-destinations",
    )
    | _rights(verbs="get list", of="roles clusterroles clusterrolebindings")
    | _rights(verbs="create", of="subjectaccessreviews")
)
_ENDS_TENANTS: Final = _rights(verbs="get delete", of="namespaces")
_LAUNCHES: Final = _rights(verbs="get list create delete", of="jobs") | _rights(
    verbs="get list", of="pods events"
)

TABLE: Final[Mapping[str, Mapping[str, Rights]]] = {
    "control-plane": {
        OURS: _SHAPES_TENANTS,
        FOREIGN: _SHAPES_TENANTS,
        TENANT: _SHAPES_TENANTS | _rights(verbs="create update delete", of="secrets"),
        GRANTS: _SHAPES_TENANTS | _rights(verbs="create update delete", of="secrets"),
        EGRESS: _SHAPES_TENANTS | _rights(verbs="create update delete", of="secrets"),
    },
    "daemon": {OURS: _LAUNCHES, TENANT: _LAUNCHES},
    "privacy-worker": {
        OURS: _ENDS_TENANTS,
        FOREIGN: _ENDS_TENANTS,
        TENANT: _ENDS_TENANTS | _rights(verbs="delete", of="secrets"),
        GRANTS: _ENDS_TENANTS | _rights(verbs="delete", of="secrets"),
        EGRESS: _ENDS_TENANTS | _rights(verbs="delete", of="secrets"),
    },
    "oauth-refresher": {
        TENANT: _rights(verbs="create update", of="secrets"),
        GRANTS: _rights(verbs="get list patch update", of="secrets"),
    },
    "dispatcher": {EGRESS: _rights(verbs="get", of="secrets")},
}
"""Who is not named, and a namespace that is not, has nothing at all."""

_EVERYBODYS: Final = frozenset(
    {
        "selfsubjectreviews",
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "clustertrustbundles",
    }
)
"""Asking who one is, and what one may oneself; and certificates that are public."""


@pytest.mark.parametrize("where", (OURS, TENANT, GRANTS, EGRESS, FOREIGN))
@pytest.mark.parametrize("account", ACCOUNTS)
def test_an_account_has_the_rights_of_its_work_and_no_others(
    control_plane: ControlPlane, tenant: str, account: str, where: str
) -> None:
    who = Account(namespace=NAMESPACE, name=account)
    with control_plane.api(control_plane.token(who)) as api:
        has = frozenset(_told(api, where.replace("TENANT", tenant)))
    assert has == TABLE.get(account, {}).get(where, frozenset())


@pytest.mark.parametrize("account", ACCOUNTS)
def test_nobody_has_a_right_that_leads_to_others(
    control_plane: ControlPlane, tenant: str, account: str
) -> None:
    reviews = client.AuthorizationV1Api(control_plane.admin)
    for namespace in (OURS, f"cw-{tenant}", FOREIGN):
        for asked in FORBIDDEN:
            verb, group, resource, subresource, name = asked
            attributes = client.V1ResourceAttributes(
                verb=verb,
                group=group,
                resource=resource,
                subresource=subresource,
                name=name,
                namespace=namespace,
            )
            spec = client.V1SubjectAccessReviewSpec(
                user=f"system:serviceaccount:{NAMESPACE}:{account}",
                groups=["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}"],
                resource_attributes=attributes,
            )
            answer = reviews.create_subject_access_review(client.V1SubjectAccessReview(spec=spec))
            assert not answer.status.allowed, (account, asked, namespace)


def test_the_control_plane_writes_a_secret_that_it_cannot_see(
    tenant: str, kubectl: Kubectl, kubectl_as: KubectlAs
) -> None:
    namespace, as_control_plane = f"cw-{tenant}", kubectl_as("control-plane")
    path = f"/api/v1/namespaces/{namespace}/secrets"
    text = json.dumps(_secret(tenant))
    succeeded(as_control_plane("create", "--raw", path, "-f", "-", text=text))
    succeeded(as_control_plane("replace", "--raw", f"{path}/{NAME}", "-f", "-", text=text))
    for arguments in (
        ("get", "secret", NAME),
        ("get", "secrets"),
        ("patch", "secret", NAME, "-p", '{"metadata":{"labels":{"a":"b"}}}'),
    ):
        refused = as_control_plane(*arguments, "-n", namespace)
        assert refused.returncode != 0
        assert "forbidden" in refused.stderr
        assert PLANTED not in refused.stdout + refused.stderr
    succeeded(as_control_plane("delete", "--raw", f"{path}/{NAME}"))
    assert kubectl("get", "secret", NAME, "-n", namespace).returncode != 0


def _secret(tenant: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "labels": {"coworker.io/tenant": tenant}},
        "stringData": {"token": PLANTED},
    }


def _told(api: client.ApiClient, namespace: str) -> Iterator[tuple[str, str]]:
    """What the API says that the asking account may do there."""
    review = client.V1SelfSubjectRulesReview(
        spec=client.V1SelfSubjectRulesReviewSpec(namespace=namespace)
    )
    told: Any = client.AuthorizationV1Api(api).create_self_subject_rules_review(review)
    assert not told.status.incomplete
    for rule in told.status.resource_rules:
        for resource in set(rule.resources) - _EVERYBODYS:
            for name in rule.resource_names or [""]:
                for verb in rule.verbs:
                    yield f"{resource}/{name}" if name else resource, verb
