"""The keys that connections enter Elasticsearch with: minted, handed over, replaced in time."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.connections.tenants import tenant_keys
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents.access import KEY_LIFE
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.orders import refuse_under_order
from coworker_pipelines.provisioning.access import Access, RunAddresses
from coworker_pipelines.provisioning.indices import ConnectionIndices
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.secrets.references import access_reference
from coworker_pipelines.secrets.store import SecretWriter

ROTATED_BEFORE: Final = KEY_LIFE / 2
"""A key is replaced when half of its life is over, so a schedule may fail for two weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMaker:
    """With the control plane's rights, which no run has."""

    database: Database
    secrets: SecretWriter
    indices: ConnectionIndices
    master: MasterKey
    clock: Clock
    addresses: RunAddresses

    def hand_over(self, session: Session, connection: Connection, undo: ExitStack) -> Secret:
        """Mint a key and write the connection's access; ``undo`` takes the key back."""
        scope = connection.scope
        # A key that is minted behind a deletion's back would open what is made anew.
        refuse_under_order(session, Extent(tenant=scope.tenant, connection=scope.connection))
        key = self.indices.mint_key(scope)
        undo.callback(self.indices.revoke_key, key)
        access = Access(
            tenant=scope.tenant,
            connection=scope.connection,
            elasticsearch_api_key=key.value,
            keys=tenant_keys(session, self.master, scope.tenant),
            database_pass=self.master.database_pass(scope.tenant),
            addresses=self.addresses,
        )
        self.secrets.put(access_reference(scope), access.values())
        connection.key_expires_at = key.expires_at
        return key.value

    def rotate(self, handle: str, *, at_once: bool = False) -> datetime:
        """Give a connection a new key; until when it is good.

        The key before stays good until it expires, for a run that entered with it. ``at_once``
        is for a key that got into wrong hands: every other ends now, and a run that is under way
        fails and is run again.
        """
        with ExitStack() as undo, self.database.control() as session:
            connection = find_connection(session, handle)
            scope = connection.scope
            key = self.hand_over(session, connection, undo)
            expires_at = connection.key_expires_at
            session.commit()
            undo.pop_all()
        self.indices.revoke_others(scope, key, also_the_one_before=at_once)
        assert expires_at is not None
        return expires_at

    def rotate_expiring(self, *, limit: int) -> list[str]:
        """Rotate the keys whose time comes, the nearest first; the handles of their connections."""
        with self.database.control() as session:
            handles = expiring(session, now=self.clock.now(), limit=limit)
        for handle in handles:
            self.rotate(handle)
        return handles


def expiring(session: Session, *, now: datetime, limit: int) -> list[str]:
    """Handles of connections whose key is to be replaced: one indexed query."""
    return list(
        session.scalars(
            select(Connection.handle)
            .where(Connection.key_expires_at <= now + ROTATED_BEFORE)
            .order_by(Connection.key_expires_at)
            .limit(limit)
        )
    )
