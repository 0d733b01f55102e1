"""The access report and the doctor's questions, asked of a real API server."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kubernetes import client

from coworker_pipelines.access.findings import Known, judged
from coworker_pipelines.access.grants import Answer, Finding, Grant, Store
from coworker_pipelines.access.kubernetes import cluster_answer
from coworker_pipelines.assembly import Platform
from coworker_pipelines.assembly.access import access_report
from coworker_pipelines.assembly.doctor import DagsterQuestions, deployment_checks
from coworker_pipelines.cluster.client import Cluster, ClusterAddress, open_cluster
from coworker_pipelines.cluster.names import CONTROL_PLANE, DAEMON, OWN_NAMESPACE, namespace_of
from coworker_pipelines.cluster.rights import Account, excess_rights, missing_rights
from coworker_pipelines.cluster.tenants import remove_tenant_namespaces
from coworker_pipelines.cluster.version import server_version
from coworker_pipelines.doctor.check import Outcome
from coworker_pipelines.doctor.examination import examine
from coworker_pipelines.doctor.secrets import cluster_store_checks
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.settings import SecretsIn, Settings
from tests.cluster.control_plane import ControlPlane
from tests.doctor.asking import FAILED, NOT_APPLICABLE, OK, answer

WRITES, READS = "Secrets can be written", "Secrets cannot be read"
CONTROL_PLANES = f"service account {OWN_NAMESPACE}/{CONTROL_PLANE}"


@pytest.fixture(scope="module")
def reviewer(control_plane: ControlPlane) -> Iterator[Cluster]:
    """Somebody who may list everything."""
    with open_cluster(ClusterAddress(kubeconfig=control_plane.kubeconfig)) as opened:
        yield opened


def _grants(found: Answer, place: str) -> list[Grant]:
    assert found.gaps == ()
    known = Known(now=datetime.now(UTC))
    return [judged(grant, known) for grant in found.grants if grant.on.endswith(f"in {place}")]


@contextmanager
def _bound(control_plane: ControlPlane, namespace: str, *verbs: str) -> Iterator[None]:
    """The control plane has these rights on Secrets as well, by a role of somebody's."""
    rbac = client.RbacAuthorizationV1Api(control_plane.admin)
    metadata = {"name": "planted", "namespace": namespace}
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": list(verbs)}
    rbac.create_namespaced_role(namespace, {"metadata": metadata, "rules": [rule]})
    rbac.create_namespaced_role_binding(
        namespace,
        {
            "metadata": metadata,
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": "planted",
            },
            "subjects": [
                {"kind": "ServiceAccount", "name": CONTROL_PLANE, "namespace": OWN_NAMESPACE}
            ],
        },
    )
    try:
        yield
    finally:
        rbac.delete_namespaced_role_binding("planted", namespace)
        rbac.delete_namespaced_role("planted", namespace)


def test_everything_that_reaches_a_tenants_namespaces_is_explained(
    reviewer: Cluster, tenant: str
) -> None:
    found = cluster_answer(reviewer)
    for place in (namespace_of(tenant), f"{namespace_of(tenant)}-oauth"):
        grants = _grants(found, place)
        assert [grant for grant in grants if grant.findings] == []
        assert CONTROL_PLANES in {grant.subject for grant in grants}
        for grant in grants:
            assert grant.since is not None
            assert datetime.now(UTC) - grant.since < timedelta(hours=1)


def test_what_reaches_secrets_everywhere_is_the_clusters_own(
    reviewer: Cluster, tenant: str
) -> None:
    assert tenant
    known = Known(now=datetime.now(UTC))
    everywhere = [
        judged(grant, known)
        for grant in cluster_answer(reviewer).grants
        if grant.on.endswith("everywhere")
    ]
    unexplained = [grant for grant in everywhere if Finding.UNEXPLAINED in grant.findings]
    assert unexplained == []
    assert {"group system:masters", CONTROL_PLANES} <= {grant.subject for grant in everywhere}


def test_a_right_to_read_secrets_is_found_by_both(
    control_plane: ControlPlane, cluster: Cluster, reviewer: Cluster, tenant: str
) -> None:
    namespace = namespace_of(tenant)
    before = _asked(cluster, READS, tenant)
    with _bound(control_plane, namespace, "get", "list"):
        grants = _grants(cluster_answer(reviewer), namespace)
        during = _asked(cluster, READS, tenant)
    (grant,) = [grant for grant in grants if grant.findings]
    assert grant.subject == CONTROL_PLANES
    assert grant.may == ("get", "list")
    assert grant.through == f"role planted, binding {namespace}/planted"
    assert before.verdict is OK
    assert during.verdict is FAILED
    assert during.seen == f"may get secrets in {namespace}, list secrets in {namespace}"


def test_a_right_to_write_secrets_that_is_missing_is_found(
    control_plane: ControlPlane, cluster: Cluster, tenant: str
) -> None:
    namespace = namespace_of(tenant)
    assert _asked(cluster, WRITES, tenant).verdict is OK
    rbac = client.RbacAuthorizationV1Api(control_plane.admin)
    name = f"coworker-tenant-secrets.{CONTROL_PLANE}"
    binding = rbac.read_namespaced_role_binding(name, namespace)
    rbac.delete_namespaced_role_binding(name, namespace)
    try:
        found = _asked(cluster, WRITES, tenant)
    finally:
        binding.metadata.resource_version = None
        rbac.create_namespaced_role_binding(namespace, binding)
    assert found.verdict is FAILED
    assert f"create secrets in {namespace}" in found.seen


def _asked(cluster: Cluster, name: str, tenant: str) -> Outcome:
    checks = cluster_store_checks(
        lambda rights: missing_rights(cluster, rights),
        lambda rights: excess_rights(cluster, rights),
        lambda: [tenant],
    )
    return answer(checks, name)


def test_an_account_that_may_not_list_says_which_right_it_lacks(
    control_plane: ControlPlane, tenant: str
) -> None:
    assert tenant
    daemon = control_plane.kubeconfig_of(Account(namespace=OWN_NAMESPACE, name=DAEMON))
    with open_cluster(ClusterAddress(kubeconfig=daemon)) as narrow:
        found = cluster_answer(narrow)
    assert found.grants == ()
    sentences = [gap.sentence for gap in found.gaps]
    assert len(sentences) == 4
    assert "list on rolebindings.rbac.authorization.k8s.io" in sentences[3]
    assert f"Service account {DAEMON} of namespace {OWN_NAMESPACE} may not list" in sentences[3]


def test_a_cluster_tells_its_version_to_everybody(cluster: Cluster) -> None:
    # One that was built without its release's flags calls itself v0.0.0.
    assert server_version(cluster).startswith("v")


def test_a_deployment_in_the_cluster_is_examined_and_reported_whole(
    control_plane: ControlPlane,
    control_plane_account: Account,
    migrated_url: str,
    elasticsearch_address: ElasticsearchAddress,
    tmp_path: Path,
) -> None:
    settings = Settings(
        state=tmp_path,
        database_url=migrated_url,
        elasticsearch=elasticsearch_address,
        segments=tmp_path / "segments",
        secrets=SecretsIn.KUBERNETES,
        kubeconfig=control_plane.kubeconfig_of(control_plane_account),
    )
    questions = DagsterQuestions(state=lambda: pytest.fail("not asked"), environments=dict)
    with Platform(settings) as platform:
        tenant = platform.tenants.make(slug="acme", name="Acme")
        checks = deployment_checks(platform, settings, questions)
        asked = [check for check in checks if check.subject in {"secrets", "keys", "versions"}]
        results = {result.name: result.outcome for result in examine(asked)}
        report = access_report(platform, settings, only=frozenset({Store.KUBERNETES}))
        remove_tenant_namespaces(platform.cluster, tenant)
    assert results[WRITES].verdict is OK
    assert results[READS].verdict is OK
    assert results["master key is that of all tenants"].verdict is OK
    assert "store opens" not in results
    assert results["one that is tried opens nothing else"].verdict is NOT_APPLICABLE
    assert results["Kubernetes"].seen.startswith("v")
    assert {gap.store for gap in report.gaps} <= {Store.KUBERNETES}
    assert report.grants or "could not be listed" in report.gaps[0].sentence
