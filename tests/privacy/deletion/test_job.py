"""Dagster's side: the job over real stores, what the sensor asks for, and the clock."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from dagster import (
    AssetCheckEvaluation,
    DagsterInstance,
    ExecuteInProcessResult,
    build_sensor_context,
)

from coworker_pipelines.database.database import Database
from coworker_pipelines.defs.deletions import DELETE, DELETIONS
from coworker_pipelines.defs.graph import build_definitions
from coworker_pipelines.defs.orders import ORDER_TAG, TENANT_ID_TAG, plan_runs
from coworker_pipelines.defs.platform import PlatformResource
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.privacy.clock import DONE_WITHIN, DueOrder, order_clock
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.names import CLEARED_FIRST
from coworker_pipelines.privacy.orders import (
    OrderKind,
    OrderState,
    begin_attempt,
    confirm_order,
    keep_waiting,
    record_preview,
    request_order,
)
from tests.fakes.platform import GIT, SQL, FakePlatform, resource_for
from tests.privacy.deletion.estate import Estate, rows_naming

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDER = DueOrder(id="o0123456789abcde", tenant="t0123456789abcde")


def test_the_job_deletes_a_connection_and_tells_nobodys_name(shared_estate: Estate) -> None:
    estate = shared_estate
    handle = estate.connection("by-job", synced=False)
    estate.sync(handle)
    extent = estate.extent(handle)
    order = estate.confirmed(extent)
    result = _run(estate.instance, order, extent.tenant)
    assert result.success
    assert estate.state_of(order) == (OrderState.DONE, None)
    done = [event.step_key for event in result.all_events if event.is_step_success]
    assert done[0] == "shut_writers_out"
    assert done[1:-1] == [f"clear_{name}" for name in CLEARED_FIRST]
    assert done[-1] == "count_again"
    # The run itself stays in Dagster, with its events: they know the order by its id.
    assert ORDER_TAG in result.dagster_run.tags
    assert rows_naming(estate.dagster_url, (handle, handle.partition(".")[2])) == {}


def test_a_target_that_fails_does_not_keep_the_others(shared_estate: Estate) -> None:
    estate = shared_estate
    handle = estate.connection("half", synced=False)
    order = estate.confirmed(estate.extent(handle))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COWORKER_ELASTICSEARCH_URL", "http://127.0.0.1:9")
        result = _run(estate.instance, order, "t0")
    failed = {event.step_key for event in result.all_events if event.is_step_failure}
    done = {event.step_key for event in result.all_events if event.is_step_success}
    assert {"clear_documents", "clear_activities"} <= failed
    assert {"clear_segments", "clear_runs", "clear_rows"} <= done
    assert "count_again" not in done
    assert estate.state_of(order)[0] == OrderState.WAITING
    estate.carry_out(order)


def _run(instance: DagsterInstance, order: str, tenant: str) -> ExecuteInProcessResult:
    definitions = build_definitions([GIT, SQL], PlatformResource())
    return definitions.resolve_job_def(DELETE).execute_in_process(
        instance=instance,
        tags={ORDER_TAG: order, TENANT_ID_TAG: tenant},
        raise_on_error=False,
    )


@pytest.mark.parametrize(
    ("made", "expected"),
    (
        ((), [f"{ORDER.id}@0"]),
        ((False,), []),
        ((True,), [f"{ORDER.id}@1"]),
        ((True, True, False), []),
    ),
)
def test_an_order_has_one_run_at_a_time_and_a_new_one_when_that_has_ended(
    made: Sequence[bool], expected: list[str]
) -> None:
    requests = plan_runs([ORDER], {ORDER.id: made})
    assert [request.run_key for request in requests] == expected
    for request in requests:
        assert request.tags == {ORDER_TAG: ORDER.id, TENANT_ID_TAG: ORDER.tenant}


def test_the_sensor_asks_by_ids_alone() -> None:
    platform = FakePlatform({})
    sensor = DELETIONS.requests()
    with DagsterInstance.ephemeral() as instance:

        def tick() -> list[str | None]:
            context = build_sensor_context(
                instance=instance, resources={"platform": resource_for(platform)}
            )
            data = sensor.evaluate_tick(context)
            return [request.run_key for request in data.run_requests or ()]

        assert tick() == []
        platform.deletions_due = [ORDER]
        assert tick() == [f"{ORDER.id}@0"]


def test_the_sensor_answers_the_checks_whenever_an_answer_changes() -> None:
    platform = FakePlatform({})
    sensor = DELETIONS.requests()
    cursor: str | None = None

    def tick(instance: DagsterInstance) -> dict[str, bool]:
        nonlocal cursor
        context = build_sensor_context(
            instance=instance, cursor=cursor, resources={"platform": resource_for(platform)}
        )
        data = sensor.evaluate_tick(context)
        cursor = data.cursor
        answers = [told for told in data.asset_events if isinstance(told, AssetCheckEvaluation)]
        for told in answers:
            instance.report_runless_asset_event(told)
        return {told.check_name: told.passed for told in answers}

    with DagsterInstance.ephemeral() as instance:
        well = {"deletions_are_in_time": True, "nothing_survives_a_deletion": True}
        assert tick(instance) == well
        assert tick(instance) == {}
        platform.deletions_due = [ORDER]
        assert tick(instance) == {**well, "nothing_survives_a_deletion": False}
        assert tick(instance) == {}


def test_what_waits_is_due_again_and_what_is_late_is_said(database: Database) -> None:
    tenant = new_id(IdPrefix.TENANT)
    with database.privacy() as session:
        order = request_order(
            session,
            kind=OrderKind.DELETION,
            extent=Extent(tenant=tenant),
            reason="contract ended",
            requested_by="ann",
            now=NOW,
        )
        record_preview(order, {}, now=NOW)
        confirm_order(order, current={}, reach={}, confirmed_by="bob", now=NOW)
        session.flush()
        clock = order_clock(session, OrderKind.DELETION, now=NOW)
        assert clock.due == (DueOrder(id=order.id, tenant=tenant),)
        assert clock.in_time.passed
        assert clock.no_survivors.passed
        begin_attempt(order, now=NOW)
        assert order_clock(session, OrderKind.DELETION, now=NOW).due == ()
        keep_waiting(order, "It waits for documents: no answer.", now=NOW)
        clock = order_clock(
            session, OrderKind.DELETION, now=NOW + DONE_WITHIN + timedelta(seconds=1)
        )
        assert not clock.in_time.passed
        assert not clock.no_survivors.passed
        assert "documents" in str(clock.no_survivors.metadata[order.id])
        assert [due.id for due in clock.due] == [order.id]
