"""A connection and a tenant exist whole, in every store, or nowhere."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psycopg
import pytest
from elasticsearch import Elasticsearch
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.rows import Connection, Selection, Tenant
from coworker_pipelines.connections.selections import current_selection, selected_streams
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.errors import (
    CoworkerError,
    DefectError,
    RefusedError,
    TenantActionError,
)
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.connections import (
    ELASTICSEARCH_API_KEY,
    ConnectionMaker,
    ConnectionOrder,
)
from coworker_pipelines.provisioning.indices import ConnectionIndices
from coworker_pipelines.provisioning.tenants import (
    DATA_KEY,
    SUBJECT_KEY,
    make_tenant,
    tenant_keys,
    tenant_reference,
)
from coworker_pipelines.secrets.fingerprint import fingerprint
from coworker_pipelines.secrets.store import MemorySecretStore
from coworker_pipelines.services.address import ElasticsearchAddress

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

    def mint_key(self, scope: Scope) -> Secret:
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
    tenant: str
    order: ConnectionOrder
    password: str

    @property
    def admin(self) -> Elasticsearch:
        return self.maker.indices.client

    def indices(self) -> list[str]:
        return sorted(self.admin.indices.get(index=f"{names.PREFIX}.{self.tenant}.*"))

    def keys(self) -> list[str]:
        found = self.admin.security.get_api_key(
            name=f"{names.PREFIX}.{self.tenant}.*", active_only=True
        )
        return [key["name"] for key in found["api_keys"]]

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
        assert list(self.maker.secrets.references()) == [tenant_reference(self.tenant)]


@pytest.fixture(scope="module")
def admin(elasticsearch_address: ElasticsearchAddress) -> Iterator[Elasticsearch]:
    with open_client(elasticsearch_address) as client:
        yield client


@pytest.fixture
def office(database: Database, database_url: str, admin: Elasticsearch) -> Iterator[Office]:
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as source:
        for stream in STREAMS:
            source.execute(f"CREATE TABLE {stream} (id integer PRIMARY KEY)".encode())
    store = MemorySecretStore()
    tenant = make_tenant(database, store, CLOCK, slug="acme", name="Acme Ltd")
    maker = ConnectionMaker(
        database=database,
        secrets=store,
        indices=ConnectionIndices(client=admin, replicas=0),
        clock=CLOCK,
    )
    user, _, rest = database_url.removeprefix("postgresql+psycopg://").partition("@")
    name, _, password = user.partition(":")
    order = ConnectionOrder(
        tenant="acme",
        name="shop",
        kind="sql",
        form={"url": f"postgresql://{name}@{rest}", "password": Secret(password)},
        schedule=None,
        streams=None,
        ordered_by="ann",
    )
    made = Office(maker=maker, tenant=tenant, order=order, password=password)
    yield made
    for index in made.indices():
        admin.indices.delete(index=index)
    admin.security.invalidate_api_key(name=f"{names.PREFIX}.{tenant}.*")


def test_a_connection_is_there_whole(office: Office) -> None:
    handle = office.maker.make(office.order)
    assert handle == "acme.shop"
    with office.maker.database.control() as session:
        connection = find_connection(session, handle)
        scope, reference = connection.scope, connection.secret_reference
        assert connection.settings["url"] == office.order.form["url"]
        assert "password" not in connection.settings
        subject_key, _ = tenant_keys(office.maker.secrets, office.tenant)
        own = {"password": Secret(office.password)}
        assert connection.secret_fingerprint == fingerprint(own, subject_key)
        selection = current_selection(session, connection.id)
        assert selected_streams(selection) == dict.fromkeys(STREAMS)
        assert (selection.made_by, selection.made_at) == ("ann", NOW)
    expected = [names.activities_index(scope), *(names.documents_index(scope, s) for s in STREAMS)]
    assert office.indices() == sorted(expected)
    assert office.keys() == [names.role(scope)]
    secrets = office.maker.secrets.get(reference)
    assert secrets.keys() == {"password", ELASTICSEARCH_API_KEY}
    assert secrets["password"].get_secret_value() == office.password


def test_a_connection_takes_in_what_was_ordered_and_has_no_index_for_more(office: Office) -> None:
    handle = office.maker.make(replace(office.order, streams=["orders"]))
    with office.maker.database.control() as session:
        connection = find_connection(session, handle)
        scope = connection.scope
        assert selected_streams(current_selection(session, connection.id)) == {"orders": None}
        assert len(connection.catalog["streams"]) == len(STREAMS)
    assert office.indices() == sorted(
        (names.activities_index(scope), names.documents_index(scope, "orders"))
    )


def test_a_connection_that_takes_in_nothing_has_no_index_but_its_activities(
    office: Office,
) -> None:
    handle = office.maker.make(replace(office.order, streams=[]))
    with office.maker.database.control() as session:
        connection = find_connection(session, handle)
        assert selected_streams(current_selection(session, connection.id)) == {}
        assert office.indices() == [names.activities_index(connection.scope)]


def test_a_source_that_is_asked_again_may_offer_more(office: Office, database_url: str) -> None:
    handle = office.maker.make(office.order)
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as source:
        source.execute("CREATE TABLE returns (id integer PRIMARY KEY)")
    catalog = office.maker.check(handle)
    assert {stream.name for stream in catalog} == {*STREAMS, "returns"}
    with office.maker.database.control() as session:
        connection = find_connection(session, handle)
        kept = {stream["name"] for stream in connection.catalog["streams"]}
        assert kept == {*STREAMS, "returns"}
        selection = current_selection(session, connection.id)
        assert selected_streams(selection) == dict.fromkeys(STREAMS)


def _closed_port(order: ConnectionOrder) -> ConnectionOrder:
    return replace(order, form={"url": "postgresql://ann@127.0.0.1:1/shop"})


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    (
        (lambda order: replace(order, kind="sqll"), TenantActionError, "There is no kind 'sqll'"),
        (lambda order: replace(order, form={}), TenantActionError, "url: field required"),
        (
            lambda order: replace(order, form={**order.form, "password": "wrong"}),
            TenantActionError,
            "password|refuse",
        ),
        (_closed_port, TenantActionError, "does not answer|cannot be reached|refused"),
        (lambda order: replace(order, tenant="acmee"), TenantActionError, "no tenant 'acmee'"),
        (lambda order: replace(order, name="Shop!"), TenantActionError, "is no name for a conn"),
        (lambda order: replace(order, streams=["order"]), TenantActionError, "no stream 'order'"),
    ),
)  # fmt: skip
def test_an_order_that_cannot_be_carried_out_leaves_nothing(
    office: Office,
    change: Callable[[ConnectionOrder], ConnectionOrder],
    error: type[CoworkerError],
    sentence: str,
) -> None:
    with pytest.raises(error, match=sentence) as caught:
        office.maker.make(change(office.order))
    assert office.password not in str(caught.value)
    office.require_nothing()


@pytest.mark.parametrize("at", ("make", "mint_key"))
def test_what_elasticsearch_refuses_leaves_nothing(office: Office, at: str) -> None:
    indices = BrokenIndices(client=office.admin, replicas=0, at=at)
    with pytest.raises(FullDiskError):
        replace(office.maker, indices=indices).make(office.order)
    office.require_nothing()
    assert office.maker.make(office.order) == "acme.shop"


@pytest.mark.parametrize("is_late", (False, True), ids=("before", "after"))
def test_a_secret_that_cannot_be_kept_leaves_nothing(office: Office, *, is_late: bool) -> None:
    broken = BrokenSecretStore("connection/", is_late=is_late)
    reference = tenant_reference(office.tenant)
    broken.put(reference, office.maker.secrets.get(reference))
    broken_office = replace(office, maker=replace(office.maker, secrets=broken))
    with pytest.raises(FullDiskError):
        broken_office.maker.make(office.order)
    broken_office.require_nothing()


def test_a_tenant_without_its_keys_gets_no_connection(office: Office) -> None:
    office.maker.secrets.delete(tenant_reference(office.tenant))
    with pytest.raises(TenantActionError, match="has no secret"):
        office.maker.make(office.order)
    assert not list(office.maker.secrets.references())
    assert (office.rows(), office.indices(), office.keys()) == ((0, 0), [], [])


def test_a_row_that_is_lost_takes_everything_with_it(office: Office, migrated_url: str) -> None:
    with BrokenDatabase(migrated_url) as database, pytest.raises(FullDiskError):
        replace(office.maker, database=database).make(office.order)
    office.require_nothing()


def test_an_order_that_was_carried_out_already_takes_nothing_away(office: Office) -> None:
    handle = office.maker.make(office.order)
    before = office.indices(), office.keys(), list(office.maker.secrets.references())
    with pytest.raises(TenantActionError, match=r"There is a connection 'acme\.shop' already"):
        office.maker.make(office.order)
    assert (office.indices(), office.keys(), list(office.maker.secrets.references())) == before
    assert office.rows() == (1, 1)
    assert office.maker.check(handle)


def test_a_control_plane_that_may_not_mint_keys_is_told_so(
    office: Office, elasticsearch_address: ElasticsearchAddress
) -> None:
    key = office.admin.security.create_api_key(name=f"{names.PREFIX}.{office.tenant}.control")
    address = replace(
        elasticsearch_address, user=None, password=None, api_key=Secret(key["encoded"])
    )
    with open_client(address) as client:
        indices = ConnectionIndices(client=client, replicas=0)
        with pytest.raises(RefusedError, match="a user and a password"):
            replace(office.maker, indices=indices).make(office.order)
    office.admin.security.invalidate_api_key(ids=[key["id"]])
    office.require_nothing()


def test_a_tenant_has_two_keys_of_its_own(database: Database) -> None:
    store = MemorySecretStore()
    keys = [
        key
        for slug in ("acme", "acme-corp")
        for key in tenant_keys(store, make_tenant(database, store, CLOCK, slug=slug, name=slug))
    ]
    assert len(set(keys)) == 4
    assert {len(key) for key in keys} == {32}
    assert {name for reference in store.references() for name in store.get(reference)} == {
        SUBJECT_KEY,
        DATA_KEY,
    }


@pytest.mark.parametrize("is_late", (False, True), ids=("before", "after"))
def test_a_tenant_whose_keys_cannot_be_kept_is_not_there(
    database: Database, *, is_late: bool
) -> None:
    store = BrokenSecretStore("tenant/", is_late=is_late)
    with pytest.raises(FullDiskError):
        make_tenant(database, store, CLOCK, slug="acme", name="Acme")
    assert _tenants(database) == []
    assert not list(store.references())
    store.prefix = None
    make_tenant(database, store, CLOCK, slug="acme", name="Acme")
    assert _tenants(database) == ["acme"]


def test_a_tenant_whose_row_is_lost_has_no_keys(database: Database, migrated_url: str) -> None:
    store = MemorySecretStore()
    with BrokenDatabase(migrated_url) as broken, pytest.raises(FullDiskError):
        make_tenant(broken, store, CLOCK, slug="acme", name="Acme")
    assert _tenants(database) == []
    assert not list(store.references())


@pytest.mark.parametrize(
    ("slug", "sentence"), (("acme", "There is a tenant 'acme' already"), ("Acme", "is no name"))
)
def test_a_tenant_that_cannot_be_made_changes_nothing(
    database: Database, slug: str, sentence: str
) -> None:
    store = MemorySecretStore()
    tenant = make_tenant(database, store, CLOCK, slug="acme", name="Acme")
    before = tenant_keys(store, tenant)
    with pytest.raises(TenantActionError, match=sentence):
        make_tenant(database, store, CLOCK, slug=slug, name="Another")
    assert _tenants(database) == ["acme"]
    assert list(store.references()) == [tenant_reference(tenant)]
    assert tenant_keys(store, tenant) == before
    with database.control() as session:
        assert find_tenant(session, "acme").name == "Acme"


def test_a_reference_that_is_none_is_a_defect_of_ours() -> None:
    with pytest.raises(DefectError):
        tenant_keys(MemorySecretStore(), "../other")


def _tenants(database: Database) -> list[str]:
    with database.control() as session:
        return list(session.scalars(select(Tenant.slug)))
