from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from coworker_pipelines.connections.connections import (
    find_connection,
    list_connections,
    pause,
    raise_epoch,
    reschedule,
    resume,
    schedule_of,
)
from coworker_pipelines.connections.naming import NAME_LENGTH_MAX
from coworker_pipelines.connections.schedules import Schedule
from coworker_pipelines.connections.tenants import add_tenant, find_tenant, list_tenants
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, is_id
from tests.connections.shop import NOW, add_shop, make_shop
from tests.database_fixtures import MASTER

BAD_NAMES = (
    "",
    "-acme",
    "Acme",
    "acme corp",
    "acme.corp",
    "acme_corp",
    "äcme",
    "acme\n",
    "a" * (NAME_LENGTH_MAX + 1),
)


def test_a_tenant_has_an_opaque_id_and_is_found_by_its_slug(database: Database) -> None:
    with database.control() as session:
        made = add_tenant(session, MASTER, slug="acme", name="Acme", now=NOW)
        assert is_id(made.id, IdPrefix.TENANT)
        assert find_tenant(session, "acme") is made
        add_tenant(session, MASTER, slug="a" * NAME_LENGTH_MAX, name="Long", now=NOW)
        assert [tenant.slug for tenant in list_tenants(session)] == ["a" * 40, "acme"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_is_refused_in_one_sentence(database: Database, name: str) -> None:
    with database.control() as session:
        with pytest.raises(TenantActionError, match="is no name for a tenant: lower-case letters"):
            add_tenant(session, MASTER, slug=name, name="Acme", now=NOW)
        tenant = add_tenant(session, MASTER, slug="acme", name="Acme", now=NOW)
        with pytest.raises(TenantActionError, match="is no name for a connection"):
            add_shop(session, name=name)
        assert list_tenants(session) == [tenant]


def test_a_name_that_is_taken_is_refused_and_the_session_goes_on(database: Database) -> None:
    make_shop(database)
    with database.control() as session:
        with pytest.raises(TenantActionError, match=r"^There is a tenant 'acme' already\.$"):
            add_tenant(session, MASTER, slug="acme", name="Other", now=NOW)
        with pytest.raises(TenantActionError, match=r"^There is a connection 'acme.shop' already"):
            add_shop(session)
        add_shop(session, name="shop-2")
        assert [entry.handle for entry in list_connections(session)] == ["acme.shop", "acme.shop-2"]


def test_of_two_who_take_a_name_at_once_one_is_told(database: Database) -> None:
    both = Barrier(2)

    def add(_: int) -> str:
        try:
            with database.control() as session:
                list_tenants(session)
                both.wait(timeout=10)
                add_tenant(session, MASTER, slug="acme", name="Acme", now=NOW)
        except TenantActionError:
            return "told"
        return "made"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(add, range(2))) == ["made", "told"]


def test_an_unknown_name_is_answered_with_the_nearest(database: Database) -> None:
    make_shop(database)
    with database.control() as session:
        with pytest.raises(
            TenantActionError, match=r"There is no tenant 'acne'. Did you mean 'acme'\?"
        ):
            find_tenant(session, "acne")
        with pytest.raises(TenantActionError, match=r"Did you mean 'acme\.shop'"):
            find_connection(session, "acme.shp")
        with pytest.raises(TenantActionError, match=r"There is: acme\.shop\."):
            find_connection(session, "zzz")


def test_a_connection_is_found_by_handle_and_by_id(database: Database) -> None:
    scope = make_shop(database)
    with database.tenant(scope.tenant) as session:
        found = find_connection(session, "acme.shop")
        assert find_connection(session, scope.connection) is found
        assert found.scope == scope


def test_connections_are_listed_by_tenant_and_kind(database: Database) -> None:
    acme, corp = make_shop(database), make_shop(database, "acme-corp", kind="git")
    with database.control() as session:
        assert {row.id for row in list_connections(session)} == {acme.connection, corp.connection}
        assert [row.id for row in list_connections(session, kind="git")] == [corp.connection]
        by_tenant = list_connections(session, tenant_id=acme.tenant)
        assert [row.id for row in by_tenant] == [acme.connection]


def test_with_a_schedule_it_is_due_at_once_and_without_never(database: Database) -> None:
    with database.control() as session:
        add_tenant(session, MASTER, slug="acme", name="Acme", now=NOW)
        assert add_shop(session).due_at == NOW
        assert add_shop(session, name="by-hand", schedule=None).due_at is None


def test_a_paused_connection_goes_on_from_the_next_time(database: Database) -> None:
    scope = make_shop(database)
    later = NOW + timedelta(days=3)
    for at in (NOW, later):
        with database.control() as session:
            pause(find_connection(session, scope.connection), now=at)
    with database.control() as session:
        assert find_connection(session, scope.connection).paused_at == NOW
        resume(find_connection(session, scope.connection), now=later)
    with database.control() as session:
        connection = find_connection(session, scope.connection)
        assert connection.paused_at is None
        assert connection.due_at is not None
        assert later < connection.due_at <= later + timedelta(hours=2)


def test_a_new_schedule_takes_the_place_of_the_old(database: Database) -> None:
    scope = make_shop(database)
    six = NOW.replace(day=16, hour=6)
    for schedule, due_at in ((Schedule(cron="0 6 * * *", jitter_s=0), six), (None, None)):
        with database.control() as session:
            reschedule(find_connection(session, scope.connection), schedule, now=NOW)
        with database.control() as session:
            connection = find_connection(session, scope.connection)
            assert schedule_of(connection) == schedule
            assert connection.due_at == due_at


def test_a_raised_epoch_is_a_new_scope(database: Database) -> None:
    scope = make_shop(database)
    with database.control() as session:
        raised = raise_epoch(session, find_connection(session, scope.connection))
        assert (raised.connection, raised.epoch) == (scope.connection, scope.epoch + 1)
    with database.tenant(scope.tenant) as session:
        assert find_connection(session, scope.connection).scope == raised


def test_an_unfinished_connection_leaves_nothing(database: Database) -> None:
    make_shop(database)
    with pytest.raises(TenantActionError), database.control() as session:
        add_shop(session, name=add_shop(session, name="second").name)
    with database.control() as session:
        assert len(list_connections(session)) == 1
