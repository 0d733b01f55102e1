"""How long deletions and erasures have been waiting, and for what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.privacy.orders import UNDER_ORDER, OrderKind, OrderState, due_orders
from coworker_pipelines.privacy.rows import Order

DONE_WITHIN: Final = timedelta(hours=1)
"""*Immediately* is what a client was promised; what takes longer has somebody to look at it."""
SHOWN_MAX: Final = 20
DUE_MAX: Final = 5
"""Deletions that are begun at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueOrder:
    """An order that is to be carried out now, by ids alone."""

    id: str
    tenant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Whether something holds, and in one sentence what was seen."""

    passed: bool
    summary: str
    metadata: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderClock:
    """``due`` are those that nobody is carrying out, the longest waiting first."""

    due: tuple[DueOrder, ...]
    in_time: Truth
    no_survivors: Truth


def order_clock(session: Session, kind: OrderKind, *, now: datetime) -> OrderClock:
    """What is true of all open orders of a kind."""
    statement = (
        select(Order)
        .where(Order.kind == kind, Order.state.in_(UNDER_ORDER))
        .order_by(Order.confirmed_at)
    )
    open_orders = session.scalars(statement).all()
    late = [order for order in open_orders if now - _confirmed(order) > DONE_WITHIN]
    waiting = [order for order in open_orders if order.state == OrderState.WAITING]
    due = due_orders(session, kind, now=now, limit=DUE_MAX)
    return OrderClock(
        due=tuple(DueOrder(id=order.id, tenant=order.tenant_id) for order in due),
        in_time=Truth(
            passed=not late,
            summary=f"{len(late)} of {len(open_orders)} open {kind}s are late.",
            metadata={"open": len(open_orders), "late": len(late), **_ages(open_orders, now)},
        ),
        no_survivors=Truth(
            passed=not waiting,
            summary=f"{len(waiting)} {kind}s wait for a place.",
            metadata={order.id: order.detail or "" for order in waiting[:SHOWN_MAX]},
        ),
    )


def _ages(orders: Sequence[Order], now: datetime) -> dict[str, str]:
    return {
        f"seconds since {order.id} was confirmed": str(
            round((now - _confirmed(order)).total_seconds())
        )
        for order in orders[:SHOWN_MAX]
    }


def _confirmed(order: Order) -> datetime:
    assert order.confirmed_at is not None
    return order.confirmed_at
