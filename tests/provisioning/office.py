"""A tenant, a connection that may be ordered, and what is there afterwards; and hands that fail."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from elasticsearch import AuthenticationException, Elasticsearch
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.rows import Connection, Selection
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents import names
from coworker_pipelines.documents.access import MintedKey
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.errors import (
    CoworkerError,
)
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.access import Access
from coworker_pipelines.provisioning.connections import ConnectionMaker, ConnectionOrder
from coworker_pipelines.provisioning.indices import ConnectionIndices
from coworker_pipelines.provisioning.tenants import TenantMaker
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.secrets.references import access_reference
from coworker_pipelines.secrets.store import (
    MemorySecretStore,
    SecretHouse,
    SecretWriter,
)
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.database_fixtures import MASTER

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
CLOCK = FixedClock(NOW)
STREAMS = ("items", "orders")


class FullDiskError(CoworkerError):
    """What a fake breaks with."""


class BrokenSecretStore(MemorySecretStore):
    """Fails to put what begins with ``prefix``, before or after it did."""

    def __init__(self, prefix: str, *, is_late: bool) -> None:
        super().__init__()
        self.prefix: str | None = prefix
        self._is_late = is_late

    def put(self, reference: str, values: Mapping[str, Secret]) -> None:
        fails = self.prefix is not None and reference.startswith(self.prefix)
        if not fails or self._is_late:
            super().put(reference, values)
        if fails:
            raise FullDiskError


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenIndices(ConnectionIndices):
    """Fails at one of its calls, when it has done what it should."""

    at: str

    def make(self, scope: Scope, streams: Sequence[str]) -> None:
        ConnectionIndices.make(self, scope, streams[:1] if self.at == "make" else streams)
        if self.at == "make":
            raise FullDiskError

    def mint_key(self, scope: Scope) -> MintedKey:
        key = ConnectionIndices.mint_key(self, scope)
        if self.at == "mint_key":
            raise FullDiskError
        return key


class BrokenDatabase(Database):
    """Loses each transaction when it is to be committed."""

    @contextmanager
    def control(self) -> Iterator[Session]:
        with super().control() as session:
            event.listen(session, "before_commit", _lose)
            yield session


def _lose(session: Session) -> None:
    if not session.in_nested_transaction():
        raise FullDiskError


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A tenant, an order that can be carried out, and what is there afterwards."""

    maker: ConnectionMaker
    store: MemorySecretStore
    address: ElasticsearchAddress
    tenant: str
    order: ConnectionOrder
    password: str

    @property
    def admin(self) -> Elasticsearch:
        return self.maker.keys.indices.client

    def with_keys(
        self,
        *,
        secrets: SecretWriter | None = None,
        indices: ConnectionIndices | None = None,
        master: MasterKey | None = None,
    ) -> ConnectionMaker:
        """A maker one of whose hands is another."""
        keys = self.maker.keys
        return replace(
            self.maker,
            keys=replace(
                keys,
                secrets=secrets or keys.secrets,
                indices=indices or keys.indices,
                master=master or keys.master,
            ),
        )

    def indices(self) -> list[str]:
        return sorted(self.admin.indices.get(index=f"{names.PREFIX}.{self.tenant}.*"))

    def keys(self) -> list[str]:
        found = self.admin.security.get_api_key(
            name=f"{names.PREFIX}.{self.tenant}.*", active_only=True
        )
        return [key["name"] for key in found["api_keys"]]

    def api_key(self, scope: Scope) -> Secret:
        return Access.of(self.store.get(access_reference(scope))).elasticsearch_api_key

    def opens(self, key: Secret) -> bool:
        """Whether Elasticsearch knows the key."""
        address = replace(self.address, user=None, password=None, api_key=key)
        with open_client(address) as client:
            try:
                client.security.authenticate()
            except AuthenticationException:
                return False
        return True

    def rows(self) -> tuple[int, int]:
        with self.maker.database.control() as session:
            return (
                session.scalar(select(func.count()).select_from(Connection)) or 0,
                session.scalar(select(func.count()).select_from(Selection)) or 0,
            )

    def require_nothing(self) -> None:
        assert self.rows() == (0, 0)
        assert not self.indices()
        assert not self.keys()
        assert not list(self.store.references())

    def scope(self, handle: str) -> Scope:
        with self.maker.database.control() as session:
            return find_connection(session, handle).scope


def tenant_maker(database: Database, house: SecretHouse) -> TenantMaker:
    return TenantMaker(database=database, master=MASTER, house=house, clock=CLOCK)
