"""The life of a deletion, from the request to the receipt."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from coworker_pipelines.connections.holds import keep_holds_still
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.connections.selections import (
    add_selection,
    current_selection,
    selected_streams,
)
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.privacy.deletion.previewing import counts_of, scope_of
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import refuse_under_holds
from coworker_pipelines.privacy.orders import (
    OrderKind,
    confirm_order,
    extent_of,
    find_order,
    record_preview,
    request_order,
)
from coworker_pipelines.privacy.reached import Reached, reached_by
from coworker_pipelines.privacy.rows import Order
from coworker_pipelines.privacy.targets import Remover

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an order would remove, by target; ``None`` where that cannot be counted now."""

    order: str
    reached: Reached
    counts: Mapping[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletions:
    """The control plane's half: orders are made and confirmed. Nothing is removed here."""

    database: Database
    removers: Mapping[str, Remover]
    clock: Clock

    def request(self, extent: Extent, *, reason: str, requested_by: str) -> str:
        """The id of the order; a second request for the same joins the first.

        Raises:
            TenantActionError: there is no such thing to delete.
        """
        if not reason.strip():
            raise TenantActionError("Say why: a deletion is asked for with a reason.")
        with self.database.control() as session:
            reached_by(session, extent)
            order = request_order(
                session,
                kind=OrderKind.DELETION,
                extent=extent,
                reason=reason,
                requested_by=requested_by,
                now=self.clock.now(),
            )
            return order.id

    def preview(self, order_id: str) -> Preview:
        """Show what would go, and keep what was shown; changes nothing else.

        Raises:
            RefusedError: the order was confirmed already, or is over.
        """
        with self.database.control() as session:
            reached = reached_by(session, extent_of(_deletion(session, order_id)))
            scope = scope_of(session, reached)
        counts = counts_of(reached, self.removers)
        with self.database.control() as session:
            order = _deletion(session, order_id, lock=True)
            record_preview(order, {**scope, "counts": counts}, now=self.clock.now())
        return Preview(order=order_id, reached=reached, counts=counts)

    def confirm(self, order_id: str, *, typed: str, confirmed_by: str) -> None:
        """After this the deletion is carried out and cannot be taken back.

        ``typed`` is the tenant's short name, which whoever confirms writes out.

        Raises:
            RefusedError: the name is another's; or the order was not previewed lately, or reaches
                something else than was shown, or something that is under a hold.
        """
        now = self.clock.now()
        with self.database.control() as session:
            order = _deletion(session, order_id, lock=True)
            reached = reached_by(session, extent_of(order))
            if typed != reached.slug:
                raise RefusedError(
                    "That is not the tenant's short name: write it out, so that it is sure whose "
                    "data goes."
                )
            # No hold is placed until this is committed; from then on one is refused.
            keep_holds_still(session, order.tenant_id)
            refuse_under_holds(session, extent_of(order))
            confirm_order(
                order,
                current=scope_of(session, reached),
                reach=reached.to_json(),
                confirmed_by=confirmed_by,
                now=now,
            )
            if reached.extent.stream is not None:
                take_out(session, reached, made_by=confirmed_by, now=now)
        log.info("deletion_confirmed", order=order_id)


def _deletion(session: Session, order_id: str, *, lock: bool = False) -> Order:
    order = find_order(session, order_id, lock=lock)
    if order.kind != OrderKind.DELETION:
        raise RefusedError(f"Order {order_id} is no deletion.")
    return order


def take_out(session: Session, reached: Reached, *, made_by: str, now: datetime) -> None:
    """The stream is not let in any more: what is deleted must not come back with the next sync."""
    connection = session.get(Connection, reached.connections[0].id)
    if connection is None:
        return
    streams = dict(selected_streams(current_selection(session, connection.id)))
    if reached.extent.stream not in streams:
        return
    del streams[reached.extent.stream]
    selection = add_selection(session, connection, streams, made_by=made_by, now=now)
    # The order itself removes what is stored of it.
    selection.applied_at = now
