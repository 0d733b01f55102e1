"""Letting in and renewing, each with the rights of its own service account and no more."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from kubernetes import client

from coworker_pipelines.cluster.client import Cluster, ClusterAddress, open_cluster
from coworker_pipelines.cluster.limits import TenantLimits
from coworker_pipelines.cluster.names import OAUTH_REFRESHER, OWN_NAMESPACE, secret_name
from coworker_pipelines.cluster.rights import Account
from coworker_pipelines.cluster.tenants import make_tenant_namespaces, remove_tenant_namespaces
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.oauth.authorization import AuthorizationRequest
from coworker_pipelines.oauth.authorizer import Authorizer
from coworker_pipelines.oauth.grants import new_grant_id
from coworker_pipelines.oauth.refresh import Outcome, Refresher, endpoints
from coworker_pipelines.secrets.kubernetes import KubernetesGrantStore, KubernetesSecretStore
from coworker_pipelines.secrets.references import grant_reference, token_reference
from coworker_pipelines.secrets.store import MemorySecretStore
from tests.cluster.control_plane import ControlPlane
from tests.oauth.authorization_server import (
    CLIENT_SECRET,
    AuthorizationServer,
    authorization_server,
    client_id,
)
from tests.oauth.browser import answer_to
from tests.oauth.house import REDIRECT_URL, House

CLOCK = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    house: House
    handle: str
    scope: Scope
    authorizer: Authorizer
    refresher: Refresher
    grants: KubernetesGrantStore
    server: AuthorizationServer

    def authorise(self) -> str:
        """The reference of the new grant."""
        request = AuthorizationRequest.new(self.server.provider(), client_id(), REDIRECT_URL)
        code = request.code_pasted(answer_to(request))
        self.authorizer.accept(
            self.handle, request, code, client_secret=CLIENT_SECRET, authorised_by="ann"
        )
        return grant_reference(self.scope, self.house.grants(self.handle)[0].id)


@pytest.fixture
def scene(database: Database, cluster: Cluster, control_plane: ControlPlane) -> Iterator[Scene]:
    house = House(database=database, secrets=MemorySecretStore(), clock=CLOCK)
    handle = house.add_connection()
    scope = house.scope(handle)
    make_tenant_namespaces(cluster, scope.tenant, TenantLimits())
    account = Account(namespace=OWN_NAMESPACE, name=OAUTH_REFRESHER)
    address = ClusterAddress(kubeconfig=control_plane.kubeconfig_of(account))
    with authorization_server() as server, open_cluster(address) as refreshers:
        grants = KubernetesGrantStore(refreshers)
        yield Scene(
            house=house,
            handle=handle,
            scope=scope,
            authorizer=Authorizer(
                database=database,
                secrets=KubernetesSecretStore(cluster),
                open_endpoint=endpoints(CLOCK),
                clock=CLOCK,
            ),
            refresher=Refresher(
                database=database,
                reader=grants,
                writer=grants,
                open_endpoint=endpoints(CLOCK),
                clock=CLOCK,
            ),
            grants=grants,
            server=server,
        )
    remove_tenant_namespaces(cluster, scope.tenant)


def test_the_control_plane_lets_in_and_the_refresher_renews_and_revokes(
    scene: Scene, admin: client.CoreV1Api
) -> None:
    first = scene.authorise()
    token = _held(admin, token_reference(scene.scope))
    assert set(token) == {"access_token", "expires_at"}
    before = _held(admin, first)
    scene.house.make_due(scene.handle)
    assert scene.refresher.turn() == {"refreshed": 1}
    after = _held(admin, first)
    assert after["refresh_token"] != before["refresh_token"]
    assert _held(admin, token_reference(scene.scope))["access_token"] == after["access_token"]
    second = scene.authorise()
    assert _held(admin, second)["refresh_token"]
    assert scene.refresher.turn()[Outcome.REVOKED] == 1
    assert _held(admin, first) == {}
    third = scene.authorise()
    assert _names(admin, first) == {secret_name(second).place.name, secret_name(third).place.name}


def test_neither_can_do_what_is_the_others(scene: Scene, cluster: Cluster) -> None:
    grant = scene.authorise()
    with pytest.raises(RefusedError, match="control-plane of namespace coworker may not get"):
        KubernetesGrantStore(cluster).get(grant)
    with pytest.raises(RefusedError, match="its grants alone can be read"):
        scene.grants.get(token_reference(scene.scope))
    unknown = grant_reference(scene.scope, new_grant_id())
    with pytest.raises(TenantActionError, match="has no secret"):
        scene.grants.put(unknown, {})
    with pytest.raises(TenantActionError, match="has no secret"):
        scene.grants.get(unknown)


def _held(admin: client.CoreV1Api, reference: str) -> dict[str, str]:
    place = secret_name(reference).place
    data = admin.read_namespaced_secret(place.name, place.namespace).data or {}
    return {name: b64decode(value).decode() for name, value in data.items()}


def _names(admin: client.CoreV1Api, reference: str) -> set[str]:
    place = secret_name(reference).place
    return {one.metadata.name for one in admin.list_namespaced_secret(place.namespace).items}
