"""Before anything goes, nobody may write: the fence, and the runs that stand behind it."""

from abc import ABC, abstractmethod
from contextlib import ExitStack
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.connections import raise_epoch
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.privacy.orders import UNCONFIRMED, extent_of, withdraw_order
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.rows import Order

STOP_WAIT_S: Final = 3.0
"""How long writers are waited for; who has not ended by then is shut out all the same."""


class Runs(ABC):
    """The runs that work on connections."""

    @abstractmethod
    def stop(self, reached: Reached) -> bool:
        """None of them is queued or wanted any more; whether each has ended.

        Raises:
            RetryLaterError: whoever keeps them does not answer.
        """


class NoRuns(Runs):
    """Of a deployment that has run nothing."""

    def stop(self, reached: Reached) -> bool:
        assert reached
        return True


def raise_epochs(session: Session, reached: Reached, *, now: datetime) -> None:
    """After this no writer that began before commits anything, and no sync is due.

    A connection whose epoch was raised by an earlier try stays as it is.
    """
    statement = select(Connection).where(
        Connection.id.in_([connection.id for connection in reached.connections])
    )
    epochs = {connection.id: connection.epoch for connection in reached.connections}
    for connection in session.scalars(statement.order_by(Connection.id)):
        if connection.epoch == epochs[connection.id]:
            raise_epoch(session, connection)
        connection.paused_at = connection.paused_at or now
        connection.due_at = None
        # Nobody is to mint a key for it any more.
        connection.key_expires_at = None


def withdraw_narrower(session: Session, order: Order, *, now: datetime) -> None:
    """Orders within this one's extent that nobody confirmed have nothing left to ask for."""
    statement = select(Order).where(
        Order.tenant_id == order.tenant_id, Order.state.in_(UNCONFIRMED), Order.id != order.id
    )
    for narrower in session.scalars(statement.with_for_update()):
        if extent_of(order).covers(extent_of(narrower)):
            withdraw_order(narrower, now=now)


def writers_are_gone(database: Database, reached: Reached) -> bool:
    """Whether every connection's lock was free: who writes, holds it until his process ends."""
    wait_s = STOP_WAIT_S
    for connection in reached.connections:
        with ExitStack() as stack:
            try:
                stack.enter_context(database.connection_lock(connection.id, wait_s=wait_s))
            except RetryLaterError:
                return False
        wait_s = 0.5
    return True
