"""What a session of one tenant can reach of another's rows: nothing, on every table."""

import re

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Table, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import InstrumentedAttribute, Session

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.retention_rows import PlacedHold, PolicyOrder
from coworker_pipelines.connections.rows import (
    Connection,
    RejectedRecord,
    Selection,
    StreamState,
    Tenant,
)
from coworker_pipelines.connections.selections import current_selection
from coworker_pipelines.database.database import RUN_ROLE, Database
from coworker_pipelines.database.rows import Row
from coworker_pipelines.kernel.errors import (
    DefectError,
    RefusedError,
    RetryLaterError,
    TenantActionError,
)
from coworker_pipelines.kernel.secret import Secret
from tests.database.planted import WINDOW, Planted, plant, rows_of
from tests.database_fixtures import MASTER

OWN = [table for table in Row.metadata.sorted_tables if "tenant_id" in table.columns]
OWN_NAMES = [table.name for table in OWN]
CLOSED_TO_RUNS = {
    *("document_readings", "journal_entries", "oauth_grants", "receipts"),
    *("outbox", "destinations", "sent", "kill_switches", "breakers", "tags", "tasks"),
    "catch_ups",
}
SEEN_BY_RUNS = [table for table in OWN if table.name not in CLOSED_TO_RUNS]
SEEN_NAMES = [table.name for table in SEEN_BY_RUNS]
INSERTED_BY_RUNS = {
    "stream_states",
    "syncs",
    "sync_streams",
    "pending_derivations",
    "decision_rounds",
    "rejected_records",
    "rule_sets",
    "decision_chains",
    "decisions",
    "outbox",
}
UPDATED_BY_RUNS = {"stream_states", "syncs", "sync_streams"}
DELETED_BY_RUNS = {"pending_derivations", "rejected_records"}


@pytest.fixture
def tenants(database: Database) -> tuple[Planted, Planted]:
    return plant(database, "acme"), plant(database, "acme-corp")


def test_every_table_of_a_tenant_has_forced_row_level_security(database: Database) -> None:
    with database.control() as session:
        found = session.execute(
            text(
                "SELECT c.table_name, k.relrowsecurity, k.relforcerowsecurity "
                "FROM information_schema.columns c "
                "JOIN pg_class k ON k.oid = format('%I.%I', table_schema, table_name)::regclass "
                "WHERE c.column_name = 'tenant_id' AND c.table_schema = 'public'"
            )
        ).all()
    assert sorted(found) == sorted((name, True, True) for name in OWN_NAMES)


@pytest.mark.parametrize("table", SEEN_BY_RUNS, ids=SEEN_NAMES)
def test_a_tenant_sees_its_own_rows_alone(
    database: Database, tenants: tuple[Planted, Planted], table: Table
) -> None:
    own, _ = tenants
    with database.tenant(own.tenant) as session:
        assert session.scalars(select(table.c.tenant_id)).all() == [own.tenant]
    with database.control() as session:
        assert len(session.scalars(select(table.c.tenant_id)).all()) == len(tenants)


@pytest.mark.parametrize("table", SEEN_BY_RUNS, ids=SEEN_NAMES)
def test_without_a_tenant_a_run_sees_nothing(
    database: Database, tenants: tuple[Planted, Planted], table: Table
) -> None:
    assert tenants
    with database.control() as session:
        session.execute(text(f"SET LOCAL ROLE {RUN_ROLE}"))
        assert _count(session, table) == 0
        session.execute(text("RESET coworker.tenant"))
        assert _count(session, table) == 0


@pytest.mark.parametrize("table", OWN, ids=OWN_NAMES)
def test_a_run_writes_nothing_into_another_tenant(
    database: Database, tenants: tuple[Planted, Planted], table: Table
) -> None:
    own, other = tenants
    foreign = next(row for row in rows_of(other, "new") if row.__tablename__ == table.name)
    with pytest.raises(ProgrammingError) as refusal, database.tenant(own.tenant) as session:
        session.add(foreign)
    assert isinstance(refusal.value.orig, InsufficientPrivilege)
    if table.name in INSERTED_BY_RUNS:
        assert "row-level security" in str(refusal.value.orig)


@pytest.mark.parametrize("table", OWN, ids=OWN_NAMES)
def test_a_run_changes_nothing_of_another_tenant(
    database: Database, tenants: tuple[Planted, Planted], table: Table
) -> None:
    own, other = tenants
    moved = update(table).values(tenant_id=own.tenant).where(table.c.tenant_id == other.tenant)
    gone = delete(table).where(table.c.tenant_id == other.tenant)
    for statement, allowed in ((moved, UPDATED_BY_RUNS), (gone, DELETED_BY_RUNS)):
        if table.name in allowed:
            with database.tenant(own.tenant) as session:
                assert session.scalars(statement.returning(table.c.tenant_id)).all() == []
        else:
            with pytest.raises(ProgrammingError), database.tenant(own.tenant) as session:
                session.execute(statement)
    with database.control() as session:
        assert _count(session, table) == len(tenants)


@pytest.mark.parametrize("name", sorted(CLOSED_TO_RUNS))
def test_a_run_reaches_no_table_of_the_control_plane(
    database: Database, tenants: tuple[Planted, Planted], name: str
) -> None:
    own, _ = tenants
    table = Row.metadata.tables[name]
    with pytest.raises(ProgrammingError) as refusal, database.tenant(own.tenant) as session:
        session.execute(select(table.c.tenant_id))
    assert isinstance(refusal.value.orig, InsufficientPrivilege)


@pytest.mark.parametrize("name", sorted(UPDATED_BY_RUNS))
def test_a_run_gives_no_row_of_its_own_away(
    database: Database, tenants: tuple[Planted, Planted], name: str
) -> None:
    own, other = tenants
    table = Row.metadata.tables[name]
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        database.tenant(own.tenant) as session,
    ):
        session.execute(update(table).values(tenant_id=other.tenant))


def test_no_row_hangs_on_another_tenants_connection(
    database: Database, tenants: tuple[Planted, Planted]
) -> None:
    own, other = tenants
    with pytest.raises(IntegrityError), database.tenant(own.tenant) as session:
        session.execute(
            insert(StreamState).values(
                tenant_id=own.tenant,
                connection_id=other.connection,
                stream="tags",
                window=WINDOW,
                complete=False,
                selection_version=1,
                segments_confirmed=0,
            )
        )


def test_a_transaction_that_is_ended_early_is_followed_by_one_of_the_same_tenant(
    database: Database, tenants: tuple[Planted, Planted]
) -> None:
    own, _ = tenants
    with database.tenant(own.tenant) as session:
        session.commit()
        assert session.scalars(select(Connection.tenant_id)).all() == [own.tenant]
        session.rollback()
        assert session.scalars(select(Connection.tenant_id)).all() == [own.tenant]


def test_a_pooled_connection_forgets_its_tenant(
    database: Database, tenants: tuple[Planted, Planted]
) -> None:
    for planted in (*tenants, *tenants):
        with database.tenant(planted.tenant) as session:
            assert session.scalars(select(Connection.tenant_id)).all() == [planted.tenant]
    with database.control() as session:
        assert session.scalar(text("SELECT current_setting('coworker.tenant', true)")) == ""


def test_a_run_sees_no_tenant_and_makes_none(
    database: Database, tenants: tuple[Planted, Planted]
) -> None:
    own, _ = tenants
    with pytest.raises(ProgrammingError), database.tenant(own.tenant) as session:
        session.scalars(select(Tenant.id)).all()


@pytest.mark.parametrize(
    "column",
    (
        Connection.secret_fingerprint,
        Selection.made_by,
        PolicyOrder.made_by,
        PlacedHold.matter,
        PlacedHold.reason,
    ),
)
def test_a_run_reads_no_column_that_it_does_not_need(
    database: Database, tenants: tuple[Planted, Planted], column: InstrumentedAttribute[str]
) -> None:
    own, _ = tenants
    with pytest.raises(ProgrammingError), database.tenant(own.tenant) as session:
        session.scalars(select(column)).all()


def test_a_run_loads_its_connection_and_selection_whole(
    database: Database, tenants: tuple[Planted, Planted]
) -> None:
    own, _ = tenants
    with database.tenant(own.tenant) as session:
        connection = find_connection(session, "acme.acme")
        assert connection.settings == {}
        assert current_selection(session, connection.id).version == 1
        with pytest.raises(TenantActionError):
            find_connection(session, "acme-corp.acme-corp")


def test_what_was_selected_is_never_changed(
    database: Database, tenants: tuple[Planted, Planted]
) -> None:
    assert tenants
    with pytest.raises(ProgrammingError), database.control() as session:
        session.execute(update(Selection).values(made_by="somebody else"))


def test_what_was_ordered_about_retention_is_never_changed(
    database: Database, tenants: tuple[Planted, Planted]
) -> None:
    assert tenants
    for change in (
        update(PolicyOrder).values(age_days=1),
        delete(PolicyOrder),
        update(PlacedHold).values(reason="another"),
        delete(PlacedHold),
    ):
        with pytest.raises(ProgrammingError), database.control() as session:
            session.execute(change)


def test_who_names_another_tenant_needs_its_pass(
    database: Database, tenants: tuple[Planted, Planted]
) -> None:
    own, other = tenants
    with database.tenant(own.tenant) as session:
        session.execute(
            text("SELECT set_config('coworker.tenant', :id, true)"), {"id": other.tenant}
        )
        assert [_count(session, table) for table in SEEN_BY_RUNS] == [0] * len(SEEN_BY_RUNS)
        session.execute(text("SELECT set_config('coworker.pass', :own, true)"), {"own": own.tenant})
        assert [_count(session, table) for table in SEEN_BY_RUNS] == [0] * len(SEEN_BY_RUNS)
        with pytest.raises(ProgrammingError), session.begin_nested():
            session.execute(text("SELECT pass_digest FROM tenants"))


def test_a_wrong_pass_opens_no_session(migrated_url: str, tenants: tuple[Planted, Planted]) -> None:
    own, _ = tenants
    with (
        Database(migrated_url, lambda _: Secret("not the pass")) as database,
        pytest.raises(RefusedError, match="under another master key"),
        database.tenant(own.tenant) as session,
    ):
        session.scalars(select(Connection.id))


def test_a_login_for_runs_has_no_way_to_more(
    migrated_url: str, tenants: tuple[Planted, Planted]
) -> None:
    own, other = tenants
    name = f"runner_{own.tenant}"
    with psycopg.connect(migrated_url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'runner' IN ROLE coworker_run".encode())
        try:
            url = re.sub(r"//[^@]*@", f"//{name}:runner@", migrated_url)
            with Database(url, MASTER.database_pass) as database:
                with database.tenant(own.tenant) as session:
                    assert session.scalars(select(Connection.id)).all() == [own.connection]
                with (
                    pytest.raises(TenantActionError, match="lacks a right"),
                    database.control() as session,
                ):
                    session.scalars(select(Connection.id))
                with database.tenant(own.tenant) as session:
                    session.execute(text("RESET ROLE"))
                    named = {"id": other.tenant}
                    session.execute(text("SELECT set_config('coworker.tenant', :id, true)"), named)
                    assert session.scalars(select(Connection.id)).all() == []
        finally:
            owner.execute(f"DROP ROLE {name}".encode())


@pytest.mark.parametrize("tenant_id", ("", "acme", "t", "' OR true --", "c0123456789abcde"))
def test_a_session_is_opened_for_a_tenants_id_alone(database: Database, tenant_id: str) -> None:
    with pytest.raises(DefectError), database.tenant(tenant_id):
        pass


def test_an_unreachable_database_is_for_later() -> None:
    with (
        Database("postgresql://nobody@127.0.0.1:1/nowhere") as database,
        pytest.raises(RetryLaterError),
        database.control() as session,
    ):
        session.execute(select(RejectedRecord.id))


def _count(session: Session, table: Table) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0
