"""The store of the control plane, under its own service account, against the real RBAC."""

import base64
import json
from collections.abc import Iterator

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException, NotFoundException

from coworker_pipelines.cluster.client import Cluster, ClusterAddress, Missing, open_cluster
from coworker_pipelines.cluster.limits import TenantLimits
from coworker_pipelines.cluster.names import (
    OAUTH_REFRESHER,
    namespace_of,
    oauth_namespace_of,
    secret_name,
)
from coworker_pipelines.cluster.places import Verb
from coworker_pipelines.cluster.rights import Account
from coworker_pipelines.cluster.tenants import remaining_namespaces
from coworker_pipelines.kernel.errors import DefectError, RefusedError, TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.secrets.kubernetes import (
    KubernetesGrantStore,
    KubernetesSecretHouse,
    KubernetesSecretStore,
)
from coworker_pipelines.secrets.references import (
    access_reference,
    grant_reference,
    source_reference,
    token_reference,
)
from tests.cluster.conftest import Kubectl
from tests.cluster.control_plane import ControlPlane
from tests.secrets.contract import PLANTED, WriterContract, Written, secret

GRANT = "g0123456789abcde"


def scope_in(tenant: str) -> Scope:
    return Scope(tenant=tenant, connection=new_id(IdPrefix.CONNECTION), epoch=1)


def held(admin: client.CoreV1Api, reference: str) -> dict[str, str] | None:
    """What the administrator sees."""
    place = secret_name(reference).place
    try:
        found = admin.read_namespaced_secret(place.name, place.namespace)
    except NotFoundException:
        return None
    return {name: base64.b64decode(value).decode() for name, value in (found.data or {}).items()}


@pytest.fixture
def store(cluster: Cluster) -> KubernetesSecretStore:
    return KubernetesSecretStore(cluster)


class TestKubernetes(WriterContract):
    @pytest.fixture
    def written(
        self, admin: client.CoreV1Api, store: KubernetesSecretStore, tenant: str
    ) -> Written:
        return Written(
            writer=store,
            scope=scope_in(tenant),
            held=lambda reference: held(admin, reference),
        )


def test_a_secret_says_whose_it_is(
    admin: client.CoreV1Api, store: KubernetesSecretStore, tenant: str
) -> None:
    scope = scope_in(tenant)
    places = {
        source_reference(scope): (namespace_of(tenant), f"{scope.connection}-source"),
        access_reference(scope): (namespace_of(tenant), f"{scope.connection}-access"),
        token_reference(scope): (namespace_of(tenant), f"{scope.connection}-token"),
        grant_reference(scope, GRANT): (
            oauth_namespace_of(tenant),
            f"{scope.connection}-grant-{GRANT}",
        ),
    }
    for reference, (namespace, name) in places.items():
        store.put(reference, secret({"value": PLANTED}))
        found = admin.read_namespaced_secret(name, namespace)
        part = reference.partition("/")[0]
        assert found.type == f"coworker.io/{part}"
        assert not found.immutable
        assert found.metadata.labels == {
            "app.kubernetes.io/managed-by": "coworker",
            "coworker.io/tenant": tenant,
            "coworker.io/connection": scope.connection,
            "coworker.io/part": part,
        }


@pytest.mark.parametrize(
    "reference",
    (
        "source/t0123456789abcde/c0123456789abcde/g0123456789abcde",
        "tenant/t0123456789abcde",
        "source/t0123456789abcde/shop",
        "other/t0123456789abcde/c",
    ),
)
def test_only_a_connections_secrets_are_kept(store: KubernetesSecretStore, reference: str) -> None:
    with pytest.raises(DefectError, match="no connection has"):
        store.put(reference, {})


def test_the_control_plane_cannot_look_at_what_it_wrote(
    control_plane: ControlPlane,
    control_plane_account: Account,
    store: KubernetesSecretStore,
    tenant: str,
) -> None:
    scope = scope_in(tenant)
    store.put(source_reference(scope), secret({"password": PLANTED}))
    name, namespace = f"{scope.connection}-source", namespace_of(tenant)
    with control_plane.api(control_plane.token(control_plane_account)) as api:
        core = client.CoreV1Api(api)
        looks = {
            "get": lambda: core.read_namespaced_secret(name, namespace),
            "list": lambda: core.list_namespaced_secret(namespace),
            "list all": core.list_secret_for_all_namespaces,
            "watch": lambda: core.list_namespaced_secret(namespace, watch=True),
            "patch": lambda: core.patch_namespaced_secret(name, namespace, {"immutable": False}),
        }
        for verb, look in looks.items():
            with pytest.raises(ApiException) as refused:
                look()
            assert refused.value.status == 403, verb
            assert PLANTED not in str(refused.value)


def test_a_runs_account_can_do_nothing(
    control_plane: ControlPlane, store: KubernetesSecretStore, tenant: str
) -> None:
    scope = scope_in(tenant)
    store.put(source_reference(scope), secret({"password": PLANTED}))
    place = secret_name(source_reference(scope)).place
    account = Account(namespace=namespace_of(tenant), name="run")
    kubeconfig = control_plane.kubeconfig_of(account)
    with control_plane.api(control_plane.token(account)) as api:
        rules = client.AuthorizationV1Api(api).create_self_subject_rules_review(
            {"spec": {"namespace": account.namespace}}
        )
        with pytest.raises(ApiException, match="403"):
            client.CoreV1Api(api).read_namespaced_secret(place.name, place.namespace)
    reachable = {
        resource for rule in rules.status.resource_rules for resource in rule.resources or ()
    }
    # What every account may ask: about itself, and for certificates that are public.
    assert reachable == {
        "clustertrustbundles",
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "selfsubjectreviews",
    }
    with (
        open_cluster(ClusterAddress(kubeconfig=kubeconfig)) as cluster,
        pytest.raises(RefusedError, match=r"Service account run .* may not create secrets"),
    ):
        KubernetesSecretStore(cluster).put(source_reference(scope), {})


@pytest.fixture(scope="module")
def grants(
    control_plane: ControlPlane, control_plane_account: Account
) -> Iterator[KubernetesGrantStore]:
    """The refresher's store, under its own service account."""
    account = Account(namespace=control_plane_account.namespace, name=OAUTH_REFRESHER)
    address = ClusterAddress(kubeconfig=control_plane.kubeconfig_of(account))
    with open_cluster(address) as opened:
        yield KubernetesGrantStore(opened)


def test_the_refresher_reads_and_renews_a_grant_that_is_there(
    admin: client.CoreV1Api,
    store: KubernetesSecretStore,
    grants: KubernetesGrantStore,
    tenant: str,
) -> None:
    reference = grant_reference(scope_in(tenant), GRANT)
    with pytest.raises(TenantActionError, match="no secret grant/"):
        grants.put(reference, secret({"refresh_token": "new"}))
    store.put(reference, secret({"refresh_token": "old"}))
    assert grants.get(reference) == secret({"refresh_token": "old"})
    grants.put(reference, secret({"refresh_token": "new"}))
    assert held(admin, reference) == {"refresh_token": "new"}
    grants.put(reference, {})
    assert grants.get(reference) == {}
    store.delete(reference)
    with pytest.raises(TenantActionError, match="no secret grant/"):
        grants.get(reference)


def test_the_refresher_hands_out_tokens_and_reads_nothing_else(
    admin: client.CoreV1Api,
    store: KubernetesSecretStore,
    grants: KubernetesGrantStore,
    tenant: str,
) -> None:
    scope = scope_in(tenant)
    for token in ("first", "second"):
        grants.put(token_reference(scope), secret({"access_token": token}))
    assert held(admin, token_reference(scope)) == {"access_token": "second"}
    store.put(source_reference(scope), secret({"password": PLANTED}))
    for reference in (source_reference(scope), token_reference(scope)):
        with pytest.raises(RefusedError, match="its grants alone can be read"):
            grants.get(reference)
        assert isinstance(
            grants._cluster.ask(Verb.GET, secret_name(grant_reference(scope, GRANT)).place), Missing
        )
        with pytest.raises(RefusedError, match=r"oauth-refresher .* may not get secrets"):
            grants._cluster.ask(Verb.GET, secret_name(reference).place)
    with pytest.raises(RefusedError, match=r"oauth-refresher .* may not delete secrets"):
        grants.delete(token_reference(scope))


def test_nothing_that_the_cluster_keeps_or_logs_holds_a_value(
    admin: client.CoreV1Api,
    control_plane: ControlPlane,
    store: KubernetesSecretStore,
    tenant: str,
) -> None:
    scope, value = scope_in(tenant), f"{PLANTED}-{new_id(IdPrefix.SYNC)}"
    for reference in (source_reference(scope), grant_reference(scope, GRANT)):
        store.put(reference, secret({"password": f"{value}-old"}))
        store.put(reference, secret({"password": value}))
        assert held(admin, reference) == {"password": value}
    files = [path for path in control_plane.folder.rglob("*") if path.is_file()]
    assert control_plane.audit_log in files
    everything = b"".join(path.read_bytes() for path in files)
    assert scope.connection.encode() in everything
    whole_groups = value[: len(value) // 3 * 3]
    for shape in (value.encode(), base64.b64encode(whole_groups.encode())):
        assert shape not in everything


def test_who_wrote_which_secret_is_on_record(
    control_plane: ControlPlane,
    control_plane_account: Account,
    store: KubernetesSecretStore,
    tenant: str,
) -> None:
    scope = scope_in(tenant)
    store.put(source_reference(scope), secret({"password": PLANTED}))
    store.delete(source_reference(scope))
    lines = control_plane.audit_log.read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines if f"{scope.connection}-source" in line]
    assert {(event["user"]["username"], event["verb"]) for event in events} >= {
        (control_plane_account.user, "delete")
    }
    assert not any("requestObject" in event or "responseObject" in event for event in events)


def test_a_tenant_without_a_namespace_is_told(store: KubernetesSecretStore) -> None:
    scope = scope_in(new_id(IdPrefix.TENANT))
    with pytest.raises(TenantActionError, match=f"no namespace cw-{scope.tenant}:"):
        store.put(source_reference(scope), {})
    with pytest.raises(TenantActionError, match=f"no namespace cw-{scope.tenant}-oauth:"):
        store.put(grant_reference(scope, GRANT), {})
    store.delete(source_reference(scope))


def test_a_missing_right_is_named(
    kubectl: Kubectl, store: KubernetesSecretStore, cluster: Cluster
) -> None:
    scope = scope_in(new_id(IdPrefix.TENANT))
    house = KubernetesSecretHouse(cluster, TenantLimits())
    house.open(scope.tenant)
    namespace = namespace_of(scope.tenant)
    gone = kubectl(
        "delete", "rolebinding", "coworker-tenant-secrets.control-plane", "-n", namespace
    )
    assert gone.returncode == 0, gone.stderr
    with pytest.raises(RefusedError) as refused:
        store.put(source_reference(scope), secret({"password": PLANTED}))
    assert str(refused.value) == (
        f"Service account control-plane of namespace coworker may not create secrets in namespace "
        f"{namespace}: the cluster's RBAC gives it no such right there."
    )
    house.open(scope.tenant)
    store.put(source_reference(scope), secret({"password": PLANTED}))


def test_a_closed_house_leaves_nothing(
    admin: client.CoreV1Api, cluster: Cluster, store: KubernetesSecretStore
) -> None:
    scope = scope_in(new_id(IdPrefix.TENANT))
    house = KubernetesSecretHouse(cluster, TenantLimits())
    house.open(scope.tenant)
    references = (source_reference(scope), grant_reference(scope, GRANT))
    for reference in references:
        store.put(reference, secret({"password": PLANTED}))
    house.close(scope.tenant)
    assert remaining_namespaces(cluster, scope.tenant) == []
    assert [held(admin, reference) for reference in references] == [None, None]
    house.close(scope.tenant)
