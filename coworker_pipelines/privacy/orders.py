"""The life of an order, the same for deletions and erasures.

``requested -> previewed -> confirmed -> running -> done``; beside them ``waiting`` (a place could
not be counted, and is tried again) and ``withdrawn``. From ``confirmed`` on an order cannot be
taken back, because something may be gone already. What a hold kept from an erasure is an order of
its own: it is ``held`` until the hold is released, and then ``confirmed`` without another word.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import orjson
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, load_only

from coworker_pipelines.connections.naming import unknown
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.rows import Order

PREVIEW_LIFE: Final = timedelta(hours=24)
"""An older preview confirms nothing: look again at what would go."""
RETRY_FIRST: Final = timedelta(seconds=30)
RETRY_MAX: Final = timedelta(minutes=30)
RUNNING_MAX: Final = timedelta(minutes=15)
"""A try that has not told anything for so long is dead, and is taken up anew."""


_SEEN_BY_RUNS: Final = (
    Order.id,
    Order.kind,
    Order.tenant_id,
    Order.connection_id,
    Order.stream,
    Order.state,
)
"""A run sees that something is under an order, and not who ordered it or why."""


class OrderKind(StrEnum):
    DELETION = "deletion"
    ERASURE = "erasure"


class OrderState(StrEnum):
    REQUESTED = "requested"
    PREVIEWED = "previewed"
    CONFIRMED = "confirmed"
    RUNNING = "running"
    WAITING = "waiting"
    HELD = "held"
    DONE = "done"
    WITHDRAWN = "withdrawn"


ENDED: Final = frozenset({OrderState.DONE, OrderState.WITHDRAWN})
UNCONFIRMED: Final = frozenset({OrderState.REQUESTED, OrderState.PREVIEWED})
UNDER_ORDER: Final = frozenset({OrderState.CONFIRMED, OrderState.RUNNING, OrderState.WAITING})
"""Data goes, or is about to: nothing may be written for the extent."""


def extent_of(order: Order) -> Extent:
    return Extent(tenant=order.tenant_id, connection=order.connection_id, stream=order.stream)


def request_order(
    session: Session,
    *,
    kind: OrderKind,
    extent: Extent,
    reason: str,
    requested_by: str,
    now: datetime,
    sealed: bytes | None = None,
) -> Order:
    """A new order; a deletion of an extent that is under one already is that one."""
    order = Order(
        id=new_id(IdPrefix.ORDER),
        kind=kind,
        tenant_id=extent.tenant,
        connection_id=extent.connection,
        stream=extent.stream,
        reason=reason,
        requested_by=requested_by,
        requested_at=now,
        state=OrderState.REQUESTED,
        sealed=sealed,
        attempt=0,
    )
    try:
        with session.begin_nested():
            session.add(order)
    except IntegrityError:
        # Of an erasure it cannot come: only deletions are unique by their extent.
        return _open_deletion(session, extent)
    return order


def find_order(session: Session, order_id: str, *, lock: bool = False) -> Order:
    """The order of that id; with ``lock`` nobody else changes it in this transaction.

    Raises:
        TenantActionError: there is none.
    """
    statement = select(Order).where(Order.id == order_id)
    order = session.scalar(statement.with_for_update() if lock else statement)
    if order is None:
        raise unknown("order", order_id, session.scalars(select(Order.id)))
    return order


def list_orders(
    session: Session, *, kind: OrderKind | None = None, tenant_id: str | None = None
) -> Sequence[Order]:
    """The newest first."""
    statement = select(Order).order_by(Order.requested_at.desc(), Order.id)
    if kind is not None:
        statement = statement.where(Order.kind == kind)
    if tenant_id is not None:
        statement = statement.where(Order.tenant_id == tenant_id)
    return session.scalars(statement).all()


def orders_over(session: Session, extent: Extent) -> list[Order]:
    """Confirmed deletions that are not done and reach anything of the extent."""
    statement = (
        select(Order)
        .options(load_only(*_SEEN_BY_RUNS))
        .where(
            Order.tenant_id == extent.tenant,
            Order.kind == OrderKind.DELETION,
            Order.state.in_(UNDER_ORDER),
        )
    )
    return [order for order in session.scalars(statement) if extent_of(order).meets(extent)]


def without_deleted(session: Session, connections: Sequence[Connection]) -> list[Connection]:
    """Those that no confirmed deletion reaches whole."""
    statement = select(Order).where(
        Order.kind == OrderKind.DELETION,
        Order.state.in_(UNDER_ORDER),
        Order.stream.is_(None),
    )
    extents = [extent_of(order) for order in session.scalars(statement)]
    return [
        connection
        for connection in connections
        if not any(
            extent.covers(Extent(tenant=connection.tenant_id, connection=connection.id))
            for extent in extents
        )
    ]


def preview_digest(preview: Mapping[str, Any]) -> str:
    """What a preview is confirmed by: the same for the same content, whatever its order.

    What stands below ``counts`` is shown and not confirmed: as long as syncs run, it changes from
    one minute to the next, and an order is for all of an extent, however much that is by now.
    """
    confirmed = {name: value for name, value in preview.items() if name != "counts"}
    return hashlib.sha256(orjson.dumps(confirmed, option=orjson.OPT_SORT_KEYS)).hexdigest()


def record_preview(order: Order, preview: dict[str, Any], *, now: datetime) -> None:
    """After this the order can be confirmed by what was shown.

    Raises:
        RefusedError: it was confirmed before, or is over.
    """
    _require(order, UNCONFIRMED, "looked at anew")
    order.preview = preview
    order.preview_digest = preview_digest(preview)
    order.previewed_at = now
    order.state = OrderState.PREVIEWED


def confirm_order(
    order: Order,
    *,
    current: Mapping[str, Any],
    reach: dict[str, Any] | None,
    confirmed_by: str,
    now: datetime,
) -> None:
    """After this the order is carried out, at once and for good.

    ``current`` is what a preview would show now.

    Raises:
        RefusedError: nobody has looked at it lately, what it reaches has changed since then, or
            it was confirmed before.
    """
    _require(order, UNCONFIRMED, "confirmed")
    if order.previewed_at is None or now - order.previewed_at > PREVIEW_LIFE:
        raise RefusedError(f"Look at what order {order.id} would remove first: preview it.")
    if order.preview_digest != preview_digest(current):
        raise RefusedError(
            f"What order {order.id} reaches has changed since it was previewed: preview it again."
        )
    order.state = OrderState.CONFIRMED
    order.confirmed_by = confirmed_by
    order.confirmed_at = now
    order.reach = reach
    order.due_at = now


def begin_attempt(order: Order, *, now: datetime) -> int:
    """After this the order is being carried out; which try it is, from 1.

    Raises:
        RefusedError: it is not confirmed, or is over.
    """
    _require(order, UNDER_ORDER, "carried out")
    order.state = OrderState.RUNNING
    order.attempt += 1
    order.due_at = now + RUNNING_MAX
    order.detail = None
    return order.attempt


def keep_waiting(order: Order, detail: str, *, now: datetime) -> None:
    """Something could not be counted or removed: the order stays open, says so, and is tried again.

    The pause doubles with every try. An order that has ended meanwhile stays as it is.
    """
    if OrderState(order.state) in ENDED:
        return
    order.state = OrderState.WAITING
    # One try may wait for several things, and says so of each.
    order.detail = detail if order.detail is None else f"{order.detail} {detail}"
    order.due_at = now + min(RETRY_FIRST * 2 ** min(order.attempt, 10), RETRY_MAX)


def hold_back(order: Order, *, holds: Sequence[str], reach: dict[str, Any], detail: str) -> None:
    """After this a new order waits until one of these holds is released."""
    order.state = OrderState.HELD
    order.reach = {**reach, "holds": sorted(holds)}
    order.detail = detail


def let_go(session: Session, tenant_id: str, hold_id: str, *, now: datetime) -> list[str]:
    """After this what waited for the release of the hold is carried out; ids of the orders."""
    statement = (
        select(Order)
        .where(
            Order.tenant_id == tenant_id,
            Order.state == OrderState.HELD,
            Order.reach["holds"].contains([hold_id]),
        )
        .order_by(Order.id)
        .with_for_update()
    )
    orders = session.scalars(statement).all()
    for order in orders:
        order.state = OrderState.CONFIRMED
        order.detail = None
        # From here on nothing stands in its way, and it has as long as any other.
        order.confirmed_at = order.due_at = now
    return [order.id for order in orders]


def finish_order(order: Order, *, now: datetime) -> None:
    """It is done; what it had to know for that is forgotten."""
    order.state = OrderState.DONE
    order.detail = None
    order.sealed = None
    order.reach = None
    order.due_at = None
    order.finished_at = now


def withdraw_order(order: Order, *, now: datetime) -> None:
    """It will not be carried out.

    Raises:
        RefusedError: it was confirmed, so that a part of the data may be gone.
    """
    _require(order, UNCONFIRMED, "withdrawn")
    order.state = OrderState.WITHDRAWN
    order.sealed = None
    order.finished_at = now


def erasures_gone_with(session: Session, order: Order) -> Sequence[str]:
    """Ids of the erasures that have nothing left to do since a deletion of their whole tenant."""
    if order.kind != OrderKind.DELETION or order.connection_id is not None:
        return ()
    statement = select(Order.id).where(
        Order.tenant_id == order.tenant_id,
        Order.kind == OrderKind.ERASURE,
        Order.state == OrderState.WITHDRAWN,
    )
    return session.scalars(statement).all()


def due_orders(session: Session, kind: OrderKind, *, now: datetime, limit: int) -> Sequence[Order]:
    """Those to be carried out now, the longest waiting first: one indexed query."""
    statement = (
        select(Order)
        .where(Order.due_at <= now, Order.kind == kind)
        .order_by(Order.due_at)
        .limit(limit)
    )
    return session.scalars(statement).all()


def refuse_under_order(session: Session, extent: Extent) -> None:
    """Return if no deletion is under way that reaches all of the extent.

    A connection of which one stream is being deleted goes on with the others.

    Raises:
        RefusedError: there is one.
    """
    for order in orders_over(session, extent):
        if extent_of(order).covers(extent):
            raise RefusedError(
                f"A deletion is under way here (order {order.id}): nothing is taken in until it "
                "is done."
            )


def _open_deletion(session: Session, extent: Extent) -> Order:
    statement = select(Order).where(
        Order.kind == OrderKind.DELETION,
        Order.tenant_id == extent.tenant,
        Order.connection_id.is_not_distinct_from(extent.connection),
        Order.stream.is_not_distinct_from(extent.stream),
        Order.state.not_in(ENDED),
    )
    order = session.scalar(statement)
    if order is None:
        raise TenantActionError("Another order for the same has just ended: ask again.")
    return order


def _require(order: Order, states: frozenset[OrderState], what: str) -> None:
    if OrderState(order.state) not in states:
        raise RefusedError(f"Order {order.id} is {order.state}: it cannot be {what}.")
