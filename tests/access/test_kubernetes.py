"""Bindings of a cluster, as its API tells them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from coworker_pipelines.access.findings import Known, judged
from coworker_pipelines.access.grants import Answer, Finding, Grant
from coworker_pipelines.access.kubernetes import kubernetes_answer
from coworker_pipelines.kernel.errors import RefusedError

KNOWN = Known(now=datetime(2026, 3, 1, tzinfo=UTC))
TENANT = "cw-t0123456789abcde"
MADE = "2026-02-01T10:00:00Z"
Rule = Mapping[str, Sequence[str]]
SECRETS: Rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "delete"]}


def _account(name: str, namespace: str = "coworker") -> Mapping[str, Any]:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


class Cluster:
    """Roles and bindings, and who may list them."""

    def __init__(self) -> None:
        self.lists: dict[str, list[Mapping[str, Any]]] = {
            name: [] for name in ("clusterroles", "roles", "clusterrolebindings", "rolebindings")
        }
        self.refused: set[str] = set()

    def bind(
        self, rule: Rule, *subjects: Mapping[str, Any], role: str = "r", namespace: str = TENANT
    ) -> None:
        """A cluster role, bound in a namespace; everywhere where that is empty."""
        metadata: dict[str, Any] = {"name": role, "creationTimestamp": MADE}
        self.lists["clusterroles"].append({"metadata": metadata, "rules": [rule]})
        where = {"namespace": namespace} if namespace else {}
        kind = "rolebindings" if namespace else "clusterrolebindings"
        self.lists[kind].append(
            {
                "metadata": {"name": "b", "creationTimestamp": MADE, **where},
                "roleRef": {"kind": "ClusterRole", "name": role},
                "subjects": list(subjects),
            }
        )

    def ask(self) -> Answer:
        return kubernetes_answer(self._list)

    def grants(self) -> list[Grant]:
        answer = self.ask()
        assert answer.gaps == ()
        return [judged(grant, KNOWN) for grant in answer.grants]

    def _list(self, resource: str) -> Sequence[Mapping[str, Any]]:
        if resource in self.refused:
            raise RefusedError("may not list.")
        return self.lists[resource]


def test_a_right_of_ours_is_told_with_its_way_and_its_time() -> None:
    cluster = Cluster()
    cluster.bind(SECRETS, _account("control-plane"), role="coworker-tenant-secrets")
    (grant,) = cluster.grants()
    assert grant.subject == "service account coworker/control-plane"
    assert (grant.on, grant.may) == (f"secrets in {TENANT}", ("create", "delete"))
    assert grant.through == f"cluster role coworker-tenant-secrets, binding {TENANT}/b"
    assert grant.since == datetime(2026, 2, 1, 10, tzinfo=UTC)
    assert grant.findings == ()


@pytest.mark.parametrize("verb", ("get", "list", "watch", "patch", "*"))
def test_a_control_plane_that_may_read_secrets_is_found(verb: str) -> None:
    cluster = Cluster()
    cluster.bind({**SECRETS, "verbs": ["create", verb]}, _account("control-plane"))
    (grant,) = cluster.grants()
    assert grant.findings == (Finding.UNEXPLAINED,)


@pytest.mark.parametrize(
    ("rule", "on"),
    (
        ({"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}, "pods/exec"),
        ({"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]}, "jobs"),
        ({"apiGroups": ["*"], "resources": ["secrets"], "verbs": ["get"]}, "secrets"),
        ({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}, "deployments"),
        (
            {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
            "serviceaccounts/token",
        ),
        (
            {
                "apiGroups": ["rbac.authorization.k8s.io"],
                "resources": ["clusterroles"],
                "verbs": ["bind", "get"],
            },
            "clusterroles",
        ),
        (
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "verbs": ["get"],
                "resourceNames": ["one"],
            },
            "secrets (one)",
        ),
    ),
)
def test_each_way_to_a_secret_is_found(rule: Rule, on: str) -> None:
    cluster = Cluster()
    cluster.bind(rule, _account("stranger", "default"))
    (grant,) = cluster.grants()
    assert grant.on == f"{on} in {TENANT}"
    assert "get" not in grant.may or on.startswith("secrets")
    assert grant.findings == (Finding.UNEXPLAINED,)


@pytest.mark.parametrize(
    "rule",
    (
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]},
        {"apiGroups": ["example.org"], "resources": ["secrets"], "verbs": ["get"]},
        {"nonResourceURLs": ["/healthz"], "verbs": ["get"]},
    ),
)
def test_what_reaches_no_secret_is_left_out(rule: Rule) -> None:
    cluster = Cluster()
    cluster.bind(rule, _account("stranger"))
    assert cluster.grants() == []


def test_who_may_everything_is_found_and_the_clusters_own_administrators_are_known() -> None:
    cluster = Cluster()
    everything: Rule = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    for name in ("system:masters", "ops@example.org"):
        cluster.bind(
            everything, {"kind": "Group", "name": name}, role="cluster-admin", namespace=""
        )
    masters, ops = sorted(cluster.grants(), key=lambda grant: grant.subject)[::-1]
    assert masters.findings == (Finding.SUPERUSER,)
    assert ops.findings == (Finding.UNEXPLAINED, Finding.SUPERUSER)
    assert ops.on == "* everywhere"


@pytest.mark.parametrize(
    "group", ("system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{TENANT}")
)
def test_a_right_of_everybody_is_found(group: str) -> None:
    cluster = Cluster()
    cluster.bind(SECRETS, {"kind": "Group", "name": group})
    (grant,) = cluster.grants()
    assert grant.findings == (Finding.UNEXPLAINED, Finding.EVERYBODY)


def test_bindings_in_other_peoples_namespaces_are_theirs() -> None:
    cluster = Cluster()
    cluster.bind(SECRETS, _account("stranger"), namespace="default")
    assert cluster.grants() == []


def test_a_role_of_a_namespace_is_looked_up_there_and_one_that_is_gone_gives_nothing() -> None:
    cluster = Cluster()
    cluster.bind(SECRETS, _account("control-plane"))
    binding = cluster.lists["rolebindings"][0]
    cluster.lists["rolebindings"][0] = {
        **binding,
        "roleRef": {"kind": "Role", "name": "local"},
    }
    assert cluster.grants() == []
    cluster.lists["roles"].append(
        {"metadata": {"name": "local", "namespace": TENANT}, "rules": [SECRETS]}
    )
    (grant,) = cluster.grants()
    assert grant.through.startswith("role local")


@pytest.mark.parametrize("name", ("clusterroles", "roles", "clusterrolebindings", "rolebindings"))
def test_what_may_not_be_listed_is_said_and_no_half_is_shown(name: str) -> None:
    cluster = Cluster()
    cluster.bind(SECRETS, _account("control-plane"))
    cluster.refused.add(name)
    answer = cluster.ask()
    (gap,) = answer.gaps
    assert answer.grants == ()
    assert f"list on {name}.rbac.authorization.k8s.io" in gap.sentence
