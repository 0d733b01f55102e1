"""Holds and policies of two tenants, set at random, and a database that is put back between."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from elasticsearch import Elasticsearch
from sqlalchemy import select
from sqlalchemy.orm import undefer

from coworker_pipelines.connections.connections import add_connection
from coworker_pipelines.connections.retention import Age, Basis
from coworker_pipelines.connections.retention_rows import PlacedHold, PolicyOrder
from coworker_pipelines.connections.tenants import add_tenant
from coworker_pipelines.database.database import Database
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import HoldOrder, list_holds, place_hold, release_hold
from coworker_pipelines.privacy.restore.entries import EntryKind
from coworker_pipelines.privacy.restore.instance import Instance
from coworker_pipelines.privacy.restore.journal import Journal
from coworker_pipelines.privacy.restore.replay import Replayers
from coworker_pipelines.privacy.retention.policies import policy_history, set_policy, unset_policy
from coworker_pipelines.privacy.retention.replay import (
    HoldReplayer,
    PolicyReplayer,
    ReleaseReplayer,
)
from tests.connections.shop import NOW
from tests.database_fixtures import MASTER, made_database, named_url

Content = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""All that the database knows of holds, by their ids, and of policies, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """One deployment, or a copy of it: ``name`` is its own in the cluster."""

    name: str
    database: Database
    journal: Journal
    admin: Elasticsearch
    extents: Sequence[Extent]

    def place(self, extent: Extent, *, now: datetime = NOW) -> str:
        with self.database.control() as session:
            order = HoldOrder(
                extent=extent,
                since=NOW - timedelta(days=700),
                matter="L-7",
                owner="legal",
                reason="a court's order",
                review_at=(now + timedelta(days=90)).date(),
                placed_by="ann",
            )
            return place_hold(session, self.journal, order, now=now).id

    def release(self, hold: str, *, now: datetime = NOW) -> None:
        with self.database.control() as session:
            release_hold(
                session, self.journal, hold, reason="case closed", released_by="bob", now=now
            )

    def keep(self, extent: Extent, *, days: int, now: datetime = NOW) -> None:
        with self.database.control() as session:
            set_policy(
                session,
                self.journal,
                extent,
                basis=Basis.EVENT,
                age=Age(days=days),
                grace_days=days % 7,
                made_by="ann",
                now=now,
            )

    def take_back(self, extent: Extent, *, now: datetime = NOW) -> None:
        with self.database.control() as session:
            unset_policy(session, self.journal, extent, made_by="bob", now=now)

    def publish(self) -> None:
        with self.database.control() as session:
            self.journal.publish(session)

    def order_at_random(self, chance: random.Random, *, now: datetime) -> None:
        """One command, and what it publishes before it answers."""
        extent = chance.choice(self.extents)
        with self.database.control() as session:
            standing = [hold.id for hold in list_holds(session)]
            policies = policy_history(session, extent.tenant)
            own = [one for one in policies if _extent_of(one) == extent]
            has_policy = bool(own) and own[-1].basis is not None
        what = chance.choice(("place", "release", "keep", "take back"))
        if what == "release" and standing:
            self.release(chance.choice(standing), now=now)
        elif what == "take back" and has_policy:
            self.take_back(extent, now=now)
        elif what in {"release", "place"}:
            self.place(extent, now=now)
        else:
            self.keep(extent, days=chance.randint(1, 3), now=now)
        self.publish()

    def content(self) -> Content:
        with self.database.control() as session:
            holds = session.scalars(
                select(PlacedHold).options(undefer("*")).order_by(PlacedHold.id)
            ).all()
            policies = session.scalars(
                select(PolicyOrder).options(undefer("*")).order_by(PolicyOrder.id)
            ).all()
            return [_columns(row) for row in holds], [_columns(row) for row in policies]

    @property
    def instance(self) -> Instance:
        return Instance(
            name=self.name,
            database=self.database,
            session=self.database.control,
            journal=self.journal,
            admin=lambda: self.admin,
            replicas=0,
        )

    @property
    def replayers(self) -> Replayers:
        return {
            EntryKind.HOLD: HoldReplayer(self.database),
            EntryKind.RELEASE: ReleaseReplayer(self.database),
            EntryKind.POLICY: PolicyReplayer(self.database),
        }


def two_tenants(database: Database) -> list[Extent]:
    """Each with a connection, and two streams of that: what an order may reach."""
    extents = []
    with database.control() as session:
        for slug in ("acme", "globex"):
            tenant = add_tenant(session, MASTER, slug=slug, name=slug, now=NOW)
            connection = add_connection(
                session,
                tenant=tenant,
                name="board",
                kind="git",
                settings={},
                catalog={"streams": []},
                schedule=None,
                now=NOW,
            )
            extents += [Extent(tenant=tenant.id), connection_of(tenant.id, connection.id)]
            extents += [
                connection_of(tenant.id, connection.id, stream) for stream in ("commits", "notes")
            ]
    return extents


def connection_of(tenant: str, connection: str, stream: str | None = None) -> Extent:
    return Extent(tenant=tenant, connection=connection, stream=stream)


@contextmanager
def backup_of(url: str) -> Iterator[str]:
    """The URL of a copy of the database as it is now; nobody may be connected to it."""
    with made_database(url, url.partition("?")[0].rpartition("/")[2]) as name:
        yield named_url(url, name)


def _extent_of(order: PolicyOrder) -> Extent:
    return Extent(tenant=order.tenant_id, connection=order.connection_id, stream=order.stream)


def _columns(row: PlacedHold | PolicyOrder) -> dict[str, Any]:
    """But for a policy's number, which its place in the history stands for."""
    names = [column.key for column in row.__table__.columns]
    return {
        name: getattr(row, name) for name in names if name != "id" or isinstance(row, PlacedHold)
    }
