"""Taking secrets away as the account of deletions, against the real RBAC."""

from collections.abc import Iterator

import pytest
from kubernetes import client

from coworker_pipelines.cluster.client import Cluster, ClusterAddress, open_cluster
from coworker_pipelines.cluster.limits import TenantLimits
from coworker_pipelines.cluster.names import PRIVACY_WORKER, secret_name
from coworker_pipelines.cluster.places import Verb, namespace_place
from coworker_pipelines.cluster.rights import Account
from coworker_pipelines.cluster.tenants import make_tenant_namespaces
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.reached import Reached, ReachedConnection
from coworker_pipelines.privacy.removers.secrets import ClusterSecretRemover
from coworker_pipelines.secrets.kubernetes import KubernetesSecretHouse, KubernetesSecretStore
from coworker_pipelines.secrets.references import (
    access_reference,
    grant_reference,
    source_reference,
)
from tests.cluster.control_plane import ControlPlane
from tests.secrets.contract import PLANTED, secret

pytestmark = pytest.mark.cluster

GRANT = "g0123456789abcde"


@pytest.fixture
def worker(control_plane: ControlPlane, control_plane_account: Account) -> Iterator[Cluster]:
    """The cluster as a deletion's pod meets it."""
    account = Account(namespace=control_plane_account.namespace, name=PRIVACY_WORKER)
    kubeconfig = control_plane.kubeconfig_of(account)
    with open_cluster(ClusterAddress(kubeconfig=kubeconfig)) as opened:
        yield opened


def test_a_connections_secrets_go_and_then_the_tenants_namespaces(
    cluster: Cluster, worker: Cluster, admin: client.CoreV1Api
) -> None:
    tenant = new_id(IdPrefix.TENANT)
    make_tenant_namespaces(cluster, tenant, TenantLimits())
    goes, stays = _reached(tenant), _reached(tenant)
    for reached in (goes, stays):
        (scope,) = reached.scopes
        for reference in (
            source_reference(scope),
            access_reference(scope),
            grant_reference(scope, GRANT),
        ):
            KubernetesSecretStore(cluster).put(reference, secret({"value": PLANTED}))
    remover = _remover(worker)
    assert remover.count(goes) == 3
    assert remover.delete(goes) == 3
    assert (remover.count(goes), remover.delete(goes)) == (0, 0)
    assert remover.count(stays) == 3
    whole = Reached(
        extent=Extent(tenant=tenant),
        slug="acme",
        connections=(*goes.connections, *stays.connections),
    )
    assert remover.count(whole) == 3 + 3
    assert remover.delete(whole) == 6
    assert remover.count(whole) == 0
    names = {namespace.metadata.name for namespace in admin.list_namespace().items}
    assert not {name for name in names if tenant in name}


def test_it_sees_no_secret_and_takes_no_other_namespace_down(
    cluster: Cluster, worker: Cluster, tenant: str
) -> None:
    (scope,) = _reached(tenant).scopes
    KubernetesSecretStore(cluster).put(source_reference(scope), secret({"value": PLANTED}))
    place = secret_name(source_reference(scope)).place
    with pytest.raises(RefusedError):
        worker.ask(Verb.GET, place)
    with pytest.raises(RefusedError):
        worker.ask(Verb.DELETE, namespace_place("coworker"))


def _remover(cluster: Cluster) -> ClusterSecretRemover:
    return ClusterSecretRemover(
        cluster=cluster,
        writer=KubernetesSecretStore(cluster),
        house=KubernetesSecretHouse(cluster, TenantLimits()),
    )


def _reached(tenant: str) -> Reached:
    connection = new_id(IdPrefix.CONNECTION)
    return Reached(
        extent=Extent(tenant=tenant, connection=connection),
        slug="acme",
        connections=(
            ReachedConnection(
                id=connection, handle="acme.shop", kind="git", epoch=1, grants=(GRANT,)
            ),
        ),
    )
