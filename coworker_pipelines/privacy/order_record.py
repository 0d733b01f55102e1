"""What carrying out an order has done so far: in the database before the next step begins.

The half that deletions and erasures have in common.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import CoworkerError, DefectError, RetryLaterError
from coworker_pipelines.privacy.exemptions import Exempted
from coworker_pipelines.privacy.holds import Exempted as KeptUnderHold
from coworker_pipelines.privacy.orders import find_order, keep_waiting
from coworker_pipelines.privacy.outcomes import TargetOutcome
from coworker_pipelines.privacy.rows import Order, OrderTarget

ORDER_LOCK_WAIT_S: Final = 5.0


class Issue(Protocol):
    """Makes the receipt, in the transaction that ends the order."""

    def __call__(
        self,
        session: Session,
        order: Order,
        outcomes: Sequence[TargetOutcome],
        exemptions: Sequence[Exempted | KeptUnderHold],
        now: datetime,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class OrderRecord:
    database: Database
    clock: Clock

    @contextmanager
    def alone(self, order_id: str) -> Iterator[None]:
        """Two who carry out one order follow one another."""
        with self.database.connection_lock(order_id, wait_s=ORDER_LOCK_WAIT_S):
            yield

    @contextmanager
    def waiting_for(self, order_id: str, what: str) -> Iterator[None]:
        """What stops the phase keeps the order open, and is told by the order itself."""
        try:
            yield
        except CoworkerError as error:
            if isinstance(error, DefectError):
                raise
            sentence = f"It waits for {what}: {error}"
            with self.database.privacy() as session:
                keep_waiting(
                    find_order(session, order_id, lock=True), sentence, now=self.clock.now()
                )
            raise RetryLaterError(sentence) from error

    def counts(self, order_id: str) -> dict[str, int]:
        """How much of each target is gone."""
        with self.database.privacy() as session:
            return {row.target: row.deleted for row in target_rows(session, order_id)}

    def begun(self, session: Session, order_id: str, name: str, method: str) -> OrderTarget:
        """The target's row, which is there from now on."""
        row = session.get(OrderTarget, (order_id, name))
        if row is None:
            row = OrderTarget(
                order_id=order_id,
                target=name,
                method=method,
                matched=0,
                deleted=0,
                masked=0,
                began_at=self.clock.now(),
            )
            session.add(row)
        return row


def target_rows(session: Session, order_id: str) -> Sequence[OrderTarget]:
    return session.scalars(select(OrderTarget).where(OrderTarget.order_id == order_id)).all()


def outcomes_in_order(session: Session, order_id: str, names: Sequence[str]) -> list[TargetOutcome]:
    """What was done to each of the targets.

    Raises:
        DefectError: one was not cleared or not counted twice.
    """
    rows = {row.target: row for row in target_rows(session, order_id)}
    return [_outcome(name, rows.get(name)) for name in names]


def _outcome(name: str, row: OrderTarget | None) -> TargetOutcome:
    if row is None or row.left_first is None or row.left_second is None or row.ended_at is None:
        raise DefectError(f"The target {name} was not counted twice.")
    return TargetOutcome(
        target=row.target,
        method=row.method,
        matched=row.matched,
        deleted=row.deleted,
        masked=row.masked,
        left_first=row.left_first,
        left_second=row.left_second,
        began_at=row.began_at,
        ended_at=row.ended_at,
    )
