"""An erasure that a restored copy does not know, carried out again."""

from dataclasses import dataclass

from coworker_pipelines.connections.holds import Hold
from coworker_pipelines.connections.rows import Tenant
from coworker_pipelines.connections.tenants import tenant_keys
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.privacy.erasure.carrying_out import ErasureWork
from coworker_pipelines.privacy.erasure.rests import keep_restored_rest
from coworker_pipelines.privacy.restore.entries import Entry
from coworker_pipelines.privacy.restore.replay import Replayer
from coworker_pipelines.secrets.cipher import Cipher

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ErasureReplayer(Replayer):
    """With the same hands as the erasure itself, by the keys alone: the journal names nobody.

    What a hold keeps stays there, and goes by an order of its own when the hold is released.
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
        kept: set[Hold] = set()
        for name, holding in holdings.items():
            holding.take_out(lambda _: None)
            if left := holding.count():
                raise RetryLaterError(f"Of order {entry.order_id} {left} are left in {name}.")
            kept |= holding.kept()
        self.work.expunge_indices(sorted(touched))
        if kept:
            self._keep_rest(entry, kept)

    def _keep_rest(self, entry: Entry, kept: set[Hold]) -> None:
        for hold in kept:
            log.warning("erased_data_under_hold", order=entry.order_id, hold=hold.id)
        with self.work.database.privacy() as session:
            keys = tenant_keys(session, self.work.master, entry.tenant)
            keep_restored_rest(
                session,
                entry.tenant,
                entry.order_id,
                entry.content["people"],
                Cipher(keys.data),
                holds=kept,
                clock=self.work.clock,
            )
