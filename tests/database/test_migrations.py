import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from secrets import token_hex
from typing import LiteralString

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import create_engine, inspect, select
from sqlalchemy.pool import NullPool

from coworker_pipelines.access.rows import AccessReview
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.connections.suppressed_keys import KeyKind, load_keys
from coworker_pipelines.connections.suppression import current_generation
from coworker_pipelines.database.database import Database
from coworker_pipelines.database.migrations import VERSION_TABLE, migrate, pending, unmigrate
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.services.local import Endpoints
from tests.database.planted import plant
from tests.database_fixtures import made_database, named_url, opened_database

assert AccessReview.metadata is Connection.metadata
TABLES = set(Connection.metadata.tables)
PASSWORD = "made-up-for-this-test"


def test_a_database_goes_up_from_empty_and_down_again(database_url: str) -> None:
    assert pending(database_url)[:2] == ("0001", "0002")
    migrate(database_url)
    assert _tables(database_url) == TABLES | {VERSION_TABLE}
    assert pending(database_url) == ()
    unmigrate(database_url)
    assert _tables(database_url) == {VERSION_TABLE}
    migrate(database_url)
    assert _tables(database_url) == TABLES | {VERSION_TABLE}


def test_the_rows_and_the_migrations_say_the_same(migrated_url: str) -> None:
    engine = create_engine(migrated_url, poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "version_table": VERSION_TABLE,
            },
        )
        assert compare_metadata(context, Connection.metadata) == []


def test_who_was_suppressed_before_orders_were_kept_stays_suppressed(database_url: str) -> None:
    tenant, key = "t0123456789abcde", "0f" * 16
    migrate(database_url, "0006")
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        connection.execute(
            "INSERT INTO tenants (id, slug, name, created_at) VALUES (%s, 'acme', 'Acme', now())",
            [tenant],
        )
        connection.execute("INSERT INTO suppressed_keys VALUES (%s, %s)", [tenant, key])
    migrate(database_url)
    with opened_database(database_url) as database, database.control() as session:
        assert key in load_keys(session, tenant, KeyKind.PERSON)
        assert current_generation(session, tenant) == 1
    unmigrate(database_url, "0006")
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        found = connection.execute("SELECT tenant_id, key FROM suppressed_keys").fetchall()
    assert found == [(tenant, key)]


def test_several_processes_may_migrate_at_once(database_url: str) -> None:
    with _processes() as processes:
        list(processes.map(migrate, [database_url] * 3))
    assert pending(database_url) == ()


def test_several_databases_of_one_server_may_be_migrated_at_once(endpoints: Endpoints) -> None:
    url = endpoints.database_url
    with made_database(url) as one, made_database(url) as other:
        with _processes() as processes:
            list(processes.map(migrate, [named_url(url, one), named_url(url, other)]))
        assert pending(named_url(url, one)) == pending(named_url(url, other)) == ()


def test_going_down_leaves_the_roles_to_other_databases(
    database: Database, database_url: str
) -> None:
    migrate(database_url)
    unmigrate(database_url)
    plant(database, "acme")


@pytest.mark.usefixtures("migrated_template")  # so that the roles exist
def test_an_owner_who_is_no_superuser_migrates_and_is_held_to_a_tenant(database_url: str) -> None:
    with _owner(database_url, has_roles=True) as url, opened_database(url) as owned:
        migrate(url)
        acme, _ = plant(owned, "acme"), plant(owned, "acme-corp")
        with owned.tenant(acme.tenant) as session:
            assert session.scalars(select(Connection.id)).all() == [acme.connection]


@pytest.mark.usefixtures("migrated_template")
def test_an_owner_without_the_roles_is_told_what_is_missing(database_url: str) -> None:
    with _owner(database_url, has_roles=False) as url:
        with pytest.raises(TenantActionError, match="lacks a right: permission denied"):
            migrate(url)
        assert _tables(url) == set()


def test_a_database_that_does_not_answer_is_for_later() -> None:
    with pytest.raises(RetryLaterError, match="cannot be reached"):
        migrate("postgresql://nobody@127.0.0.1:1/nowhere")


def _processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(3, mp_context=get_context("spawn"))


def _tables(url: str) -> set[str]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return set(inspect(connection).get_table_names())


@contextmanager
def _owner(url: str, *, has_roles: bool) -> Iterator[str]:
    """The URL of the database for an owner, who has no other right but perhaps the roles."""
    name = f"owner_{token_hex(6)}"
    database = re.fullmatch(r".*/([^/?]+)\?.*", url)
    assert database is not None
    identifiers = {"owner": sql.Identifier(name), "database": sql.Identifier(database[1])}
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:

        def run(statement: LiteralString) -> None:
            connection.execute(sql.SQL(statement).format(**identifiers))

        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                identifiers["owner"], sql.Literal(PASSWORD)
            )
        )
        run("ALTER DATABASE {database} OWNER TO {owner}")
        if has_roles:
            run(
                "GRANT coworker_run, coworker_control, coworker_locator, coworker_privacy, "
                "coworker_dispatch TO {owner}"
            )
        try:
            yield re.sub(r"//[^@]*@", f"//{name}:{PASSWORD}@", url)
        finally:
            run("ALTER DATABASE {database} OWNER TO CURRENT_USER")
            run("REASSIGN OWNED BY {owner} TO CURRENT_USER")
            run("DROP OWNED BY {owner}")
            run("DROP ROLE {owner}")
