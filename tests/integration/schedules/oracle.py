"""What must be gone after a schedule, and what must be there: asked of every place there is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg
from psycopg import sql
from sqlalchemy import func, select

from coworker_pipelines.connections.tenants import tenant_keys
from coworker_pipelines.documents import names
from coworker_pipelines.documents.across import Hit, find_across
from coworker_pipelines.documents.reader import EVERYTHING, StoredDocument
from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.extraction.masking import MARK
from coworker_pipelines.extraction.payload import canonical_payload
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.orders import OrderState, find_order
from coworker_pipelines.privacy.restore.journal import frontier, last_number
from coworker_pipelines.privacy.rows import ReceiptRow
from coworker_pipelines.privacy.targets import targets_for
from coworker_pipelines.sdk.stream import IdentifierKind
from tests.integration.schedules.player import FEBRUARY, Ordered, Player
from tests.integration.schedules.sources import STAFF, address, is_named
from tests.integration.schedules.stage import Place
from tests.integration.world import MARCH

_ABOUT: Final = ("email", "customer_email")


@dataclass(frozen=True, slots=True)
class Oracle:
    """Judges what a player's orders have left."""

    player: Player

    def require_gone(self) -> None:
        """No target answers for what was deleted, and every order has its one receipt."""
        for order in self.player.orders:
            self._require_one_receipt(order)
            if order.reached is None:
                self._require_person_gone(order)
            else:
                self._require_extent_gone(order)
        self._require_journal_done()
        self._require_no_address_outside()

    def require_rest(self) -> None:
        """Whatever no order reaches is stored exactly as its source has it, and nothing else."""
        for tenant in self.player.stage.tenants.values():
            hits = list(self._everything(tenant))
            places = [one for one in self.player.stage.places.values() if one.tenant == tenant]
            known = {one.connection for one in places}
            strangers = {hit.index for hit in hits} - {
                hit.index for hit in hits if hit.index.split(".")[2] in known
            }
            assert not strangers, f"{strangers} belong to no connection"
            for place in places:
                self._require_stored(place, [hit for hit in hits if place.connection in hit.index])

    def _require_extent_gone(self, order: Ordered) -> None:
        assert order.reached is not None
        if order.extent.stream is not None and self._is_let_in_again(order):
            return
        removers = self.player.stage.deletion_work.removers
        left = {
            entry.name: removers[entry.name].count(order.reached)
            for entry in targets_for(order.extent)
        }
        assert not any(left.values()), f"{order.id} has left {left}"

    def _is_let_in_again(self, order: Ordered) -> bool:
        return any(
            order.extent.stream in place.streams
            for place in self.player.stage.places.values()
            if place.connection == order.extent.connection
        )

    def _require_person_gone(self, order: Ordered) -> None:
        stage = self.player.stage
        if order.extent.tenant not in stage.tenants.values():
            return
        assert order.person is not None
        with stage.platform.database.privacy() as session:
            keys = tenant_keys(session, stage.platform.master, order.extent.tenant)
        named = address(order.person, self.player.seed)
        key = subject_key_of(IdentifierKind.EMAIL, named, keys.subject)
        assert key is not None
        holdings = stage.erasure_work.hands.at_each_place(
            order.extent.tenant, frozenset({key}), touching=lambda _: None
        )
        left = {name: holdings[name].count() for name in ("documents", "activities", "rejected")}
        assert not any(left.values()), f"{order.id} has left {left}"
        said = [
            hit.index
            for hit in self._everything(order.extent.tenant)
            if is_named(order.person, self.player.seed).search(orjson.dumps(hit.source).decode())
        ]
        assert not said, f"{order.id} has left the address in {said}"

    def _require_one_receipt(self, order: Ordered) -> None:
        """An erasure may have ended without one, with its tenant: that one's receipt is there."""
        with self.player.stage.platform.database.privacy() as session:
            row = find_order(session, order.id)
            session.expunge(row)
            counted = select(func.count()).select_from(ReceiptRow)
            found = session.scalar(counted.where(ReceiptRow.order_id == order.id))
            assert (row.sealed, row.reach, row.detail) == (None, None, None), order
            if order.extent.tenant in self.player.stage.tenants.values():
                expected = OrderState.DONE
            else:
                expected = OrderState.DONE if found else OrderState.WITHDRAWN
                assert (row.reason, row.stream) == ("", None), f"{order.id} names the client"
                assert found or order.person is not None, order
        assert row.state == expected, f"{order.id} is {row.state}"
        assert found == (1 if expected == OrderState.DONE else 0), f"{order.id}: {found} receipts"

    def _require_journal_done(self) -> None:
        """Of a copy of Elasticsearch that is put back, every removal so far is asked for."""
        with self.player.stage.platform.database.privacy() as session:
            assert frontier(session) == last_number(session), "the journal waits for an order"

    def _require_no_address_outside(self) -> None:
        """Neither our database nor a file of ours holds anybody's address in the clear."""
        word = f".s{self.player.seed}@example"
        stage = self.player.stage
        assert stage.settings.database_url is not None
        url = stage.settings.database_url.replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            found = [table for table in _tables(connection) if _holds(connection, table, word)]
        assert not found, f"tables {found} hold an address"
        files = [
            path
            for path in Path(stage.settings.state).rglob("*")
            if path.is_file() and word.encode() in path.read_bytes().lower()
        ]
        assert not files, f"{files} hold an address"

    def _everything(self, tenant: str) -> Iterator[Hit]:
        admin = self.player.stage.platform.admin
        for page in find_across(admin, names.tenant_pattern(tenant), EVERYTHING):
            yield from page

    def _require_stored(self, place: Place, hits: list[Hit]) -> None:
        documents = [hit for hit in hits if names.holds_documents(hit.index)]
        told = {hit.source["document_key"] for hit in hits if hit not in documents}
        scope = Scope(tenant=place.tenant, connection=place.connection, epoch=1)
        erased = self._erased_in(place)
        for stream in place.source.streams:
            index = names.documents_index(scope, stream).rpartition(".")[0]
            stored = dict(_stored(hit, self.player.seed) for hit in documents if index in hit.index)
            stored.pop("", None)
            expected = self._expected(place, stream, erased) if stream in place.streams else {}
            assert stored == expected, f"{place.handle} {stream} differs from its source"
            assert expected.keys() <= told, f"{place.handle} {stream} has not told all of it"

    def _erased_in(self, place: Place) -> list[int]:
        return [
            order.person
            for order in self.player.orders
            if order.person is not None and order.extent.tenant == place.tenant
        ]

    def _expected(self, place: Place, stream: str, erased: list[int]) -> dict[str, bytes]:
        windows: tuple[Window, ...] = (MARCH,)
        if place.is_backfilled and stream != STAFF:
            windows = (FEBRUARY, MARCH)
        found: dict[str, bytes] = {}
        for key, payload in self.player.stage.rows(place, stream, windows).items():
            row = _without(orjson.loads(payload), erased, self.player.seed)
            if row is not None:
                found[key] = canonical_payload(row)
        return found


def _stored(hit: Hit, seed: int) -> tuple[str, bytes]:
    """By key; what an earlier schedule has left has none."""
    document = StoredDocument.from_source(hit.source)
    is_own = document.key.startswith(f"s{seed}-")
    return (document.key if is_own else ""), document.payload_bytes


def _without(row: dict[str, Any], erased: list[int], seed: int) -> dict[str, Any] | None:
    for person in erased:
        named = is_named(person, seed)
        if any(named.fullmatch(row.get(field) or "") for field in _ABOUT):
            return None
        row = {**row, "note": named.sub(MARK, row["note"])}
    return row


def _tables(connection: psycopg.Connection) -> list[str]:
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return [name for (name,) in found]


def _holds(connection: psycopg.Connection, table: str, word: str) -> bool:
    statement = sql.SQL("SELECT 1 FROM {} AS t WHERE position({} IN lower(t::text)) > 0").format(
        sql.Identifier(table), sql.Literal(word)
    )
    return connection.execute(statement).fetchone() is not None
