"""What a deletion has done so far: in the database before the next step begins."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import CoworkerError, DefectError, RetryLaterError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.privacy.names import REGISTRATION
from coworker_pipelines.privacy.orders import extent_of, find_order, keep_waiting
from coworker_pipelines.privacy.outcomes import TargetOutcome
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.rows import Order, OrderTarget
from coworker_pipelines.privacy.targets import Target, targets_for

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a target is, for whoever watches."""

    target: str
    matched: int
    left: int


@dataclass(frozen=True, slots=True)
class DeletionRecord:
    database: Database
    clock: Clock

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

    def settling(self, order_id: str, at: datetime) -> None:
        """The last writer's last request is over then."""
        with self.database.privacy() as session:
            order = find_order(session, order_id, lock=True)
            order.reach = {**(order.reach or {}), "settled_at": at.isoformat()}

    def found(self, order_id: str, entry: Target, found: int, *, again: bool = False) -> None:
        """Before anything goes: what was found is what a receipt has to account for.

        Of what a try before has found, the rest is no more than what is found now.
        """
        with self.database.privacy() as session:
            row = session.get(OrderTarget, (order_id, entry.name))
            if row is None:
                row = OrderTarget(
                    order_id=order_id,
                    target=entry.name,
                    method=entry.method,
                    matched=0,
                    deleted=0,
                    masked=0,
                    began_at=self.clock.now(),
                )
                session.add(row)
            row.matched = row.matched + found if again else max(row.matched, found)

    def cleared(self, order_id: str, name: str, left: int) -> Progress:
        """The first count."""
        with self.database.privacy() as session:
            row = session.get_one(OrderTarget, (order_id, name))
            row.deleted = row.matched - left
            row.left_first = left
            row.ended_at = self.clock.now()
            log.info("target_cleared", order=order_id, target=name, matched=row.matched)
            return Progress(target=name, matched=row.matched, left=left)

    def counted_again(self, order_id: str, name: str) -> None:
        """The second count: it found nothing."""
        with self.database.privacy() as session:
            row = session.get_one(OrderTarget, (order_id, name))
            row.left_second = 0
            row.ended_at = self.clock.now()

    def counts(self, order_id: str) -> dict[str, int]:
        """How much of each target is gone."""
        with self.database.privacy() as session:
            return {row.target: row.deleted for row in target_rows(session, order_id)}


def outcomes_of(session: Session, order: Order) -> list[TargetOutcome]:
    """What was done to each target, in the registry's order.

    Raises:
        DefectError: a target was not cleared or not counted twice.
    """
    rows = {row.target: row for row in target_rows(session, order.id)}
    return [_outcome(entry, rows.get(entry.name)) for entry in targets_for(extent_of(order))]


def names_are_free(session: Session, order_id: str) -> bool:
    """Whether the registration is gone, which comes when all else has been counted twice.

    Somebody else may have taken the names since then: nothing is looked for by them any more.
    """
    row = session.get(OrderTarget, (order_id, REGISTRATION))
    return row is not None and row.left_first == 0


def reached_of(order: Order) -> Reached:
    if order.reach is None:
        raise DefectError("An order that is carried out does not know what it reaches.")
    return Reached.from_json(extent_of(order), order.reach)


def settled_at_of(order: Order) -> datetime:
    assert order.reach is not None
    return datetime.fromisoformat(order.reach["settled_at"])


def target_rows(session: Session, order_id: str) -> Sequence[OrderTarget]:
    return session.scalars(select(OrderTarget).where(OrderTarget.order_id == order_id)).all()


def _outcome(entry: Target, row: OrderTarget | None) -> TargetOutcome:
    if row is None or row.left_first is None or row.left_second is None or row.ended_at is None:
        raise DefectError(f"The target {entry.name} was not counted twice.")
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
