"""Who looked at raw data is on record before anything is shown, and stays there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import ProgrammingError

from coworker_pipelines.access.readings import (
    DocumentReadings,
    Reading,
    list_readings,
    opened_key,
)
from coworker_pipelines.access.rows import DocumentReading
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import DefectError, RefusedError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.secrets.cipher import Cipher
from tests.database.planted import Planted, plant

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = b"k" * 32
PERSON = "ann@example.org"
READING = Reading(
    command="documents show",
    stream="contacts",
    key=PERSON,
    documents=1,
    reader="bob",
    reason="  ticket 7: a contact is missing ",
)


@pytest.fixture
def planted(database: Database) -> Planted:
    return plant(database, "acme")


def _readings(database: Database, planted: Planted) -> DocumentReadings:
    scope = Scope(tenant=planted.tenant, connection=planted.connection, epoch=1)
    return DocumentReadings(database, scope, "acme.acme", Cipher(KEY))


def test_a_reading_is_kept_whole(database: Database, planted: Planted) -> None:
    reading_id = _readings(database, planted).record(READING, now=NOW)
    with database.control() as session:
        row = session.get(DocumentReading, reading_id)
        assert row is not None
        assert (row.tenant_id, row.connection_id) == (planted.tenant, planted.connection)
        assert (row.handle, row.command, row.stream) == ("acme.acme", READING.command, "contacts")
        assert (row.reader, row.reason, row.at) == ("bob", "ticket 7: a contact is missing", NOW)
        assert opened_key(row, lambda _: KEY) == PERSON
        assert opened_key(row, lambda _: b"x" * 32) == "sealed"


def test_whose_tenants_key_is_gone_is_not_read_any_more(
    database: Database, planted: Planted
) -> None:
    reading_id = _readings(database, planted).record(READING, now=NOW)

    def gone(_: str) -> bytes:
        raise DefectError("There is no such tenant.")

    with database.control() as session:
        row = session.get(DocumentReading, reading_id)
        assert row is not None
        assert opened_key(row, gone) == "sealed"


def test_no_key_of_a_document_is_in_the_clear(
    database: Database, planted: Planted, migrated_url: str
) -> None:
    _readings(database, planted).record(READING, now=NOW)
    with psycopg.connect(migrated_url.replace("+psycopg", "")) as connection:
        rows = connection.execute("SELECT * FROM document_readings").fetchall()
    assert len(rows) > 0
    assert PERSON not in repr(rows)
    assert PERSON.encode().hex() not in repr(rows)


@pytest.mark.parametrize("reason", ("", "   ", "test", "x" * 501))
def test_what_is_no_reason_is_refused_and_nothing_recorded(
    database: Database, planted: Planted, reason: str
) -> None:
    with database.control() as session:
        before = len(list_readings(session, tenant_id=None, since=None, limit=10))
    wrong = Reading(
        command="documents show", stream="s", key=None, documents=1, reader="bob", reason=reason
    )
    with pytest.raises(RefusedError, match="for a reason only"):
        _readings(database, planted).record(wrong, now=NOW)
    with database.control() as session:
        assert len(list_readings(session, tenant_id=None, since=None, limit=10)) == before


def test_readings_are_listed_by_tenant_and_time_the_latest_first(database: Database) -> None:
    acme, other = plant(database, "acme"), plant(database, "acme-corp")
    for day, planted in enumerate((acme, other, acme), start=1):
        _readings(database, planted).record(READING, now=NOW + timedelta(days=day))
    with database.control() as session:
        every = list_readings(session, tenant_id=None, since=NOW, limit=10)
        assert [row.tenant_id for row in every] == [acme.tenant, other.tenant, acme.tenant]
        own = list_readings(session, tenant_id=acme.tenant, since=NOW, limit=10)
        assert [row.at - NOW for row in own] == [timedelta(days=3), timedelta(days=1)]
        late = list_readings(session, tenant_id=None, since=NOW + timedelta(days=2), limit=10)
        assert len(late) == 2
        assert len(list_readings(session, tenant_id=None, since=None, limit=1)) == 1


def test_a_reading_is_never_changed_or_removed(database: Database, planted: Planted) -> None:
    assert planted
    for statement in (
        update(DocumentReading).values(reason="another one"),
        delete(DocumentReading),
    ):
        with _refused(), database.control() as session:
            session.execute(statement)


def test_a_run_sees_no_reading_and_adds_none(database: Database, planted: Planted) -> None:
    columns = {column.name for column in DocumentReading.__table__.columns}
    with _refused(), database.tenant(planted.tenant) as session:
        session.execute(select(DocumentReading.id))
    with _refused(), database.tenant(planted.tenant) as session:
        session.execute(insert(DocumentReading).values(dict.fromkeys(columns)))


@contextmanager
def _refused() -> Iterator[None]:
    with pytest.raises(ProgrammingError) as refusal:
        yield
    assert isinstance(refusal.value.orig, InsufficientPrivilege)
