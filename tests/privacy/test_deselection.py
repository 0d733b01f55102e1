"""What a selection takes out is gone, on a real node and database, whatever breaks off."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Any, Never

import pytest

from coworker_pipelines.activities.store import ActivitiesStore
from coworker_pipelines.connections.rejected import MemoryRejectedStore
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.connections.selections import Deselection
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents.names import activities_alias
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError
from coworker_pipelines.privacy import deselection as module
from coworker_pipelines.privacy.deselection import (
    Removal,
    apply_deselections,
    preview_deselection,
)
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.database_fixtures import MASTER
from tests.privacy.stocked import (
    CARDS_STORED,
    NOTES,
    NOTES_STORED,
    NOW,
    FolderlessSegmentStore,
    Stocked,
    address_of,
    stocked,
    stored_card,
)

ALL_BUT_AUTHOR = frozenset({"id", "title", "updated_at", "verb"})
AUTHOR = frozenset({"author"})


@pytest.fixture
def connection(elasticsearch_address: ElasticsearchAddress, database_url: str) -> Iterator[Stocked]:
    with stocked(elasticsearch_address, database_url) as connection:
        yield connection


def apply(connection: Stocked, holdings: Holdings | None = None) -> list[Removal]:
    return apply_deselections(holdings or connection.holdings, now=NOW)


def test_a_stream_that_is_taken_out_is_gone_everywhere(connection: Stocked) -> None:
    connection.select({"cards": None})
    assert apply(connection) == [
        Removal(stream=NOTES.name, documents=NOTES_STORED, activities=NOTES_STORED, rejected=1)
    ]
    assert connection.documents(NOTES.name) == {}
    assert connection.holdings.activities.count(NOTES.name) == 0
    assert connection.holdings.rejected.list(stream=NOTES.name, limit=5) == []
    assert not connection.has_state(NOTES.name)
    assert not connection.waits(NOTES.name)
    assert all(path.startswith("cards/") for path in segments(connection))


def test_the_other_streams_stay_as_they_are(connection: Stocked) -> None:
    before = connection.documents("cards")
    connection.select({"cards": None})
    apply(connection)
    assert connection.documents("cards") == before
    assert connection.holdings.activities.count() == CARDS_STORED
    assert len(connection.holdings.rejected.list(limit=5)) == 1
    assert connection.has_state("cards")
    assert connection.waits("cards")
    assert len(segments(connection)) == 2


def test_a_field_that_is_taken_out_is_in_no_answer_any_more(connection: Stocked) -> None:
    assert connection.people_found(7) == 4  # a card, a note, and a message of each
    connection.select({"cards": ALL_BUT_AUTHOR, NOTES.name: ALL_BUT_AUTHOR})
    apply(connection)
    assert b"example.org" not in connection.bytes_returned()
    assert connection.people_found(7) == 0
    assert connection.holdings.rejected.list(limit=5) == []
    assert segments(connection) == []


def test_a_field_is_counted_where_it_was(connection: Stocked) -> None:
    connection.connection.put("cards", [stored_card(9_000, payload={"id": 9_000, "verb": "Add"})])
    connection.select({"cards": ALL_BUT_AUTHOR, NOTES.name: None})
    (removal,) = apply(connection)
    assert removal == Removal(
        stream="cards",
        fields=AUTHOR,
        documents=CARDS_STORED,
        activities=CARDS_STORED,
        activities_made=CARDS_STORED + 1,
        rejected=1,
    )
    assert connection.people_found(7) == 2  # the note and its message: not taken out


@pytest.mark.parametrize("stream", ("cards", NOTES.name))
def test_a_rewritten_document_is_the_one_that_the_next_sync_would_write(
    connection: Stocked, stream: str
) -> None:
    before = connection.documents(stream)
    connection.select({"cards": ALL_BUT_AUTHOR, NOTES.name: ALL_BUT_AUTHOR})
    apply(connection)
    after = connection.documents(stream)
    assert after.keys() == before.keys()
    for key, document in after.items():
        left = {name: before[key].payload[name] for name in ALL_BUT_AUTHOR}
        assert document.payload == left
        kept = replace(
            before[key],
            payload=left,
            subject_keys=(),
            content_hash=document.content_hash,
        )
        assert document == kept
    assert len({document.content_hash for document in after.values()}) == len(after)


def test_a_rewritten_document_keeps_its_version_against_older_writers(
    connection: Stocked,
) -> None:
    connection.select({"cards": ALL_BUT_AUTHOR, NOTES.name: None})
    apply(connection)
    connection.connection.put("cards", [stored_card(5)])
    assert "author" not in connection.documents("cards")["5"].payload
    connection.connection.put("cards", [stored_card(5, version=6)])
    assert connection.documents("cards")["5"].version == 6


def test_messages_made_again_keep_their_ids(connection: Stocked) -> None:
    def ids() -> set[str]:
        pages = connection.holdings.activities.scan("cards")
        return {event["id"] for page in pages for event in page}

    before = ids()
    connection.select({"cards": ALL_BUT_AUTHOR, NOTES.name: None})
    apply(connection)
    assert ids() == before


def test_applying_again_changes_nothing(connection: Stocked) -> None:
    connection.select({"cards": ALL_BUT_AUTHOR})
    assert len(apply(connection)) == 2
    before = connection.documents("cards")
    assert apply(connection) == []
    assert connection.documents("cards") == before


def test_a_preview_says_what_will_go_and_changes_nothing(connection: Stocked) -> None:
    plan = Deselection(streams=frozenset({NOTES.name}), fields={"cards": AUTHOR})
    expected = [
        Removal(stream=NOTES.name, documents=NOTES_STORED, activities=NOTES_STORED, rejected=1),
        Removal(
            stream="cards",
            fields=AUTHOR,
            documents=CARDS_STORED,
            activities=CARDS_STORED,
            rejected=1,
        ),
    ]
    assert preview_deselection(connection.holdings, plan) == expected
    assert preview_deselection(connection.holdings, plan) == expected
    assert address_of(1) in connection.documents("cards")["1"].payload["author"]


def test_what_the_tenant_keeps_stays_also_when_something_else_goes_later(
    connection: Stocked,
) -> None:
    connection.select({"cards": ALL_BUT_AUTHOR, NOTES.name: None}, keep=True)
    assert apply(connection) == []
    connection.select({"cards": ALL_BUT_AUTHOR - {"title"}, NOTES.name: None})
    (removal,) = apply(connection)
    assert removal.fields == {"title"}
    assert connection.documents("cards")["1"].payload["author"] == address_of(1)


def test_a_run_that_holds_the_connection_is_waited_for(
    connection: Stocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_WAIT_S", 0.3)
    connection.select({"cards": None})
    with (
        connection.holdings.database.connection_lock(connection.scope.connection, wait_s=1),
        pytest.raises(RetryLaterError),
    ):
        apply(connection)
    assert len(apply(connection)) == 1


def test_after_the_epoch_was_raised_nothing_is_touched(connection: Stocked) -> None:
    connection.select({"cards": None})
    with connection.holdings.database.control() as session:
        session.get_one(Connection, connection.scope.connection).epoch = 2
    with pytest.raises(RefusedError):
        apply(connection)
    assert len(connection.documents(NOTES.name)) == NOTES_STORED


class Crash(Exception):  # noqa: N818 - a power cut is no error
    """The process ends here."""


def crash(*_: Any, **__: Any) -> Never:
    raise Crash


class CrashingRejected(MemoryRejectedStore):
    delete_stream = crash


class CrashingActivities(ActivitiesStore):
    """Deletes, and breaks off before anything is made again."""

    write = crash


class CrashingWriter(DocumentsWriter):
    """Writes the first block and breaks off."""

    def write(self, blocks: Any, mode: Any) -> Generator[Any, None, None]:
        yield next(super().write(blocks, mode))
        raise Crash


class CrashingDatabase(Database):
    """Breaks off at the transaction that forgets states or closes the order."""

    control = crash


def crashing_rejected(_: Stocked, holdings: Holdings) -> Holdings:
    return replace(holdings, rejected=CrashingRejected())


def crashing_writer(connection: Stocked, holdings: Holdings) -> Holdings:
    return replace(
        holdings, writer=lambda alias: CrashingWriter(connection.connection.endpoint, alias)
    )


def crashing_activities(connection: Stocked, holdings: Holdings) -> Holdings:
    opened = connection.connection
    writer = opened.writer(activities_alias(opened.scope))
    return replace(holdings, activities=CrashingActivities(opened.client, writer, opened.scope))


def crashing_deletion(connection: Stocked, holdings: Holdings) -> Holdings:
    opened = connection.connection
    writer = CrashingWriter(opened.endpoint, activities_alias(opened.scope))
    return replace(holdings, activities=ActivitiesStore(opened.client, writer, opened.scope))


def without_index(connection: Stocked, holdings: Holdings) -> Holdings:
    """As after a crash between an index's deletion and its making."""
    index = f"cw.{connection.scope.tenant}.{connection.scope.connection}.documents.notes-*.e1"
    found = list(connection.connection.admin.indices.get(index=index))
    connection.connection.admin.indices.delete(index=found)
    return replace(holdings, rejected=CrashingRejected())


@pytest.mark.parametrize(
    "breaking",
    (
        crashing_rejected,
        crashing_writer,
        crashing_activities,
        crashing_deletion,
        without_index,
    ),
)
def test_an_order_that_broke_off_is_finished_by_the_next_try(
    connection: Stocked, breaking: Callable[[Stocked, Holdings], Holdings]
) -> None:
    connection.select({"cards": ALL_BUT_AUTHOR})
    with pytest.raises(Crash):
        apply(connection, breaking(connection, connection.holdings))
    apply(connection)
    _is_done(connection)


def test_an_order_whose_last_transaction_broke_off_is_finished_by_the_next_try(
    connection: Stocked, database_url: str
) -> None:
    connection.select({"cards": ALL_BUT_AUTHOR})
    with CrashingDatabase(database_url, MASTER.database_pass) as database, pytest.raises(Crash):
        apply(connection, replace(connection.holdings, database=database))
    apply(connection)
    _is_done(connection)


def _is_done(connection: Stocked) -> None:
    assert b"example.org" not in connection.bytes_returned()
    assert connection.people_found(1) == 0
    assert len(connection.documents("cards")) == CARDS_STORED
    assert connection.documents(NOTES.name) == {}
    assert connection.holdings.activities.count() == CARDS_STORED
    assert connection.holdings.activities.count("cards") == CARDS_STORED
    assert connection.holdings.rejected.list(limit=5) == []
    assert not connection.has_state(NOTES.name)
    assert segments(connection) == []
    assert apply(connection) == []


def segments(connection: Stocked) -> list[str]:
    store = connection.holdings.segments
    assert isinstance(store, FolderlessSegmentStore)
    return sorted(store.objects)
