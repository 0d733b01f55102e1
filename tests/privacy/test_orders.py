"""The life of an order: what may follow on what."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.orders import (
    PREVIEW_LIFE,
    RETRY_MAX,
    RUNNING_MAX,
    OrderKind,
    OrderState,
    begin_attempt,
    confirm_order,
    due_orders,
    find_order,
    finish_order,
    hold_back,
    keep_waiting,
    let_go,
    orders_over,
    preview_digest,
    record_preview,
    refuse_under_order,
    request_order,
    withdraw_order,
)
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.removers.rows import RowRemover
from coworker_pipelines.privacy.rows import Order
from coworker_pipelines.privacy.targets import target

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOWN = {"documents": 3}
TENANT, OTHER = new_id(IdPrefix.TENANT), new_id(IdPrefix.TENANT)
CONNECTION, SECOND = new_id(IdPrefix.CONNECTION), new_id(IdPrefix.CONNECTION)


def _request(session: Session, extent: Extent, kind: OrderKind = OrderKind.DELETION) -> Order:
    return request_order(
        session, kind=kind, extent=extent, reason="contract ended", requested_by="ann", now=NOW
    )


def _confirm(order: Order, *, now: datetime = NOW, current: dict[str, int] = SHOWN) -> None:
    confirm_order(order, current=current, reach={"of": []}, confirmed_by="bob", now=now)


def _confirmed(session: Session, extent: Extent) -> Order:
    order = _request(session, extent)
    record_preview(order, dict(SHOWN), now=NOW)
    _confirm(order)
    session.flush()
    return order


def test_a_second_request_for_the_same_joins_the_first(database: Database) -> None:
    extent = Extent(tenant=TENANT, connection=CONNECTION)
    with database.control() as session:
        first = _request(session, extent)
        assert _request(session, extent).id == first.id
        assert _request(session, Extent(tenant=TENANT)).id != first.id
        withdraw_order(first, now=NOW)
        session.flush()
        assert _request(session, extent).id != first.id


def test_two_erasures_of_one_tenant_are_two(database: Database) -> None:
    extent = Extent(tenant=TENANT)
    with database.control() as session:
        first = _request(session, extent, OrderKind.ERASURE)
        assert _request(session, extent, OrderKind.ERASURE).id != first.id


def test_an_order_is_confirmed_by_what_was_shown_and_by_nothing_else(database: Database) -> None:
    with database.control() as session:
        order = _request(session, Extent(tenant=TENANT))
        with pytest.raises(RefusedError, match="preview it"):
            _confirm(order)
        record_preview(order, dict(SHOWN), now=NOW)
        with pytest.raises(RefusedError, match="has changed"):
            _confirm(order, current={"documents": 4})
        with pytest.raises(RefusedError, match="preview it"):
            _confirm(order, now=NOW + PREVIEW_LIFE + timedelta(seconds=1))
        assert order.state == OrderState.PREVIEWED
        _confirm(order)
        assert order.state == OrderState.CONFIRMED


def test_the_digest_does_not_follow_the_order_of_names() -> None:
    assert preview_digest({"a": 1, "b": 2}) == preview_digest({"b": 2, "a": 1})
    assert preview_digest({"a": 1}) != preview_digest({"a": 2})


@pytest.mark.parametrize(
    "step",
    (
        lambda order: record_preview(order, {}, now=NOW),
        _confirm,
        lambda order: withdraw_order(order, now=NOW),
    ),
)
def test_what_is_confirmed_is_not_taken_back(
    database: Database, step: Callable[[Order], None]
) -> None:
    with database.control() as session:
        order = _confirmed(session, Extent(tenant=TENANT))
        with pytest.raises(RefusedError, match="confirmed"):
            step(order)


def test_an_order_that_nobody_confirmed_is_not_carried_out(database: Database) -> None:
    with database.control() as session, pytest.raises(RefusedError, match="requested"):
        begin_attempt(_request(session, Extent(tenant=TENANT)), now=NOW)


def test_an_order_is_due_until_it_is_done_and_the_dead_are_taken_up_again(
    database: Database,
) -> None:
    def due(now: datetime) -> list[str]:
        return [order.id for order in due_orders(session, OrderKind.DELETION, now=now, limit=9)]

    with database.privacy() as session:
        order = _confirmed(session, Extent(tenant=TENANT))
        assert due(NOW) == [order.id]
        assert begin_attempt(order, now=NOW) == 1
        assert due(NOW) == []
        assert due(NOW + RUNNING_MAX) == [order.id]
        assert begin_attempt(order, now=NOW) == 2
        keep_waiting(order, "the documents cannot be counted", now=NOW)
        assert due(NOW + timedelta(seconds=30)) == []
        assert due(NOW + RETRY_MAX) == [order.id]
        begin_attempt(order, now=NOW)
        assert order.detail is None
        finish_order(order, now=NOW)
        assert due(NOW + timedelta(days=900)) == []
        assert (order.reach, order.sealed, order.state) == (None, None, OrderState.DONE)


def test_nothing_is_taken_in_for_what_is_under_an_order(database: Database) -> None:
    stream = Extent(tenant=TENANT, connection=CONNECTION, stream="commits")
    with database.control() as session:
        _request(session, Extent(tenant=TENANT))
        refuse_under_order(session, stream)
        order = _confirmed(session, Extent(tenant=TENANT, connection=CONNECTION))
        assert [found.id for found in orders_over(session, Extent(tenant=TENANT))] == [order.id]
        with pytest.raises(RefusedError, match=order.id):
            refuse_under_order(session, stream)
        refuse_under_order(session, Extent(tenant=TENANT, connection=SECOND))
        refuse_under_order(session, Extent(tenant=OTHER))
        finish_order(order, now=NOW)
        session.flush()
        refuse_under_order(session, stream)


def test_an_order_that_is_not_there_is_named(database: Database) -> None:
    with database.control() as session, pytest.raises(TenantActionError, match="no order"):
        find_order(session, new_id(IdPrefix.ORDER))


def test_what_a_hold_kept_goes_on_when_that_hold_is_released(database: Database) -> None:
    tenant = new_id(IdPrefix.TENANT)
    later = NOW + timedelta(days=90)
    with database.control() as session:
        rest = _request(session, Extent(tenant=tenant), OrderKind.ERASURE)
        hold_back(rest, holds=["h2", "h1"], reach={"commitment": "c"}, detail="It waits.")
        session.flush()
        for change in (withdraw_order, begin_attempt):
            with pytest.raises(RefusedError, match="held"):
                change(rest, now=NOW)
        assert let_go(session, tenant, "h3", now=later) == []
        assert let_go(session, OTHER, "h1", now=later) == []
        assert let_go(session, tenant, "h1", now=later) == [rest.id]
        assert (rest.state, rest.due_at, rest.confirmed_at) == (OrderState.CONFIRMED, later, later)
        assert rest.reach == {"commitment": "c", "holds": ["h1", "h2"]}
        assert let_go(session, tenant, "h2", now=later) == []
        assert begin_attempt(rest, now=later) == 1


def test_what_an_ended_order_says_of_streams_goes_with_its_tenant(database: Database) -> None:
    tenant = new_id(IdPrefix.TENANT)
    with database.control() as session:
        order = _request(session, Extent(tenant=tenant), OrderKind.ERASURE)
        finish_order(order, now=NOW)
        order_id, order.reason = order.id, ""
        order.reach = {"exempt": [{"what": "documents of invoices"}]}
    registration = RowRemover(session=database.privacy, target=target("registration"))
    reached = Reached(extent=Extent(tenant=tenant), slug="acme")
    assert (registration.count(reached), registration.delete(reached)) == (1, 1)
    assert registration.count(reached) == 0
    with database.control() as session:
        assert find_order(session, order_id).reach is None
