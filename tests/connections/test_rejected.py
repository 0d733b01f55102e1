"""What every store of rejected records promises, held against each of them."""

from dataclasses import replace

import pytest
from sqlalchemy import text, update

from coworker_pipelines.connections.rejected import (
    DatabaseRejectedStore,
    MemoryRejectedStore,
    RejectedEntry,
    RejectedStore,
    RejectReason,
)
from coworker_pipelines.connections.rows import RejectedRecord
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.secrets.cipher import Cipher
from tests.connections.shop import WINDOW, add_shop, make_shop

CIPHER = Cipher(bytes(range(32)))
PLANTED = "ann@example.org"
ENTRY = RejectedEntry(
    stream="orders",
    window=WINDOW,
    sync="y0123456789abcde",
    key=PLANTED,
    reason=RejectReason.REFUSED,
    detail=f"cannot parse {PLANTED}",
    payload=b'{"email":"ann@example.org"}\n\x00\xff',
)


@pytest.fixture
def scope(database: Database) -> Scope:
    return make_shop(database)


@pytest.fixture(params=("memory", "database"))
def store(request: pytest.FixtureRequest) -> RejectedStore:
    if request.param == "memory":
        return MemoryRejectedStore()
    database: Database = request.getfixturevalue("database")
    scope: Scope = request.getfixturevalue("scope")
    return DatabaseRejectedStore(database, scope, CIPHER)


def _numbered(count: int, stream: str = "orders") -> list[RejectedEntry]:
    return [
        replace(ENTRY, stream=stream, key=str(number), payload=str(number).encode())
        for number in range(count)
    ]


def _without_time(entry: RejectedEntry) -> RejectedEntry:
    return replace(entry, at=None)


def test_what_was_put_comes_back(store: RejectedStore) -> None:
    store.put([ENTRY, replace(ENTRY, key=None, reason=RejectReason.NO_KEY)])
    assert _without_time(store.get(ENTRY.id)) == ENTRY
    assert {entry.key for entry in store.list(limit=9)} == {PLANTED, None}


def test_the_same_record_is_kept_once(store: RejectedStore) -> None:
    store.put([ENTRY, ENTRY])
    store.put([replace(ENTRY, sync="y1123456789abcde", detail="again")])
    assert [_without_time(entry) for entry in store.list(limit=9)] == [ENTRY]


def test_another_record_or_reason_has_another_id() -> None:
    others = (
        replace(ENTRY, payload=b"{}"),
        replace(ENTRY, key="another"),
        replace(ENTRY, stream="events"),
        replace(ENTRY, window=WINDOW.next()),
        replace(ENTRY, reason=RejectReason.TOO_LARGE),
    )
    assert len({ENTRY.id, *(other.id for other in others)}) == 6
    assert replace(ENTRY, sync="y1123456789abcde", detail="again").id == ENTRY.id


def test_entries_are_paged_by_id(store: RejectedStore) -> None:
    store.put(_numbered(5))
    ids = sorted(entry.id for entry in _numbered(5))
    assert [entry.id for entry in store.list(limit=2)] == ids[:2]
    assert [entry.id for entry in store.list(limit=9, after=ids[1])] == ids[2:]
    assert store.list(limit=9, after=ids[-1]) == []


def test_more_than_a_page_of_records_at_once(store: RejectedStore) -> None:
    store.put(_numbered(12_000))
    assert store.delete_stream("orders") == 12_000
    store.put([])
    assert store.list(limit=1) == []


def test_entries_of_one_stream(store: RejectedStore) -> None:
    store.put([*_numbered(2), *_numbered(3, "events")])
    assert len(store.list(stream="events", limit=9)) == 3
    assert store.delete_stream("events") == 3
    assert store.delete_stream("events") == 0
    assert {entry.stream for entry in store.list(limit=9)} == {"orders"}


def test_a_deleted_record_is_unknown(store: RejectedStore) -> None:
    store.put(_numbered(2))
    gone, kept = (entry.id for entry in _numbered(2))
    store.delete([gone, gone, "r0"])
    store.delete([])
    assert [entry.id for entry in store.list(limit=9)] == [kept]
    with pytest.raises(TenantActionError, match=f"There is no rejected record '{gone}'"):
        store.get(gone)


def test_the_table_holds_nothing_in_the_clear(database: Database, scope: Scope) -> None:
    DatabaseRejectedStore(database, scope, CIPHER).put([ENTRY])
    with database.control() as session:
        row = session.execute(text("SELECT rejected_records::text, sealed FROM rejected_records"))
        shown, sealed = row.one()
    assert PLANTED not in shown
    assert PLANTED.encode().hex() not in shown
    assert PLANTED.encode() not in bytes(sealed)


def test_another_tenants_key_opens_nothing(database: Database, scope: Scope) -> None:
    DatabaseRejectedStore(database, scope, CIPHER).put([ENTRY])
    with pytest.raises(RefusedError):
        DatabaseRejectedStore(database, scope, Cipher(bytes(32))).get(ENTRY.id)


def test_a_payload_in_anothers_place_is_refused(database: Database, scope: Scope) -> None:
    store = DatabaseRejectedStore(database, scope, CIPHER)
    one, two = _numbered(2)
    store.put([one, two])
    with database._engine.begin() as connection:
        sealed = connection.scalar(
            RejectedRecord.__table__.select()
            .with_only_columns(RejectedRecord.sealed)
            .where(RejectedRecord.id == one.id)
        )
        connection.execute(
            update(RejectedRecord).where(RejectedRecord.id == two.id).values(sealed=sealed)
        )
    assert store.get(one.id)
    with pytest.raises(RefusedError):
        store.get(two.id)


def test_a_connection_sees_its_own_alone(database: Database, scope: Scope) -> None:
    with database.control() as session:
        sibling = add_shop(session, name="second").scope
    foreign = make_shop(database, "acme-corp")
    stores = [DatabaseRejectedStore(database, one, CIPHER) for one in (scope, sibling, foreign)]
    for store in stores:
        store.put([ENTRY])
    stores[0].delete([ENTRY.id])
    with pytest.raises(TenantActionError):
        stores[0].get(ENTRY.id)
    assert [len(store.list(limit=9)) for store in stores] == [0, 1, 1]
    assert stores[1].delete_stream("orders") == 1
    assert [len(store.list(limit=9)) for store in stores] == [0, 0, 1]
