"""A connection exists whole, in every store, or nowhere."""

from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from coworker_pipelines.connections.catalogs import catalog_of
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.selections import current_selection, selected_streams
from coworker_pipelines.connections.tenants import tenant_keys
from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.kernel.errors import (
    CoworkerError,
    RefusedError,
    TenantActionError,
)
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.access import Access
from coworker_pipelines.provisioning.connections import ConnectionOrder
from coworker_pipelines.provisioning.indices import ConnectionIndices
from coworker_pipelines.secrets.fingerprint import fingerprint
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.secrets.references import access_reference, source_reference
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.database_fixtures import MASTER
from tests.provisioning.office import (
    NOW,
    STREAMS,
    BrokenDatabase,
    BrokenIndices,
    BrokenSecretStore,
    FullDiskError,
    Office,
)


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
