"""Messages at rest, on a real node: create-only, found again, taken away."""

from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from coworker_pipelines.activities.derivation import DerivationCounts, derive_pending
from coworker_pipelines.activities.derive import derive_messages
from coworker_pipelines.activities.message import Message
from coworker_pipelines.activities.store import Written
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.activity import Verb
from coworker_pipelines.sdk.stream import Stream
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.activities.opened import Opened, opened
from tests.activities.shapes import CARDS, KIND, SUBJECT_KEY, BoardConnector, card

NOTES = replace(CARDS, name="Notes of the board")
WINDOW = Window(2026, 1)
SYNC = card(0).sync


@pytest.fixture
def connection(elasticsearch_address: ElasticsearchAddress) -> Iterator[Opened]:
    scope = Scope(tenant=new_id(IdPrefix.TENANT), connection=new_id(IdPrefix.CONNECTION), epoch=1)
    with opened(elasticsearch_address, scope, (CARDS.name, NOTES.name)) as connection:
        yield connection


def messages_of(
    connection: Opened, documents: list[StoredDocument], stream: Stream = CARDS
) -> list[Message]:
    return [
        message
        for document in documents
        for message in derive_messages(
            BoardConnector,
            stream,
            document,
            scope=connection.scope,
            kind=KIND,
            subject_key=SUBJECT_KEY,
        )
    ]


def derive(connection: Opened, stream: Stream = CARDS, sync: str = SYNC) -> DerivationCounts:
    return derive_pending(
        connector_class=BoardConnector,
        stream=stream,
        window=WINDOW,
        sync=sync,
        scope=connection.scope,
        kind=KIND,
        subject_key=SUBJECT_KEY,
        reader=connection.reader,
        store=connection.activities,
    )


def cards(count: int) -> list[StoredDocument]:
    return [card(number) for number in range(1, count + 1)]


def test_writing_messages_again_adds_nothing(connection: Opened) -> None:
    messages = messages_of(connection, cards(2_500))
    first = Written(created=2_500, existing=0, last_sequence=2_500)
    again = Written(created=0, existing=2_500, last_sequence=5_000)
    assert connection.activities.write(messages) == first
    assert connection.activities.write(reversed(messages)) == again
    assert connection.activities.count() == 2_500


def test_a_message_comes_back_as_it_was_written(connection: Opened) -> None:
    (message,) = messages_of(connection, [card(1, verb=Verb.MERGE)])
    connection.activities.write([message])
    (kept,) = connection.activities.page(limit=10)
    assert orjson.dumps(kept.event) == message.event


def test_a_message_that_is_there_stays_as_it_is(connection: Opened) -> None:
    first, second = (
        messages_of(connection, [card(1, payload={**card(1).payload, "title": title})])
        for title in ("short", "a longer title")
    )
    connection.activities.write(first)
    assert connection.activities.write(second).existing == 1
    (kept,) = connection.activities.page(limit=1)
    assert kept.event["data"]["attributes"] == {"title_length": len("short")}


def test_the_latest_come_first_and_those_without_a_time_last(connection: Opened) -> None:
    documents = [card(2), card(9, occurred_at=None), card(3), card(1)]
    connection.activities.write(messages_of(connection, documents))
    page = connection.activities.page(limit=4)
    assert [kept.event["data"]["object"]["id"] for kept in page] == ["3", "2", "1", "9"]
    assert connection.activities.page(limit=2) == page[:2]


def test_the_envelope_finds_a_message_and_the_event_is_not_indexed(connection: Opened) -> None:
    (message,) = messages_of(connection, [card(1)])
    connection.activities.write([message])
    connection.activities.count()

    def hits(field: str, value: object) -> int:
        answer = connection.client.count(
            index=f"cw.{connection.scope.tenant}.{connection.scope.connection}.activities.alias.e1",
            query={"term": {field: value}},
        )
        return int(answer["count"])

    found = {
        "id": message.id,
        "verb": "Create",
        "stream": "cards",
        "document_key": "1",
        "object_type": "card",
        "actor": message.actor,
        "subject_keys": message.actor,
        "window": "2026-01-01",
        "sync": SYNC,
        "sequence": 1,
        "occurred_at": "2026-01-01T00:00:01Z",
    }
    assert {field: hits(field, value) for field, value in found.items()} == dict.fromkeys(found, 1)
    assert hits("payload.data.verb", "Create") == 0


def test_only_one_streams_messages_are_deleted(connection: Opened) -> None:
    connection.activities.write(messages_of(connection, cards(30)))
    connection.activities.write(messages_of(connection, cards(20), NOTES))
    assert connection.activities.delete_stream(NOTES.name) == 20
    assert connection.activities.count() == connection.activities.count("cards") == 30
    assert connection.activities.delete_stream(NOTES.name) == 0


def test_only_the_named_documents_messages_are_deleted(connection: Opened) -> None:
    connection.activities.write(messages_of(connection, cards(1_300)))
    connection.activities.write(messages_of(connection, cards(3), NOTES))
    keys = [str(number) for number in range(2, 1_300)]
    assert connection.activities.delete_documents("cards", keys) == 1_298
    left = [event["subject"] for page in connection.activities.scan("cards") for event in page]
    assert sorted(left) == ["cards/1", "cards/1300"]
    assert connection.activities.count(NOTES.name) == 3


def test_a_deleted_message_can_be_made_again(connection: Opened) -> None:
    messages = messages_of(connection, cards(5))
    connection.activities.write(messages)
    connection.activities.delete_stream("cards")
    assert connection.activities.write(messages).created == 5


def test_a_derivation_takes_the_documents_of_its_sync_and_window(connection: Opened) -> None:
    other_sync = "y" + "1" * 15
    connection.put(
        "cards",
        [
            *cards(2_100),
            card(5_000, window="2026-02-01"),
            card(5_001, sync=other_sync),
        ],
    )
    made = DerivationCounts(documents=2_100, created=2_100, last_sequence=2_100)
    found = DerivationCounts(documents=2_100, existing=2_100, last_sequence=4_200)
    assert derive(connection) == made
    assert derive(connection) == found
    assert derive(connection, sync=other_sync).created == 1
    assert connection.activities.count() == 2_101


def test_a_derivation_that_broke_off_is_completed(connection: Opened) -> None:
    connection.put("cards", cards(50))
    connection.activities.write(messages_of(connection, cards(20)))
    counts = derive(connection)
    assert (counts.documents, counts.created, counts.existing) == (50, 30, 20)


def test_a_derivation_after_the_epoch_was_raised_is_refused(connection: Opened) -> None:
    late = replace(connection, scope=replace(connection.scope, epoch=2))
    with pytest.raises(RefusedError):
        derive_pending(
            connector_class=BoardConnector,
            stream=CARDS,
            window=WINDOW,
            sync=SYNC,
            scope=late.scope,
            kind=KIND,
            subject_key=SUBJECT_KEY,
            reader=type(late.reader)(late.client, late.scope),
            store=late.activities,
        )
