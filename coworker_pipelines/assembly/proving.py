"""What is written down of a deletion: in the journal before it begins, in a receipt at its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from coworker_pipelines.assembly.safeguards import Safeguards
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.privacy.exemptions import Exempted
from coworker_pipelines.privacy.holds import Exempted as KeptUnderHold
from coworker_pipelines.privacy.orders import erasures_gone_with, extent_of, find_order
from coworker_pipelines.privacy.outcomes import TargetOutcome
from coworker_pipelines.privacy.receipts.receipt import Exempt, Statement
from coworker_pipelines.privacy.restore.entries import EntryKind
from coworker_pipelines.privacy.rows import Order
from coworker_pipelines.privacy.targets import registry_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Proving:
    database: Database
    safeguards: Safeguards
    clock: Clock

    def announce(self, order_id: str) -> None:
        """After this the order rests in the journal; it is committed here before it is there."""
        with self.database.privacy() as session:
            order = find_order(session, order_id)
            self.safeguards.journal.record(
                session,
                kind=EntryKind.DELETION,
                order_id=order.id,
                tenant=order.tenant_id,
                content={
                    "connection": order.connection_id,
                    "stream": order.stream,
                    "reach": order.reach,
                },
                now=self.clock.now(),
            )
        self.publish()

    def publish(self) -> None:
        with self.database.privacy() as session:
            self.safeguards.journal.publish(session)

    def issue(
        self,
        session: Session,
        order: Order,
        outcomes: Sequence[TargetOutcome],
        exemptions: Sequence[Exempted | KeptUnderHold],
        now: datetime,
    ) -> None:
        """The receipt is there with the transaction; the cluster says what it has seen before.

        Raises:
            DefectError: a target reported survivors.
        """
        if order.confirmed_at is None:
            raise DefectError("A receipt was asked for, and nobody confirmed the order.")
        statement = Statement(
            order_id=order.id,
            kind=order.kind,
            extent=extent_of(order),
            requested_at=order.requested_at,
            confirmed_at=order.confirmed_at,
            outcomes=tuple(outcomes),
            exemptions=tuple(_exempt(one, now) for one in exemptions),
            registry=registry_digest(),
            **_of_an_erasure(order),
        )
        self.safeguards.receipts.issue(session, statement, now=now)
        # What was taken out for an erasure is gone with the tenant, and was counted with it.
        within = erasures_gone_with(session, order)
        self.safeguards.instance.finish(session, [order.id, *within], now=now)


def _of_an_erasure(order: Order) -> dict[str, Any]:
    """What an erasure has noted of itself; a deletion notes nothing of the kind."""
    noted = order.reach or {}
    moments: dict[str, Any] = {
        name: datetime.fromisoformat(noted[name])
        for name in ("unreadable_since", "bytes_gone_since")
        if name in noted
    }
    return {**moments, "commitment": noted.get("commitment")}


def _exempt(left: Exempted | KeptUnderHold, now: datetime) -> Exempt:
    match left:
        case KeptUnderHold():
            until: date | None = left.until
        case Exempted():
            until = None if left.days is None else (now + timedelta(days=left.days)).date()
    return Exempt(what=left.what, why=left.why, until=until)
