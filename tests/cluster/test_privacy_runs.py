"""Sweeps, erasures and deletions from the queue to their end, as who removes and nobody else."""

from datetime import UTC, datetime, timedelta

import pytest
from dagster import DagsterRunStatus, RunsFilter
from sqlalchemy import select

from coworker_pipelines.assembly.deleting import deletions
from coworker_pipelines.assembly.erasing import erasures
from coworker_pipelines.cli.opening import publish
from coworker_pipelines.cluster.names import OWN_NAMESPACE, PRIVACY_WORKER
from coworker_pipelines.connections.retention import Age, Basis
from coworker_pipelines.defs.deletions import DELETE
from coworker_pipelines.defs.erasures import ERASE
from coworker_pipelines.defs.orders import ORDER_TAG, TENANT_ID_TAG
from coworker_pipelines.defs.retention import SWEEP
from coworker_pipelines.defs.traces.remover import TraceRemover
from coworker_pipelines.documents import names
from coworker_pipelines.privacy.erasure.identifying import read_identifiers
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import HoldOrder, place_hold
from coworker_pipelines.privacy.orders import OrderState, find_order
from coworker_pipelines.privacy.retention.policies import set_policy
from coworker_pipelines.privacy.rows import ReceiptRow
from coworker_pipelines.settings import Settings
from tests.cluster.components import give_secret
from tests.cluster.deployed import RUN_S, Deployed, secrets_of
from tests.cluster.source import MONTH, ROWS, Orders
from tests.cluster.worlds import orders, world
from tests.defs.servers import wait_until

__all__ = ["orders", "world"]

pytestmark = pytest.mark.cluster

HELD_SINCE = datetime(2026, 3, 2, 10, 2, tzinfo=UTC)
HELD = ROWS - 120
"""A row a second: those from the third minute on."""


@pytest.fixture(scope="module", autouse=True)
def _given(world: Deployed) -> None:
    give_secret(world.plane, world, PRIVACY_WORKER)


def test_a_sweep_removes_what_is_spent_as_the_privacy_worker(
    world: Deployed, orders: Orders
) -> None:
    partly, whole = (world.add_connection("acme", name, orders.form) for name in ("held", "spent"))
    for handle in (partly, whole):
        world.sync(handle, MONTH)
    tenant = world.scope(partly).tenant
    _hold(world, partly)
    _keep_ten_days(world, tenant)
    run_id = world.launch_job(SWEEP, {TENANT_ID_TAG: tenant})
    world.await_status(run_id, DagsterRunStatus.SUCCESS)
    _assert_privacy_worker(world, run_id)
    assert (world.stored(partly), world.stored(whole)) == (HELD, 0)
    assert len(_receipts(world, tenant)) == 2
    # What went whole has a place again for what comes next.
    world.sync(whole, MONTH)
    assert world.stored(whole) == 0


def test_an_erasure_takes_a_person_out_as_the_privacy_worker(
    world: Deployed, orders: Orders
) -> None:
    handle = world.add_connection("rival", "people", orders.form)
    world.sync(handle, MONTH)
    tenant = world.scope(handle).tenant
    order = _confirmed(world, tenant, "email person7@example.org")
    run_id = _run_of(world, order)
    world.await_status(run_id, DagsterRunStatus.SUCCESS)
    assert world.run(run_id).job_name == ERASE
    _assert_privacy_worker(world, run_id)
    with world.platform.database.control() as session:
        found = find_order(session, order)
        assert (found.state, found.sealed) == (OrderState.DONE, None)
    assert world.stored(handle) == ROWS - 1
    assert order in _receipts(world, tenant)


def test_a_deletion_takes_a_connection_away_as_the_privacy_worker(
    world: Deployed, orders: Orders
) -> None:
    handle = world.add_connection("rival", "leaving", orders.form)
    world.sync(handle, MONTH)
    scope = world.scope(handle)
    extent = Extent(tenant=scope.tenant, connection=scope.connection)
    settings = Settings.from_environment(world.environment)
    assert settings.dagster_database_url is not None
    traces = TraceRemover(world.instance, settings.dagster_database_url)
    control = deletions(world.platform, settings, traces=traces)
    order = control.request(extent, reason="the contract ended", requested_by="dpo")
    control.preview(order)
    control.confirm(order, typed="rival", confirmed_by="dpo")
    run_id = _run_of(world, order)
    world.await_status(run_id, DagsterRunStatus.SUCCESS)
    assert world.run(run_id).job_name == DELETE
    _assert_privacy_worker(world, run_id)
    with world.platform.database.control() as session:
        assert find_order(session, order).state == OrderState.DONE
    pattern = names.connection_pattern(scope)
    assert not world.platform.admin.indices.get(index=pattern, expand_wildcards="all")
    assert order in _receipts(world, scope.tenant)


def _assert_privacy_worker(world: Deployed, run_id: str) -> None:
    job = world.job(run_id)
    assert job.metadata.namespace == OWN_NAMESPACE
    assert job.spec.template.spec.service_account_name == PRIVACY_WORKER
    assert secrets_of(job) == {PRIVACY_WORKER}


def _keep_ten_days(world: Deployed, tenant: str) -> None:
    with world.platform.database.control() as session:
        set_policy(
            session,
            world.platform.safeguards.journal,
            Extent(tenant=tenant),
            basis=Basis.EVENT,
            age=Age(days=10),
            grace_days=0,
            made_by="ann",
            now=world.platform.clock.now(),
        )
    publish(world.platform)


def _hold(world: Deployed, handle: str) -> None:
    scope, now = world.scope(handle), world.platform.clock.now()
    order = HoldOrder(
        extent=Extent(tenant=scope.tenant, connection=scope.connection),
        since=HELD_SINCE,
        matter="L-7",
        owner="legal",
        reason="a court's order",
        review_at=(now + timedelta(days=90)).date(),
        placed_by="ann",
    )
    with world.platform.database.control() as session:
        place_hold(session, world.platform.safeguards.journal, order, now=now)
    publish(world.platform)


def _confirmed(world: Deployed, tenant: str, line: str) -> str:
    control = erasures(world.platform)
    order = control.request(
        tenant, read_identifiers([line]), reason="asked by letter", requested_by="dpo"
    )
    control.preview(order)
    control.confirm(order, typed="rival", same_person=False, confirmed_by="dpo")
    return order


def _run_of(world: Deployed, order: str) -> str:
    """The run that the sensor asked for."""
    runs = RunsFilter(tags={ORDER_TAG: order})
    wait_until(lambda: bool(world.instance.get_runs(runs)), RUN_S)
    return world.instance.get_runs(runs)[0].run_id


def _receipts(world: Deployed, tenant: str) -> list[str]:
    """Ids of the orders that they prove."""
    with world.platform.database.control() as session:
        return list(
            session.scalars(select(ReceiptRow.order_id).where(ReceiptRow.tenant_id == tenant))
        )
