"""A database that is put back gets the holds and policies again that it forgot: real Postgres."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import delete

from coworker_pipelines.connections.holds import Hold, standing_holds
from coworker_pipelines.connections.retention import Policy, standing_policies
from coworker_pipelines.connections.retention_rows import PlacedHold, PolicyOrder
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.privacy.restore.entries import Entry, EntryKind
from coworker_pipelines.privacy.restore.instance import Standing
from coworker_pipelines.privacy.restore.journal import Journal
from coworker_pipelines.privacy.restore.replay import Replayed, Replayer, replay
from coworker_pipelines.segments.memory import MemorySegmentStore
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.connections.shop import NOW
from tests.database_fixtures import opened_database
from tests.privacy.restore.ordered import Ordered, backup_of, connection_of, two_tenants
from tests.privacy.restore.test_journal import CIPHER, record

COMMANDS = 12
"""Before the backup, and as many behind it."""


@pytest.fixture
def ordered(migrated_url: str, elasticsearch_address: ElasticsearchAddress) -> Iterator[Ordered]:
    """Nobody is connected to its database, but who opens it."""
    admin = open_client(elasticsearch_address)
    name = new_id(IdPrefix.TENANT)
    with opened_database(migrated_url) as database:
        extents = two_tenants(database)
    yield Ordered(
        name=name,
        database=database,
        journal=Journal(MemorySegmentStore(), CIPHER),
        admin=admin,
        extents=extents,
    )
    admin.options(ignore_status=404).indices.delete(index=names.instance_index(name))
    admin.close()


@contextmanager
def put_back(ordered: Ordered, url: str) -> Iterator[Ordered]:
    with opened_database(url) as database:
        yield replace(ordered, database=database)


def replayed(ordered: Ordered, *, since: int | None = None) -> list[Replayed]:
    told: list[Replayed] = []
    replay(ordered.instance, ordered.replayers, since=since, now=NOW, tell=told.append)
    ordered.instance.require_current()
    return told


def standing(ordered: Ordered) -> tuple[list[Hold], list[Policy]]:
    tenants = sorted({extent.tenant for extent in ordered.extents})
    with ordered.database.control() as session:
        holds = [hold for tenant in tenants for hold in standing_holds(session, tenant)]
        policies = [policy for tenant in tenants for policy in standing_policies(session, tenant)]
    return holds, policies


def test_whenever_a_backup_was_made_all_that_was_set_and_released_since_is_so_again(
    ordered: Ordered, migrated_url: str
) -> None:
    chance = random.Random(5)
    moments = (NOW + timedelta(minutes=number) for number in range(2 * COMMANDS))
    with put_back(ordered, migrated_url) as before:
        for _ in range(COMMANDS):
            before.order_at_random(chance, now=next(moments))
    with backup_of(migrated_url) as backup:
        with put_back(ordered, migrated_url) as current:
            for now in moments:
                current.order_at_random(chance, now=now)
            content, expected = current.content(), standing(current)
            assert replayed(current) == []
        with put_back(ordered, backup) as restored:
            assert restored.content() != content
            with pytest.raises(RefusedError, match="The database was put back"):
                restored.instance.require_current()
            first, *_ = restored.journal.after(COMMANDS)
            # Killed before it was noted that this one was done.
            restored.replayers[first.kind].replay(first)
            told = replayed(restored)
            assert [one.number for one in told] == list(range(COMMANDS + 1, 2 * COMMANDS + 1))
            assert (restored.content(), standing(restored)) == (content, expected)
            assert len(replayed(restored, since=1)) == 2 * COMMANDS
            assert (restored.content(), standing(restored)) == (content, expected)
            assert {one.kind for one in told} == restored.replayers.keys()


def test_a_database_that_was_put_back_takes_no_hold_and_no_policy(
    ordered: Ordered, migrated_url: str
) -> None:
    extent = ordered.extents[0]
    with put_back(ordered, migrated_url) as before:
        old = before.place(extent)
        before.keep(extent, days=3)
        before.publish()
    with backup_of(migrated_url) as backup:
        with put_back(ordered, migrated_url) as current:
            current.place(extent)
            current.publish()
        with put_back(ordered, backup) as restored:
            content = restored.content()
            for command in (
                lambda: restored.place(extent),
                lambda: restored.release(old),
                lambda: restored.keep(extent, days=1),
                lambda: restored.take_back(extent),
            ):
                with pytest.raises(RefusedError, match="restore replay"):
                    command()
            assert restored.content() == content


def test_what_was_said_of_an_extent_that_is_gone_is_not_said_again(
    ordered: Ordered, migrated_url: str
) -> None:
    tenant = ordered.extents[0].tenant
    gone = (
        connection_of(tenant, new_id(IdPrefix.CONNECTION), "commits"),
        connection_of(new_id(IdPrefix.TENANT), new_id(IdPrefix.CONNECTION)),
    )
    with put_back(ordered, migrated_url) as current:
        hold = current.place(ordered.extents[0])
        current.keep(ordered.extents[0], days=3)
        content = current.content()
        current.publish()
        placed, kept = current.journal.after(0)
        for extent in gone:
            where = {"connection": extent.connection, "stream": extent.stream}
            for entry in (placed, kept, _release_of(placed)):
                again = replace(
                    entry,
                    order_id=new_id(IdPrefix.HOLD),
                    tenant=extent.tenant,
                    content={**entry.content, **where},
                )
                current.replayers[entry.kind].replay(again)
        assert current.content() == content
        assert hold


def _release_of(placed: Entry) -> Entry:
    content = {"reason": "case closed", "released_by": "bob"}
    return replace(placed, kind=EntryKind.RELEASE, content=content)


@dataclass(frozen=True, slots=True)
class Clearing(Replayer):
    """A deletion's hands, as far as they reach the rows in question: all that was said goes."""

    database: Database

    def replay(self, entry: Entry) -> None:
        with self.database.privacy() as session:
            for row in (PlacedHold, PolicyOrder):
                session.execute(delete(row).where(row.tenant_id == entry.tenant))


def test_what_was_said_after_a_deletion_outlives_that_it_is_done_again(
    ordered: Ordered, migrated_url: str
) -> None:
    """The cluster was put back, the database not: it knows more than the deletion did."""
    extent = ordered.extents[0]
    with put_back(ordered, migrated_url) as current:
        current.place(extent)
        record(current.database, current.journal, EntryKind.DELETION, "o1", tenant=extent.tenant)
        clearing = Clearing(current.database)
        *_, deletion = current.journal.after(0)
        clearing.replay(deletion)
        with current.database.privacy() as session:
            current.instance.finish(session, ["o1"], now=NOW)
        current.place(extent)
        current.keep(extent, days=3)
        current.publish()
        content = current.content()
        current.admin.indices.delete(index=names.instance_index(current.name))
        with pytest.raises(RefusedError, match="Elasticsearch was put back"):
            current.instance.require_current()
        told: list[Replayed] = []
        replayers = {**current.replayers, EntryKind.DELETION: clearing}
        replay(current.instance, replayers, now=NOW, tell=told.append)
        current.instance.require_current()
        assert [one.number for one in told] == [2, 3, 4]
        assert current.content() == content


def test_holds_and_policies_ask_nothing_of_the_cluster(ordered: Ordered, migrated_url: str) -> None:
    extent = ordered.extents[0]
    with put_back(ordered, migrated_url) as current:
        current.place(extent)
        current.publish()
        assert current.instance.standing() == Standing(known=1, required=0, seen=0)
        record(current.database, current.journal, EntryKind.ERASURE, "o1")
        # Not published: it is no part of what a cluster may have seen.
        current.keep(extent, days=3)
        with current.database.privacy() as session:
            current.instance.finish(session, ["o1"], now=NOW)
        assert current.instance.standing() == Standing(known=3, required=2, seen=2)
        current.publish()
        current.instance.require_current()
        assert replayed(current) == []
