"""What a sweep that removed anything is proved by: what its receipt will say."""

from collections.abc import Sequence
from typing import Final

from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import exemption
from coworker_pipelines.privacy.receipts.receipt import Exempt, Statement
from coworker_pipelines.privacy.retention.sweep import StreamSweep
from coworker_pipelines.privacy.targets import registry_digest

KIND: Final = "retention"


def proof_of(scope: Scope, swept: Sequence[StreamSweep]) -> Statement | None:
    """What the receipt of one connection's sweep says; ``None`` where nothing went.

    Nobody confirms a sweep: it is asked for, and goes ahead, when it begins.
    """
    outcomes = tuple(outcome for one in swept for outcome in one.outcomes())
    if not outcomes:
        return None
    holds = {hold.id: hold for one in swept if one.held for hold in one.holds}
    left = (exemption(holds[key]) for key in sorted(holds))
    began_at = min(one.began_at for one in swept)
    return Statement(
        order_id=new_id(IdPrefix.SWEEP),
        kind=KIND,
        extent=Extent(tenant=scope.tenant, connection=scope.connection),
        requested_at=began_at,
        confirmed_at=began_at,
        outcomes=outcomes,
        exemptions=tuple(Exempt(what=one.what, why=one.why, until=one.until) for one in left),
        registry=registry_digest(),
    )
