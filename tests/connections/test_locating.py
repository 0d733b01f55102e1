"""Who launches runs finds connections, and sees nothing else of them."""

import pytest
from sqlalchemy import Executable, select, text
from sqlalchemy.exc import ProgrammingError

from coworker_pipelines.connections.locating import locate_connection
from coworker_pipelines.database.database import Database
from coworker_pipelines.database.rows import Row
from coworker_pipelines.kernel.errors import TenantActionError
from tests.database.planted import plant


def test_a_handle_leads_to_ids_and_kind(database: Database) -> None:
    planted = plant(database, "acme")
    plant(database, "acme-corp")
    with database.control() as session:
        handle = session.execute(
            text("SELECT handle FROM connections WHERE id = :id"), {"id": planted.connection}
        ).scalar_one()
    with database.locating() as session:
        found = locate_connection(session, handle)
    assert (found.scope.tenant, found.scope.connection) == (planted.tenant, planted.connection)
    assert found.kind
    with (
        database.locating() as session,
        pytest.raises(TenantActionError, match=r"no connection 'acme\.gone'"),
    ):
        locate_connection(session, "acme.gone")


READABLE = {"id", "tenant_id", "handle", "kind", "epoch"}
HIDDEN = [
    column
    for table in Row.metadata.sorted_tables
    for column in table.columns
    if table.name != "connections" or column.name not in READABLE
]


def test_nothing_else_can_be_read_and_nothing_changed(database: Database) -> None:
    plant(database, "acme")
    tries: list[Executable] = [select(column) for column in HIDDEN]
    tries += [
        text("UPDATE connections SET epoch = 9"),
        text("DELETE FROM connections"),
        text("SELECT epoch FROM connections FOR UPDATE"),
    ]
    for statement in tries:
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            database.locating() as session,
        ):
            session.execute(statement)
