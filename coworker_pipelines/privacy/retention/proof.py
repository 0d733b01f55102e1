"""What a sweep that removed anything leaves behind as proof: the port to receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy.orm import Session

from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import Exempted, exemption
from coworker_pipelines.privacy.outcomes import TargetOutcome
from coworker_pipelines.privacy.retention.sweep import StreamSweep

KIND: Final = "retention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One sweep of one connection; ``exemptions`` are the holds that kept spent documents."""

    sweep: str
    extent: Extent
    outcomes: tuple[TargetOutcome, ...]
    exemptions: tuple[Exempted, ...]
    began_at: datetime
    ended_at: datetime


class Issue(Protocol):
    """Makes the receipt; it is there when the transaction is."""

    def __call__(self, session: Session, proof: Proof, now: datetime) -> None: ...


def proof_of(scope: Scope, swept: Sequence[StreamSweep]) -> Proof | None:
    """``None`` where nothing went: there is nothing to prove."""
    outcomes = tuple(outcome for one in swept for outcome in one.outcomes())
    if not outcomes:
        return None
    holds = {hold.id: hold for one in swept if one.held for hold in one.holds}
    return Proof(
        sweep=new_id(IdPrefix.SWEEP),
        extent=Extent(tenant=scope.tenant, connection=scope.connection),
        outcomes=outcomes,
        exemptions=tuple(exemption(holds[key]) for key in sorted(holds)),
        began_at=min(one.began_at for one in swept),
        ended_at=max(one.ended_at for one in swept),
    )
