"""What a deletion has done so far: in the database before the next step begins."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.privacy.names import REGISTRATION
from coworker_pipelines.privacy.order_record import OrderRecord, outcomes_in_order
from coworker_pipelines.privacy.orders import extent_of, find_order
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
class DeletionRecord(OrderRecord):
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
            row = self.begun(session, order_id, entry.name, entry.method)
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


def outcomes_of(session: Session, order: Order) -> list[TargetOutcome]:
    """What was done to each target, in the registry's order.

    Raises:
        DefectError: a target was not cleared or not counted twice.
    """
    names = [entry.name for entry in targets_for(extent_of(order))]
    return outcomes_in_order(session, order.id, names)


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
