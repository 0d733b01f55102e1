"""An erasure in small, over a world: what a replay has to do again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from coworker_pipelines.assembly import Platform
from coworker_pipelines.documents import names
from coworker_pipelines.documents.removal import delete_keys
from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.outcomes import TargetOutcome
from coworker_pipelines.privacy.receipts.receipt import Receipt, Statement
from coworker_pipelines.privacy.restore.entries import Entry, EntryKind
from coworker_pipelines.privacy.restore.replay import Replayer
from coworker_pipelines.privacy.suppression.suppressions import SuppressionOrder, suppress
from coworker_pipelines.sdk.stream import IdentifierKind
from tests.integration.world import NOW, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasing(Replayer):
    """Removes documents that name a person's key, from one stream of one connection."""

    world: World
    handle: str
    stream: str

    def key_of(self, address: str) -> str:
        with self.world.opened() as platform:
            subject_key = platform.credentials(platform.scope_of(self.handle)).keys.subject
        key = subject_key_of(IdentifierKind.EMAIL, address, subject_key)
        assert key is not None
        return key

    def suppress(self, order_id: str, key: str) -> None:
        """Nothing is removed; but nothing more of the person is taken in."""
        with self.world.opened() as platform:
            scope = platform.scope_of(self.handle)
            order = SuppressionOrder(
                order_id=order_id,
                extent=Extent(tenant=scope.tenant),
                reason="erased on request",
                made_by="ann",
                people=frozenset({key}),
            )
            with platform.database.privacy() as session:
                suppress(session, platform.safeguards.journal, order, now=NOW)
            _publish(platform)

    def erase(self, order_id: str, address: str) -> Receipt:
        """The order whole: noted, suppressed, removed, marked, and its receipt."""
        key = self.key_of(address)
        with self.world.opened() as platform:
            scope, safeguards = platform.scope_of(self.handle), platform.safeguards
            with platform.database.privacy() as session:
                safeguards.journal.record(
                    session,
                    kind=EntryKind.ERASURE,
                    order_id=order_id,
                    tenant=scope.tenant,
                    content={"people": [key]},
                    now=NOW,
                )
            _publish(platform)
        self.suppress(order_id, key)
        removed = self._remove(key)
        with self.world.opened() as platform, platform.database.privacy() as session:
            receipt = platform.safeguards.receipts.issue(
                session, _statement(order_id, scope.tenant, removed), now=NOW
            )
            platform.safeguards.instance.finish(session, [order_id], now=NOW)
        with self.world.opened() as platform:
            _publish(platform)
        return receipt

    def replay(self, entry: Entry) -> None:
        for key in entry.content["people"]:
            self._remove(key)

    def _remove(self, key: str) -> int:
        with self.world.opened() as platform, platform.open_holdings(self.handle) as holdings:
            found = [
                document.key
                for page in holdings.reader.scan(self.stream)
                for document in page
                if key in document.subject_keys
            ]
            writer = holdings.writer(names.documents_alias(holdings.scope, self.stream))
            removed = delete_keys(writer, found)
            writer.refresh()
            return removed


@contextmanager
def replaying(
    world: World, erasing: Erasing
) -> Iterator[tuple[Platform, dict[EntryKind, Replayer]]]:
    with world.opened() as platform:
        yield platform, {**platform.safeguards.replayers, EntryKind.ERASURE: erasing}


def _publish(platform: Platform) -> None:
    with platform.database.privacy() as session:
        platform.safeguards.journal.publish(session)


def _statement(order_id: str, tenant: str, removed: int) -> Statement:
    return Statement(
        order_id=order_id,
        kind="erasure",
        extent=Extent(tenant=tenant),
        requested_at=NOW,
        confirmed_at=NOW,
        outcomes=(
            TargetOutcome(
                target="documents",
                method="by key",
                matched=removed,
                deleted=removed,
                masked=0,
                left_first=0,
                left_second=0,
                began_at=NOW,
                ended_at=NOW,
            ),
        ),
        registry="0" * 64,
    )
