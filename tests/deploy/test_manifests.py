import copy
from collections.abc import Callable
from typing import Any, Final

import pytest
import yaml

from tests.deploy.manifests import (
    KUBERNETES,
    Manifest,
    egress,
    named,
    pod_faults,
    pod_template,
    read_manifests,
)

BASE: Final = list(read_manifests(KUBERNETES / "base"))
ADDONS: Final = list(read_manifests(KUBERNETES / "addons"))
WORKLOADS: Final = tuple(m for m in BASE if pod_template(m) is not None)


def test_every_component_is_there() -> None:
    names = {m["metadata"]["name"] for m in WORKLOADS}
    assert names == {"webserver", "daemon", "code-location", "control-plane", "migrate"}


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda m: m["metadata"]["name"])
def test_a_pod_has_what_it_needs_and_nothing_else(workload: Manifest) -> None:
    assert list(pod_faults(workload)) == []


def _at(*path: str | int, value: Any) -> Callable[[Any], None]:
    def plant(pod: Any) -> None:
        for step in path[:-1]:
            pod = pod[step]
        pod[path[-1]] = value

    return plant


_FIRST: Final = ("containers", 0)
_SECRET: Final = {"secretKeyRef": {"name": "any", "key": "any"}}


@pytest.mark.parametrize(
    ("plant", "fault"),
    (
        (_at("automountServiceAccountToken", value=True), "a token of the API"),
        (_at("serviceAccountName", value="control-plane"), "another's service account"),
        (_at("enableServiceLinks", value=True), "addresses of all services"),
        (_at("hostNetwork", value=True), "something of its node"),
        (_at("securityContext", "runAsNonRoot", value=False), "may be root"),
        (_at("securityContext", "seccompProfile", value=None), "any system call"),
        (_at("volumes", 1, "secret", "secretName", value="daemon"), "mounts another's Secret"),
        (_at("volumes", 1, "secret", "defaultMode", value=0o644), "that others may read"),
        (_at("volumes", 2, "emptyDir", value={}), "fill its node's disk"),
        (_at("volumes", 0, value={"hostPath": {"path": "/"}}), "something else than a Secret"),
        (
            _at(*_FIRST, "securityContext", "allowPrivilegeEscalation", value=True),
            "gain privileges",
        ),
        (
            _at(*_FIRST, "securityContext", "readOnlyRootFilesystem", value=False),
            "change its own programs",
        ),
        (_at(*_FIRST, "securityContext", "capabilities", value={}), "keeps capabilities"),
        (_at(*_FIRST, "resources", "limits", value={"cpu": "1"}), "no limits of ephemeral"),
        (_at(*_FIRST, "env", value=[{"name": "A", "valueFrom": _SECRET}]), "by its environment"),
        (_at(*_FIRST, "envFrom", value=[{"secretRef": {"name": "a"}}]), "by its environment"),
        (_at(*_FIRST, "readinessProbe", value=None), "not asked whether it answers"),
    ),
)
def test_a_fault_is_found(plant: Callable[[Any], None], fault: str) -> None:
    workload: Any = copy.deepcopy(named(BASE, "Deployment", "webserver"))
    plant(workload["spec"]["template"]["spec"])
    assert any(fault in found for found in pod_faults(workload))


def test_no_service_account_gets_a_token_by_itself() -> None:
    accounts = [m for m in [*BASE, *ADDONS] if m["kind"] == "ServiceAccount"]
    assert len(accounts) == 9
    assert all(account["automountServiceAccountToken"] is False for account in accounts)


def test_no_secret_is_written_down() -> None:
    assert not [m for m in read_manifests(KUBERNETES) if m["kind"] == "Secret"]


_POSTGRES: Final = ("to-postgres", 5432)
_API: Final = frozenset({("to-kubernetes", 443), ("to-kubernetes", 6443)})


@pytest.mark.parametrize(
    ("component", "expected"),
    (
        ("webserver", {_POSTGRES, ("to-code-location", 4000)}),
        ("daemon", {_POSTGRES, ("to-code-location", 4000), *_API}),
        ("code-location", {_POSTGRES}),
        ("migrate", {_POSTGRES}),
        ("privacy-worker", {_POSTGRES, *_API, ("to-elasticsearch", 9200)}),
        ("oauth-refresher", {_POSTGRES, *_API, ("oauth-refresher-to-sources", 443)}),
        (
            "dispatcher",
            {
                _POSTGRES,
                *_API,
                *(("dispatcher-to-destinations", port) for port in (443, 465, 587)),
            },
        ),
        (
            "control-plane",
            {
                _POSTGRES,
                *_API,
                ("to-elasticsearch", 9200),
                *(("control-plane-to-sources", port) for port in (443, 22, 5432, 3306)),
            },
        ),
        ("anything-else", frozenset()),
    ),
)
def test_a_component_speaks_to_what_it_needs_alone(
    component: str, expected: set[tuple[str, int]]
) -> None:
    assert egress(BASE, component) == {*expected, ("to-dns", 53)}


@pytest.mark.parametrize(
    ("namespace", "manifests"), (("coworker", BASE), ("coworker-elasticsearch", ADDONS))
)
def test_a_namespace_is_restricted_and_closed(namespace: str, manifests: list[Manifest]) -> None:
    labels = named(manifests, "Namespace", namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    closed = named(manifests, "NetworkPolicy", "default-deny")["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_no_policy_lets_the_metadata_server_or_a_private_source_in_by_the_way() -> None:
    for policy in (m for m in BASE if m["kind"] == "NetworkPolicy"):
        for rule in policy["spec"].get("egress", ()):
            for peer in rule["to"]:
                block = peer.get("ipBlock", {})
                if block.get("cidr") == "0.0.0.0/0":
                    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(block["except"])


def test_every_admission_policy_is_in_force_and_closed_on_failure() -> None:
    policies = [m for m in BASE if m["kind"] == "ValidatingAdmissionPolicy"]
    assert len(policies) == 5
    for policy in policies:
        assert policy["spec"]["failurePolicy"] == "Fail"
        binding = named(BASE, "ValidatingAdmissionPolicyBinding", policy["metadata"]["name"])
        assert binding["spec"]["policyName"] == policy["metadata"]["name"]
        assert "Deny" in binding["spec"]["validationActions"]


def test_the_audit_log_never_holds_a_secret() -> None:
    policy = yaml.safe_load((KUBERNETES / "audit-policy.yaml").read_text(encoding="utf-8"))
    first = policy["rules"][0]
    assert first["level"] == "Metadata"
    assert {"group": "", "resources": ["secrets", "serviceaccounts/token"]} in first["resources"]
    for rule in policy["rules"][1:]:
        if rule["level"] in {"Request", "RequestResponse"}:
            named_resources = [
                one.get("resources") for one in rule["resources"] if not one["group"]
            ]
            assert all(named_resources), (
                "a rule on all resources of the core group has Secrets in it"
            )


def test_elasticsearch_makes_no_index_by_itself_and_asks_who_is_there() -> None:
    found = named(ADDONS, "Elasticsearch", "coworker")
    assert found["apiVersion"] == "elasticsearch.k8s.elastic.co/v1"
    assert found["spec"]["http"]["tls"]["certificate"]["secretName"]
    (nodes,) = found["spec"]["nodeSets"]
    assert nodes["count"] == 3
    assert nodes["config"]["action.auto_create_index"] is False
    assert nodes["config"]["xpack.security.enabled"] is True
    (claim,) = nodes["volumeClaimTemplates"]
    storage = named(ADDONS, "StorageClass", claim["spec"]["storageClassName"])
    assert "disk-encryption-kms-key" in storage["parameters"]


def test_dagster_finds_the_code_location_by_its_service() -> None:
    workspace = yaml.safe_load((KUBERNETES / "base/workspace.yaml").read_text(encoding="utf-8"))
    (server,) = (entry["grpc_server"] for entry in workspace["load_from"])
    (port,) = named(BASE, "Service", server["host"])["spec"]["ports"]
    assert server["port"] == port["port"]
