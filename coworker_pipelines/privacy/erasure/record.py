"""What an erasure has done so far, in the database before the next step begins."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from coworker_pipelines.privacy.erasure.holding import Taken
from coworker_pipelines.privacy.names import ERASED_FIRST, READ_BY_ALL
from coworker_pipelines.privacy.order_record import OrderRecord, outcomes_in_order, target_rows
from coworker_pipelines.privacy.orders import find_order
from coworker_pipelines.privacy.outcomes import TargetOutcome
from coworker_pipelines.privacy.rows import Order, OrderTarget

METHODS = {
    "documents": "about or by the person: deleted; mentions masked; bytes expunged",
    "activities": "rewritten without the person; bytes expunged",
    "outbox": "emptied of what is personal; what was not done yet is not done any more",
    "effects": "deleted",
    "decisions": "emptied of what is personal; the chain still verifies",
    "rejected": "opened, and deleted",
    "segments": "dropped, to be read again without the person",
}


@dataclass(frozen=True, slots=True)
class ErasureRecord(OrderRecord):
    def began(self, order_id: str, name: str) -> None:
        with self.database.privacy() as session:
            self.begun(session, order_id, name, METHODS[name])

    def took(self, order_id: str, name: str, taken: Taken) -> None:
        """Adds up over all tries."""
        if taken == Taken():
            return
        with self.database.privacy() as session:
            row = session.get_one(OrderTarget, (order_id, name))
            row.deleted += taken.deleted
            row.masked += taken.masked
            row.matched = row.deleted + row.masked

    def freed(self, order_id: str, messages: int) -> None:
        """Messages that went out together with their documents, before their own turn."""
        if messages:
            self.began(order_id, "activities")
            self.took(order_id, "activities", Taken(masked=messages))

    def counted(self, order_id: str, name: str, left: int, *, again: bool) -> None:
        with self.database.privacy() as session:
            row = session.get_one(OrderTarget, (order_id, name))
            row.ended_at = self.clock.now()
            if again:
                row.left_second = left
            else:
                row.left_first = left

    def is_unreadable(self, order_id: str) -> bool:
        """Whether every place that can be read was cleared and counted."""
        with self.database.privacy() as session:
            clear = {row.target for row in target_rows(session, order_id) if row.left_first == 0}
        return clear.issuperset(READ_BY_ALL)

    def scanned(self, order_id: str, documents: int) -> None:
        """How far a deep scan is, for whoever watches."""
        with self.database.privacy() as session:
            row = session.get_one(OrderTarget, (order_id, "documents"))
            row.detail = f"{documents} documents scanned"

    def touched(self, order_id: str, indices: Iterable[str]) -> None:
        """Before they are changed: their bytes have to go, whatever happens."""
        self._note(order_id, lambda reach: _with_indices(reach, indices))

    def noted(self, order_id: str, **times: datetime) -> None:
        texts = {name: moment.isoformat() for name, moment in times.items()}
        self._note(order_id, lambda reach: reach | texts)

    def reach(self, order_id: str) -> dict[str, Any]:
        with self.database.privacy() as session:
            return dict(find_order(session, order_id).reach or {})

    def _note(self, order_id: str, change: Any) -> None:
        with self.database.privacy() as session:
            order = find_order(session, order_id, lock=True)
            reach = dict(order.reach or {})
            changed = change(reach)
            if changed != reach:
                order.reach = changed


def erased_outcomes(session: Session, order: Order) -> Sequence[TargetOutcome]:
    """What was done to each place, in the registry's order.

    Raises:
        DefectError: a place was not cleared or not counted twice.
    """
    return outcomes_in_order(session, order.id, ERASED_FIRST)


def _with_indices(reach: dict[str, Any], indices: Iterable[str]) -> dict[str, Any]:
    return reach | {"touched": sorted({*reach.get("touched", ()), *indices})}
