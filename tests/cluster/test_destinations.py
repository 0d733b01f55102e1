"""Secrets of destinations: put by the control plane, read by the dispatcher alone."""

from collections.abc import Iterator

import pytest
from kubernetes import client

from coworker_pipelines.cluster.client import Cluster, ClusterAddress, open_cluster
from coworker_pipelines.cluster.names import (
    DISPATCHER,
    egress_namespace_of,
    secret_name,
)
from coworker_pipelines.cluster.places import Verb
from coworker_pipelines.cluster.rights import Account
from coworker_pipelines.kernel.errors import DefectError, RefusedError, TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.secrets.kubernetes import (
    KubernetesDestinationReader,
    KubernetesSecretStore,
)
from coworker_pipelines.secrets.references import destination_reference, source_reference
from tests.cluster.control_plane import ControlPlane
from tests.secrets.contract import PLANTED, secret

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def dispatcher(
    control_plane: ControlPlane, control_plane_account: Account
) -> Iterator[KubernetesDestinationReader]:
    """What it reads with, under its own service account."""
    account = Account(namespace=control_plane_account.namespace, name=DISPATCHER)
    address = ClusterAddress(kubeconfig=control_plane.kubeconfig_of(account))
    with open_cluster(address) as opened:
        yield KubernetesDestinationReader(opened)


def test_the_dispatcher_reads_what_the_control_plane_has_put(
    admin: client.CoreV1Api,
    cluster: Cluster,
    dispatcher: KubernetesDestinationReader,
    tenant: str,
) -> None:
    destination = new_id(IdPrefix.DESTINATION)
    reference = destination_reference(tenant, destination)
    store = KubernetesSecretStore(cluster)
    store.put(reference, secret({"address": PLANTED}))
    found = admin.read_namespaced_secret(f"{destination}-destination", egress_namespace_of(tenant))
    assert found.metadata.labels == {
        "app.kubernetes.io/managed-by": "coworker",
        "coworker.io/tenant": tenant,
        "coworker.io/destination": destination,
        "coworker.io/part": "destination",
    }
    assert dispatcher.get(reference) == secret({"address": PLANTED})
    with pytest.raises(RefusedError, match=r"control-plane .* may not get secrets"):
        cluster.ask(Verb.GET, secret_name(reference).place)
    store.delete(reference)
    with pytest.raises(TenantActionError, match="has no secret"):
        dispatcher.get(reference)


def test_the_dispatcher_reads_nothing_else(
    cluster: Cluster, dispatcher: KubernetesDestinationReader, tenant: str
) -> None:
    scope = Scope(tenant=tenant, connection=new_id(IdPrefix.CONNECTION), epoch=1)
    reference = source_reference(scope)
    KubernetesSecretStore(cluster).put(reference, secret({"password": PLANTED}))
    with pytest.raises(RefusedError, match="secrets of destinations alone"):
        dispatcher.get(reference)
    with pytest.raises(RefusedError, match=r"dispatcher .* may not get secrets"):
        dispatcher._cluster.ask(Verb.GET, secret_name(reference).place)


@pytest.mark.parametrize(
    "reference", ("destination/t0/x0", "destination/t0123456789abcde/c0123456789abcde")
)
def test_what_is_no_destination_has_no_secret(reference: str) -> None:
    with pytest.raises(DefectError, match="no destination has"):
        secret_name(reference)
