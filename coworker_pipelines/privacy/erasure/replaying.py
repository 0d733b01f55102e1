"""An erasure that a restored copy does not know, carried out again."""

from dataclasses import dataclass

from coworker_pipelines.connections.rows import Tenant
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.privacy.erasure.carrying_out import ErasureWork
from coworker_pipelines.privacy.restore.entries import Entry
from coworker_pipelines.privacy.restore.replay import Replayer

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ErasureReplayer(Replayer):
    """With the same hands as the erasure itself, by the keys alone: the journal names nobody.

    What a hold of the restored copy keeps stays there: somebody has to look at it, and is told.
    """

    work: ErasureWork

    def replay(self, entry: Entry) -> None:
        with self.work.database.privacy() as session:
            if session.get(Tenant, entry.tenant) is None:
                return
        touched: set[str] = set()
        holdings = self.work.hands.at_each_place(
            entry.tenant, frozenset(entry.content["people"]), touching=touched.update
        )
        for name, holding in holdings.items():
            holding.take_out(lambda _: None)
            if left := holding.count():
                raise RetryLaterError(f"Of order {entry.order_id} {left} are left in {name}.")
            for hold in holding.kept():
                log.warning("erased_data_under_hold", order=entry.order_id, hold=hold.id)
        self.work.expunge_indices(sorted(touched))
