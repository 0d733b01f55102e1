"""A connection and a tenant exist whole, in every store, or nowhere."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from elasticsearch import AuthenticationException, Elasticsearch
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.catalogs import catalog_of
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.rows import Connection, Selection, Tenant
from coworker_pipelines.connections.selections import current_selection, selected_streams
from coworker_pipelines.connections.tenants import find_tenant, tenant_keys
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents import names
from coworker_pipelines.documents.access import MintedKey
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.errors import (
    CoworkerError,
    RefusedError,
    TenantActionError,
)
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.access import Access, RunAddresses
from coworker_pipelines.provisioning.connections import ConnectionMaker, ConnectionOrder
from coworker_pipelines.provisioning.indices import ConnectionIndices
from coworker_pipelines.provisioning.keys import ROTATED_BEFORE, KeyMaker
from coworker_pipelines.provisioning.tenants import TenantMaker
from coworker_pipelines.secrets.fingerprint import fingerprint
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.secrets.references import access_reference, source_reference
from coworker_pipelines.secrets.store import (
    MemorySecretStore,
    OpenHouse,
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


@pytest.fixture(scope="module")
def admin(elasticsearch_address: ElasticsearchAddress) -> Iterator[Elasticsearch]:
    with open_client(elasticsearch_address) as client:
        yield client


@pytest.fixture
def office(
    database: Database,
    database_url: str,
    admin: Elasticsearch,
    elasticsearch_address: ElasticsearchAddress,
) -> Iterator[Office]:
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as source:
        for stream in STREAMS:
            source.execute(f"CREATE TABLE {stream} (id integer PRIMARY KEY)".encode())
    store = MemorySecretStore()
    tenant = _tenant_maker(database, OpenHouse(store)).make(slug="acme", name="Acme Ltd")
    keys = KeyMaker(
        database=database,
        secrets=store,
        indices=ConnectionIndices(client=admin, replicas=0),
        master=MASTER,
        clock=CLOCK,
        addresses=RunAddresses(),
    )
    maker = ConnectionMaker(database=database, keys=keys, reader=store, clock=CLOCK)
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
    made = Office(
        maker=maker,
        store=store,
        address=elasticsearch_address,
        tenant=tenant,
        order=order,
        password=password,
    )
    yield made
    for index in made.indices():
        admin.indices.delete(index=index)
    admin.security.invalidate_api_key(name=f"{names.PREFIX}.{tenant}.*")


def test_a_connection_is_there_whole(office: Office) -> None:
    handle = office.maker.make(office.order)
    assert handle == "acme.shop"
    with office.maker.database.control() as session:
        connection = find_connection(session, handle)
        scope = connection.scope
        assert connection.settings["url"] == office.order.form["url"]
        assert "password" not in connection.settings
        keys = tenant_keys(session, MASTER, office.tenant)
        own = {"password": Secret(office.password)}
        assert connection.secret_fingerprint == fingerprint(own, keys.subject)
        assert connection.secrets_changed_at == NOW
        assert connection.key_expires_at is not None
        selection = current_selection(session, connection.id)
        assert selected_streams(selection) == dict.fromkeys(STREAMS)
        assert (selection.made_by, selection.made_at) == ("ann", NOW)
    expected = [names.activities_index(scope), *(names.documents_index(scope, s) for s in STREAMS)]
    assert office.indices() == sorted(expected)
    assert office.keys() == [names.role(scope)]
    source = office.store.get(source_reference(scope))
    assert {name: value.get_secret_value() for name, value in source.items()} == {
        "password": office.password
    }
    access = Access.of(office.store.get(access_reference(scope)))
    assert (access.tenant, access.connection) == (scope.tenant, scope.connection)
    assert access.keys == keys
    assert access.database_pass == MASTER.database_pass(scope.tenant)


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
        # A database has no name of its own: its users are the connection's.
        assert {stream.namespace for stream in catalog_of(connection)} == {connection.id}
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
        office.with_keys(indices=indices).make(office.order)
    office.require_nothing()
    assert office.maker.make(office.order) == "acme.shop"


@pytest.mark.parametrize("is_late", (False, True), ids=("before", "after"))
@pytest.mark.parametrize("prefix", ("access/", "source/"))
def test_a_secret_that_cannot_be_kept_leaves_nothing(
    office: Office, prefix: str, *, is_late: bool
) -> None:
    broken = BrokenSecretStore(prefix, is_late=is_late)
    with pytest.raises(FullDiskError):
        office.with_keys(secrets=broken).make(office.order)
    assert not list(broken.references())
    office.require_nothing()


def test_under_another_master_key_a_tenant_gets_no_connection(office: Office) -> None:
    other = MasterKey(bytes(32))
    with pytest.raises(RefusedError, match="made under another master key"):
        office.with_keys(master=other).make(office.order)
    office.require_nothing()


def test_a_row_that_is_lost_takes_everything_with_it(office: Office, migrated_url: str) -> None:
    with BrokenDatabase(migrated_url) as database, pytest.raises(FullDiskError):
        replace(office.maker, database=database).make(office.order)
    office.require_nothing()


def test_an_order_that_was_carried_out_already_takes_nothing_away(office: Office) -> None:
    handle = office.maker.make(office.order)
    before = office.indices(), office.keys(), list(office.store.references())
    with pytest.raises(TenantActionError, match=r"There is a connection 'acme\.shop' already"):
        office.maker.make(office.order)
    assert (office.indices(), office.keys(), list(office.store.references())) == before
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
            office.with_keys(indices=indices).make(office.order)
    office.admin.security.invalidate_api_key(ids=[key["id"]])
    office.require_nothing()


def test_a_changed_secret_is_checked_before_the_old_one_goes(
    office: Office, database_url: str
) -> None:
    role = f"shop_{office.tenant}"
    _, _, rest = database_url.removeprefix("postgresql+psycopg://").partition("@")
    form = {"url": f"postgresql://{role}@{rest}", "password": Secret("the first password")}
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as source:
        source.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'the first password'".encode())
        try:
            source.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}".encode())
            handle = office.maker.make(replace(office.order, form=form))
            reference = source_reference(_scope(office, handle))
            with pytest.raises(TenantActionError, match="password"):
                office.maker.change(handle, {"password": Secret("not the password")})
            assert office.store.get(reference)["password"] == Secret("the first password")
            source.execute(f"ALTER ROLE {role} PASSWORD 'the next password'".encode())
            office.maker.change(handle, {"password": Secret("the next password")})
            assert office.store.get(reference)["password"] == Secret("the next password")
            assert office.maker.check(handle)
        finally:
            source.execute(f"DROP OWNED BY {role}".encode())
            source.execute(f"DROP ROLE {role}".encode())


def test_a_key_is_replaced_and_the_one_before_stays_for_runs_under_way(office: Office) -> None:
    handle = office.maker.make(office.order)
    scope = _scope(office, handle)
    first = office.api_key(scope)
    expires_at = office.maker.keys.rotate(handle)
    second = office.api_key(scope)
    assert (office.opens(first), office.opens(second)) == (True, True)
    office.maker.keys.rotate(handle)
    assert (office.opens(first), office.opens(second)) == (False, True)
    office.maker.keys.rotate(handle, at_once=True)
    assert (office.opens(second), office.opens(office.api_key(scope))) == (False, True)
    assert len(office.keys()) == 1
    with office.maker.database.control() as session:
        kept = find_connection(session, handle).key_expires_at
        assert kept is not None
        assert kept >= expires_at


def test_keys_are_rotated_when_half_of_their_life_is_over(office: Office) -> None:
    handle = office.maker.make(office.order)
    with office.maker.database.control() as session:
        expires_at = find_connection(session, handle).key_expires_at
    assert expires_at is not None
    early = FixedClock(expires_at - ROTATED_BEFORE - timedelta(minutes=1))
    due = FixedClock(expires_at - ROTATED_BEFORE)
    keys = office.maker.keys
    assert replace(keys, clock=early).rotate_expiring(limit=10) == []
    assert replace(keys, clock=due).rotate_expiring(limit=10) == [handle]


def test_a_key_that_could_not_be_handed_over_is_taken_back(office: Office) -> None:
    handle = office.maker.make(office.order)
    before = office.api_key(_scope(office, handle))
    broken = BrokenSecretStore("access/", is_late=False)
    with pytest.raises(FullDiskError):
        replace(office.maker.keys, secrets=broken).rotate(handle)
    assert len(office.keys()) == 1
    assert office.opens(before)


def test_who_cannot_read_secrets_needs_all_of_them_for_a_change(office: Office) -> None:
    handle = office.maker.make(office.order)
    blind = replace(office.maker, reader=None)
    with pytest.raises(TenantActionError, match="Give password again"):
        blind.change(handle, {"tables": {}})
    with pytest.raises(RefusedError, match="cannot read the secrets"):
        blind.check(handle)
    blind.change(handle, {"tables": {}, "password": Secret(office.password)})
    assert office.maker.check(handle)


def test_tenants_have_keys_of_their_own(database: Database) -> None:
    maker = _tenant_maker(database, OpenHouse(MemorySecretStore()))
    tenants = [maker.make(slug=slug, name=slug) for slug in ("acme", "acme-corp")]
    with database.control() as session:
        found = [tenant_keys(session, MASTER, tenant) for tenant in tenants]
        again = [tenant_keys(session, MASTER, tenant) for tenant in tenants]
    assert found == again
    assert len({key for keys in found for key in (keys.subject, keys.data)}) == 4
    assert {len(keys.subject) for keys in found} == {len(keys.data) for keys in found} == {32}
    assert MASTER.database_pass(tenants[0]) != MASTER.database_pass(tenants[1])


class BrokenHouse(SecretHouse):
    """Has no room; what was let in until then is listed."""

    def __init__(self) -> None:
        self.tenants: set[str] = set()

    def open(self, tenant: str) -> None:
        self.tenants.add(tenant)
        raise FullDiskError

    def close(self, tenant: str) -> None:
        self.tenants.remove(tenant)


def test_a_tenant_without_a_place_for_its_secrets_is_not_there(database: Database) -> None:
    house = BrokenHouse()
    with pytest.raises(FullDiskError):
        _tenant_maker(database, house).make(slug="acme", name="Acme")
    assert _tenants(database) == []
    assert not house.tenants


@pytest.mark.parametrize(
    ("slug", "sentence"), (("acme", "There is a tenant 'acme' already"), ("Acme", "is no name"))
)
def test_a_tenant_that_cannot_be_made_changes_nothing(
    database: Database, slug: str, sentence: str
) -> None:
    maker = _tenant_maker(database, OpenHouse(MemorySecretStore()))
    maker.make(slug="acme", name="Acme")
    with pytest.raises(TenantActionError, match=sentence):
        maker.make(slug=slug, name="Another")
    assert _tenants(database) == ["acme"]
    with database.control() as session:
        assert find_tenant(session, "acme").name == "Acme"


def _tenant_maker(database: Database, house: SecretHouse) -> TenantMaker:
    return TenantMaker(database=database, master=MASTER, house=house, clock=CLOCK)


def _scope(office: Office, handle: str) -> Scope:
    with office.maker.database.control() as session:
        return find_connection(session, handle).scope


def _tenants(database: Database) -> list[str]:
    with database.control() as session:
        return list(session.scalars(select(Tenant.slug)))
