"""What an erasure has done so far, in the database before the next step begins."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.privacy.deletion.record import target_rows
from coworker_pipelines.privacy.erasure.holding import Taken
from coworker_pipelines.privacy.names import ERASED_FIRST, READ_BY_ALL
from coworker_pipelines.privacy.orders import find_order
from coworker_pipelines.privacy.outcomes import TargetOutcome
from coworker_pipelines.privacy.rows import Order, OrderTarget

METHODS = {
    "documents": "about or by the person: deleted; mentions masked; bytes expunged",
    "activities": "rewritten without the person; bytes expunged",
    "decisions": "emptied of what is personal; the chain still verifies",
    "rejected": "opened, and deleted",
    "segments": "dropped, to be read again without the person",
}


@dataclass(frozen=True, slots=True)
class ErasureRecord:
    database: Database
    clock: Clock

    def began(self, order_id: str, name: str) -> None:
        with self.database.privacy() as session:
            if session.get(OrderTarget, (order_id, name)) is None:
                session.add(
                    OrderTarget(
                        order_id=order_id,
                        target=name,
                        method=METHODS[name],
                        matched=0,
                        deleted=0,
                        masked=0,
                        began_at=self.clock.now(),
                    )
                )

    def took(self, order_id: str, name: str, taken: Taken) -> None:
        """Adds up over all tries."""
        if taken == Taken():
            return
        with self.database.privacy() as session:
            row = session.get_one(OrderTarget, (order_id, name))
            row.deleted += taken.deleted
            row.masked += taken.masked
            row.matched = row.deleted + row.masked

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
    rows = {row.target: row for row in target_rows(session, order.id)}
    return [_outcome(name, rows.get(name)) for name in ERASED_FIRST]


def _with_indices(reach: dict[str, Any], indices: Iterable[str]) -> dict[str, Any]:
    return reach | {"touched": sorted({*reach.get("touched", ()), *indices})}


def _outcome(name: str, row: OrderTarget | None) -> TargetOutcome:
    if row is None or row.left_first is None or row.left_second is None or row.ended_at is None:
        raise DefectError(f"The place {name} was not counted twice.")
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
