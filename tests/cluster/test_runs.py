"""The whole thread: from the queue over a Job and its pod to documents, and what may go wrong."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dagster import DagsterRunStatus
from kubernetes import client

from coworker_pipelines.cluster.client import Cluster
from coworker_pipelines.cluster.names import (
    OAUTH_REFRESHER,
    OWN_NAMESPACE,
    namespace_of,
)
from coworker_pipelines.cluster.tenants import remaining_namespaces, remove_tenant_namespaces
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.oauth.authorization import AuthorizationRequest
from coworker_pipelines.secrets.references import source_reference, token_reference
from coworker_pipelines.secrets.store import MemorySecretStore
from tests.cluster.components import give_secret
from tests.cluster.deployed import RUN_S, Deployed, secrets_of
from tests.cluster.kubelet import Fate
from tests.cluster.probing import probed
from tests.cluster.source import MONTH, ROWS, Orders
from tests.cluster.worlds import orders, world
from tests.defs.servers import wait_until
from tests.oauth.authorization_server import (
    CLIENT_SECRET,
    authorization_server,
    client_id,
)
from tests.oauth.browser import answer_to
from tests.oauth.house import REDIRECT_URL, House

__all__ = ["orders", "world"]

_PARTS = ("source", "access", "token")
SUCCESS, FAILURE = DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE


def test_a_connection_of_the_command_line_is_synced_in_the_cluster_and_leaves_no_job(
    world: Deployed, orders: Orders
) -> None:
    world.add_by_command_line("acme", "shop", orders.form)
    world.await_partition("acme.shop")
    run_id = world.sync("acme.shop", MONTH)
    assert world.stored("acme.shop") == ROWS
    job = world.job(run_id)
    scope = world.scope("acme.shop")
    assert job.metadata.namespace == namespace_of(scope.tenant)
    assert job.metadata.labels["coworker.io/connection"] == scope.connection
    assert secrets_of(job) == {f"{scope.connection}-{part}" for part in _PARTS}
    wait_until(lambda: world.job(run_id) is None, RUN_S)


def test_what_was_rotated_reaches_the_next_run(world: Deployed, orders: Orders) -> None:
    world.add_connection("acme", "rotated", orders.form)
    world.sync("acme.rotated", MONTH)
    old, new = orders.form["password"], orders.change_password()
    with pytest.raises(TenantActionError):  # the source is asked before the old one is dropped
        world.platform.maker.change("acme.rotated", {"password": old})
    given = new.get_secret_value()
    world.coworker(
        "connections", "change", "acme.rotated", "--secret-file", "password=-", given=given
    )
    world.coworker("connections", "rotate-key", "acme.rotated", "--at-once")
    orders.add(50)
    world.sync("acme.rotated", MONTH)
    assert world.stored("acme.rotated") == ROWS + 50


def test_what_a_user_writes_into_the_launchpad_gains_nothing(
    world: Deployed, orders: Orders
) -> None:
    handle = world.add_connection("acme", "tempted", orders.form)
    other = world.scope(world.add_connection("rival", "tempting", orders.form))
    asked = {
        "container_config": {
            "image": "evil",
            "command": ["sh", "-c", "env"],
            "env_from": [{"secret_ref": {"name": f"{other.connection}-source"}}],
        },
        "pod_spec_config": {"service_account_name": "default"},
        "job_metadata": {"namespace": namespace_of(other.tenant)},
    }
    run_id = world.sync(
        handle,
        MONTH,
        {
            "dagster-k8s/config": json.dumps(asked),
            "coworker/tenant": "rival",
            "coworker/connection": "rival.tempting",
            "docker/image": "evil",
        },
    )
    job, scope = world.job(run_id), world.scope(handle)
    assert job.metadata.namespace == namespace_of(scope.tenant)
    assert secrets_of(job) == {f"{scope.connection}-{part}" for part in _PARTS}
    container = job.spec.template.spec.containers[0]
    assert container.image != "evil"
    assert container.env_from is None
    assert world.run(run_id).tags["coworker/tenant"] == "acme"
    assert other.connection not in str(job)


def test_a_run_that_tries_reaches_nothing_of_another_tenant(
    world: Deployed, orders: Orders
) -> None:
    handle = world.add_connection("acme", "probing", orders.form)
    foreign = world.scope(world.add_connection("rival", "probed", orders.form))
    own = world.scope(handle)
    run_id = world.sync(handle, MONTH)
    told = probed(world, handle, run_id, foreign)
    assert {path.partition("/")[0] for path in told["files"]} == {"access", "source"}
    assert told["modes"] == ["0o440"]
    assert told["writes"] == "Read-only file system"
    assert told["environment"] == []
    assert told["token"] is False
    assert told["secrets_by_api"] in {401, 403}
    assert told["index"] == {"own": 200, "foreign": 403}
    assert told["document"] == 403
    rows = told["rows"]
    assert rows["own"] >= 1
    assert rows["foreign"] == rows["without a pass"] == rows["by itself"] == 0
    assert rows["as control"] == rows["as locator"] == "permission denied"
    assert rows["owned tables"] == 0
    assert rows["superuser"] is False
    assert own.tenant != foreign.tenant


def test_an_evicted_run_says_so_and_is_run_again_while_others_of_its_connection_wait(
    world: Deployed, orders: Orders
) -> None:
    handle = world.add_connection("acme", "evicted", orders.form)
    with orders.locked():
        first = world.launch(handle, MONTH)
        world.await_status(first, DagsterRunStatus.STARTED)
        waiting = world.launch(handle, "2026-04")
        pod = world.pod(first)
        world.kubelet.evict(pod.metadata.namespace, pod.metadata.name)
        world.await_status(first, FAILURE)
        assert "the node evicted its pod: The node was low on resource" in world.told(first)
        assert world.run(waiting).status is DagsterRunStatus.QUEUED
    second = world.await_retry(first)
    world.await_status(second, SUCCESS)
    world.await_status(waiting, SUCCESS)
    assert world.stored(handle) == ROWS


def test_a_killed_run_says_so_and_is_run_again(world: Deployed, orders: Orders) -> None:
    handle = world.add_connection("acme", "killed", orders.form)
    with orders.locked():
        first = world.launch(handle, MONTH)
        world.await_status(first, DagsterRunStatus.STARTED)
        pod = world.pod(first)
        world.kubelet.kill(pod.metadata.namespace, pod.metadata.name)
        world.await_status(first, FAILURE)
    assert "more memory than it may have" in world.told(first)
    world.await_status(world.await_retry(first), SUCCESS)


def test_runs_whose_pods_never_start_say_why_and_are_run_again(
    world: Deployed, orders: Orders
) -> None:
    unplaced = world.add_connection("acme", "unplaced", orders.form)
    secretless = world.add_connection("rival", "secretless", orders.form)
    scope = world.scope(secretless)
    world.platform.place.writer.delete(source_reference(scope))
    refused: set[str] = set()
    connection = world.scope(unplaced).connection

    def decide(pod: Any) -> Fate:
        """The connection's first run finds no node."""
        labels = pod.metadata.labels or {}
        if labels.get("coworker.io/connection") == connection and not refused:
            refused.add(labels["dagster/run-id"])
        return Fate.NEVER_SCHEDULE if labels.get("dagster/run-id") in refused else Fate.RUN

    world.kubelet.decide = decide
    first, other = world.launch(unplaced, MONTH), world.launch(secretless, MONTH)
    world.await_status(first, FAILURE)
    assert "never scheduled: 0/1 nodes are available: 1 Insufficient cpu" in world.told(first)
    world.await_status(other, FAILURE)
    assert f'secret "{scope.connection}-source" not found' in world.told(other)
    assert world.job(first) is None
    world.platform.maker.change(secretless, {"password": orders.form["password"]})
    for run_id in (first, other):
        world.await_status(world.await_retry(run_id), SUCCESS)


def test_a_run_that_cannot_begin_says_why_and_is_not_run_again(
    world: Deployed, orders: Orders
) -> None:
    handle = world.add_connection("acme", "speechless", orders.form)
    scope = world.scope(handle)
    client.CoreV1Api(world.plane.admin).patch_namespaced_secret(
        f"{scope.connection}-access",
        namespace_of(scope.tenant),
        {"data": {"dagster_database_url": None}},
    )
    run_id = world.launch(handle, MONTH)
    world.await_status(run_id, FAILURE)
    assert (
        "The address of Dagster's database cannot be read from "
        "/var/run/coworker/access/dagster_database_url." in world.told(run_id)
    )
    assert world.run(run_id).tags["dagster/max_retries"] == "0"
    assert world.run(run_id).tags["dagster/will_retry"] == "false"


def test_a_cancelled_run_ends_and_is_not_run_again(world: Deployed, orders: Orders) -> None:
    handle = world.add_connection("acme", "cancelled", orders.form)
    with orders.locked():
        run_id = world.launch(handle, MONTH)
        world.await_status(run_id, DagsterRunStatus.STARTED)
        world.terminate(run_id)
        world.await_status(run_id, DagsterRunStatus.CANCELED)
    assert "its own process hears it" in world.told(run_id)  # the webserver may delete no Job
    pod = world.pod(run_id)
    wait_until(
        lambda: not world.kubelet.is_running(pod.metadata.namespace, pod.metadata.name), RUN_S
    )
    assert "dagster/auto_retry_run_id" not in world.run(run_id).tags


def test_a_deleted_tenant_has_no_secrets_and_its_runs_fail_at_once(
    world: Deployed, cluster: Cluster, orders: Orders
) -> None:
    tenant = world.add_tenant("leaving")
    handle = world.add_connection("leaving", "shop", orders.form)
    world.sync(handle, MONTH)
    core, namespace = client.CoreV1Api(world.plane.admin), namespace_of(tenant)
    assert core.list_namespaced_secret(namespace).items
    remove_tenant_namespaces(cluster, tenant)
    wait_until(lambda: not remaining_namespaces(cluster, tenant), RUN_S)
    assert not core.list_namespaced_secret(namespace).items
    run_id = world.launch(handle, MONTH)
    world.await_status(run_id, FAILURE)
    assert f"may not create jobs in namespace {namespace}" in world.told(run_id)
    assert world.run(run_id).tags["dagster/max_retries"] == "0"


def test_a_run_without_a_partition_works_as_its_component(world: Deployed) -> None:
    give_secret(world.plane, world, "code-location")
    run_id = world.launch_job("check_sql", {"coworker/tenant": "acme"})
    world.await_status(run_id, SUCCESS)
    job = world.job(run_id)
    assert job.metadata.namespace == OWN_NAMESPACE
    assert job.spec.template.spec.service_account_name == "code-location"
    assert not job.spec.template.spec.automount_service_account_token
    assert secrets_of(job) == {"code-location"}


def test_keys_are_rotated_by_a_run_that_works_as_the_control_plane(
    world: Deployed, orders: Orders
) -> None:
    give_secret(world.plane, world, "control-plane")
    handle = world.add_connection("acme", "expiring", orders.form)
    soon = datetime.now(UTC) + timedelta(hours=1)
    with world.platform.database.control() as session:
        find_connection(session, handle).key_expires_at = soon
    run_id = world.launch_job("rotate_keys")
    world.await_status(run_id, SUCCESS)
    assert secrets_of(world.job(run_id)) == {"control-plane"}
    with world.platform.database.control() as session:
        expires_at = find_connection(session, handle).key_expires_at
    assert expires_at is not None
    assert expires_at > soon
    world.sync(handle, MONTH)


def test_a_token_that_the_refreshers_run_renewed_is_in_the_next_syncs_mount(
    world: Deployed, orders: Orders
) -> None:
    give_secret(world.plane, world, OAUTH_REFRESHER)
    handle = world.add_connection("acme", "let-in", orders.form)
    scope = world.scope(handle)
    house = House(
        database=world.platform.database, secrets=MemorySecretStore(), clock=world.platform.clock
    )
    with authorization_server() as server:
        request = AuthorizationRequest.new(server.provider(), client_id(), REDIRECT_URL)
        world.platform.letting_in.authorizer.accept(
            handle,
            request,
            request.code_pasted(answer_to(request)),
            client_secret=CLIENT_SECRET,
            authorised_by="ann",
        )
        before = world.secret(token_reference(scope))
        house.make_due(handle)
        run_id = world.launch_job("oauth_tokens")
        world.await_status(run_id, SUCCESS)
    spec = world.job(run_id).spec.template.spec
    assert (spec.service_account_name, spec.automount_service_account_token) == (
        OAUTH_REFRESHER,
        True,
    )
    assert secrets_of(world.job(run_id)) == {OAUTH_REFRESHER}
    after = world.secret(token_reference(scope))
    assert after["access_token"] != before["access_token"]
    with orders.locked():
        sync = world.launch(handle, MONTH)
        world.await_status(sync, DagsterRunStatus.STARTED)
        pod = world.pod(sync).metadata
        assert world.kubelet.mounted(pod.namespace, pod.name, "token") == after
    world.await_status(sync, SUCCESS)
    assert before["access_token"] not in world.told(run_id) + world.told(sync)
    assert after["access_token"] not in world.told(run_id) + world.told(sync)


def test_a_sync_without_a_partition_is_refused(world: Deployed) -> None:
    run_id = world.launch_job("sync_sql")
    world.await_status(run_id, FAILURE)
    assert "choose a connection and a window" in world.told(run_id)
    assert world.job(run_id) is None
