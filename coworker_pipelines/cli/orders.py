"""What `coworker deletions` and `coworker erasures` say of an order in the same way."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from coworker_pipelines.cli.opening import opened
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.privacy.orders import OrderKind, OrderState, find_order, list_orders
from coworker_pipelines.privacy.rows import Order, OrderTarget

OrderId = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id, as `request` says.")]
Described = Callable[[Order], dict[str, Any]]


def order_of_kind(session: Session, order_id: str, kind: OrderKind, *, lock: bool = False) -> Order:
    """The order.

    Raises:
        TenantActionError: there is none, or it is of the other kind.
    """
    order = find_order(session, order_id, lock=lock)
    if order.kind != kind:
        raise TenantActionError(f"Order {order_id} is no {kind}.")
    return order


def rows_of_kind(kind: OrderKind, tenant: str | None, described: Described) -> list[dict[str, Any]]:
    """All orders of a kind, or the tenant's, the newest first."""
    with opened() as platform, platform.database.control() as session:
        tenant_id = find_tenant(session, tenant).id if tenant else None
        found = list_orders(session, kind=kind, tenant_id=tenant_id)
        return [described(order) for order in found]


def open_for_s(order: Order) -> int | None:
    """Seconds since it was confirmed, as long as it is not done."""
    if order.confirmed_at is None or order.state == OrderState.DONE:
        return None
    return round((datetime.now(UTC) - order.confirmed_at).total_seconds())


def target_row(row: OrderTarget) -> dict[str, Any]:
    return {
        "target": row.target,
        "method": row.method,
        "matched": row.matched,
        "deleted": row.deleted,
        "masked": row.masked,
        "left_first": row.left_first,
        "left_second": row.left_second,
    }
