"""Suppressions: what a run reads of them, by whom they are lifted, and what stays on record."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from coworker_pipelines.connections.rows import Selection, SuppressedKey, Suppression
from coworker_pipelines.connections.suppression import (
    SuppressionList,
    SuppressionLists,
    document_token,
)
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError, TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.orders import OrderKind, OrderState, request_order
from coworker_pipelines.privacy.restore.entries import EntryKind
from coworker_pipelines.privacy.restore.journal import Journal
from coworker_pipelines.privacy.suppression.suppressions import (
    Lift,
    SuppressionOrder,
    count_keys,
    find_suppression,
    lift,
    list_suppressions,
    suppress,
)
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.segments.memory import MemorySegmentStore
from tests.connections.shop import NOW, add_shop, make_shop

ANN, BOB, CARL = ("a" * 32, "b" * 32, "c" * 32)
TOKEN = document_token(b"k", "acme.shop", "orders", "7")


@dataclass(frozen=True, slots=True)
class Kept:
    database: Database
    journal: Journal

    def suppress(self, order_id: str, extent: Extent, *people: str, **documents: str) -> str:
        order = SuppressionOrder(
            order_id=order_id,
            extent=extent,
            reason="erased on request",
            made_by="ann",
            people=frozenset(people),
            documents={stream: frozenset({token}) for stream, token in documents.items()},
        )
        with self.database.privacy() as session:
            return suppress(session, self.journal, order, now=NOW)

    def lift(self, suppression: str, reason: str = "it was somebody else") -> int:
        with self.database.control() as session:
            order = Lift(suppression=suppression, reason=reason, lifted_by="bob")
            return lift(session, self.journal, order, now=NOW + timedelta(days=1))

    def read(self, scope: Scope, stream: str, lists: SuppressionLists) -> SuppressionList:
        with self.database.tenant(scope.tenant) as session:
            return lists.current(session, scope, stream)


@pytest.fixture
def kept(database: Database) -> Kept:
    return Kept(database, Journal(MemorySegmentStore(), Cipher(bytes(32))))


def test_what_is_suppressed_holds_within_its_extent(kept: Kept) -> None:
    scope, foreign = make_shop(kept.database), make_shop(kept.database, "acme-corp")
    with kept.database.control() as session:
        sibling = add_shop(session, name="second").scope
    tenant, own = Extent(tenant=scope.tenant), scope.connection
    kept.suppress("o1", tenant, ANN)
    kept.suppress("o2", Extent(tenant=scope.tenant, connection=own), BOB)
    kept.suppress("o3", Extent(tenant=scope.tenant, connection=own, stream="orders"), CARL)
    kept.suppress("o4", tenant, orders=TOKEN)
    seen = {
        (place.connection, stream): "".join(
            name
            for name, key in zip("ABC", (ANN, BOB, CARL), strict=True)
            if kept.read(place, stream, SuppressionLists()).names_any([key])
        )
        for place in (scope, sibling, foreign)
        for stream in ("orders", "events")
    }
    assert seen == {
        (own, "orders"): "ABC",
        (own, "events"): "AB",
        (sibling.connection, "orders"): "A",
        (sibling.connection, "events"): "A",
        (foreign.connection, "orders"): "",
        (foreign.connection, "events"): "",
    }
    assert TOKEN in kept.read(sibling, "orders", SuppressionLists()).documents
    assert TOKEN not in kept.read(sibling, "events", SuppressionLists()).documents


def test_without_any_a_list_is_empty_and_costs_nothing(kept: Kept) -> None:
    scope = make_shop(kept.database)
    found = kept.read(scope, "orders", SuppressionLists())
    assert not found
    assert found.generation == 0


def test_a_list_is_read_again_only_when_it_has_changed(kept: Kept) -> None:
    scope = make_shop(kept.database)
    lists = SuppressionLists()
    made = kept.suppress("o1", Extent(tenant=scope.tenant), ANN)
    first = kept.read(scope, "orders", lists)
    assert kept.read(scope, "orders", lists).people[0] is first.people[0]
    kept.suppress("o1", Extent(tenant=scope.tenant), BOB)
    second = kept.read(scope, "orders", lists)
    assert second.names_any([BOB])
    assert second.names_any([ANN])
    assert second.generation > first.generation
    kept.lift(made)
    third = kept.read(scope, "orders", lists)
    assert not third
    assert third.generation > second.generation


def test_a_list_that_does_not_stand_still_is_for_later(kept: Kept) -> None:
    scope = make_shop(kept.database)
    kept.suppress("o0", Extent(tenant=scope.tenant), ANN)
    count = 0
    with kept.database.tenant(scope.tenant) as session:

        @event.listens_for(session.connection(), "after_cursor_execute")
        def change(*context: object) -> None:
            nonlocal count
            if "string_agg" in str(context[2]):
                count += 1
                kept.suppress(f"o{count}", Extent(tenant=scope.tenant), BOB)

        with pytest.raises(RetryLaterError, match="changes faster"):
            SuppressionLists().current(session, scope, "orders")


def test_a_lift_says_who_and_why_and_leaves_the_record(kept: Kept) -> None:
    scope = make_shop(kept.database)
    made = kept.suppress("o1", Extent(tenant=scope.tenant), ANN, BOB, orders=TOKEN)
    other = kept.suppress("o2", Extent(tenant=scope.tenant), BOB)
    with pytest.raises(RefusedError, match="Say why"):
        kept.lift(made, " ")
    assert kept.lift(made) == 3
    with kept.database.control() as session:
        row = find_suppression(session, made)
        assert (row.lifted_by, row.lift_reason) == ("bob", "it was somebody else")
        assert (row.made_by, row.reason) == ("ann", "erased on request")
        assert count_keys(session, made) == 0
        assert count_keys(session, other) == 1
        assert {one.id for one in list_suppressions(session, limit=9)} == {made, other}
    still = kept.read(scope, "orders", SuppressionLists())
    assert still.names_any([BOB])
    assert not still.names_any([ANN])
    with pytest.raises(RefusedError, match="was lifted before, by bob"):
        kept.lift(made)
    with pytest.raises(RefusedError, match="erase anew"):
        kept.suppress("o1", Extent(tenant=scope.tenant), ANN)
    with pytest.raises(TenantActionError, match="no suppression 'u1'"):
        kept.lift("u1")


@pytest.mark.parametrize(
    ("state", "is_open"),
    tuple((state, state in {"confirmed", "running", "waiting"}) for state in OrderState),
)
def test_nothing_is_taken_in_where_a_deletion_is_under_way(
    kept: Kept,
    state: OrderState,
    is_open: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    scope = make_shop(kept.database)
    with kept.database.control() as session:
        sibling = add_shop(session, name="second").scope
        order = request_order(
            session,
            kind=OrderKind.DELETION,
            extent=Extent(tenant=scope.tenant, connection=scope.connection, stream="orders"),
            reason="ticket 7",
            requested_by="ann",
            now=NOW,
        )
        order.state = state
    for place, stream, reached in (
        (scope, "orders", True),
        (scope, "events", False),
        (sibling, "orders", False),
    ):
        if is_open and reached:
            with pytest.raises(RefusedError, match="A deletion is under way here"):
                kept.read(place, stream, SuppressionLists())
        else:
            kept.read(place, stream, SuppressionLists())


def test_every_suppression_and_lift_is_in_the_journal(kept: Kept) -> None:
    scope = make_shop(kept.database)
    made = kept.suppress("o1", Extent(tenant=scope.tenant), ANN, orders=TOKEN)
    kept.lift(made)
    with kept.database.privacy() as session:
        kept.journal.publish(session)
    entries = list(kept.journal.after(0))
    assert [(one.kind, one.order_id) for one in entries] == [
        (EntryKind.SUPPRESSION, "o1"),
        (EntryKind.LIFT, "o1"),
    ]
    assert entries[0].content["people"] == [ANN]
    assert entries[0].content["documents"] == {"orders": [TOKEN]}


def test_a_run_reads_keys_and_not_who_ordered_it(kept: Kept) -> None:
    scope = make_shop(kept.database)
    kept.suppress("o1", Extent(tenant=scope.tenant), ANN)
    with kept.database.tenant(scope.tenant) as session:
        assert session.scalar(select(func.count()).select_from(SuppressedKey)) == 1
        row = session.scalars(select(Suppression)).one()
        assert row.generation == 1
        assert session.scalar(select(func.count()).select_from(Selection)) == 1
