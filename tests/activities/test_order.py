"""Numbers of messages, on a real node: given once, in the order of learning, and never again."""

from collections.abc import Iterator, Sequence
from datetime import date

import orjson
import pytest

from coworker_pipelines.activities.derive import derive_messages
from coworker_pipelines.activities.envelope import exported_line, sequence_text
from coworker_pipelines.activities.mapping import ACTIVITY_PROPERTIES
from coworker_pipelines.activities.message import Message
from coworker_pipelines.activities.store import Numbered, Span, Tally
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.documents.indices import create_activities_index
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.sdk.activity import Verb
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.activities.opened import Opened, opened
from tests.activities.shapes import CARDS, KIND, SUBJECT_KEY, BoardConnector, card

EVERYTHING = 10**9


@pytest.fixture
def connection(elasticsearch_address: ElasticsearchAddress) -> Iterator[Opened]:
    scope = Scope(tenant=new_id(IdPrefix.TENANT), connection=new_id(IdPrefix.CONNECTION), epoch=1)
    with opened(elasticsearch_address, scope, (CARDS.name,)) as connection:
        yield connection


def messages_of(connection: Opened, *documents: StoredDocument) -> list[Message]:
    return [
        message
        for document in documents
        for message in derive_messages(
            BoardConnector,
            CARDS,
            document,
            scope=connection.scope,
            kind=KIND,
            subject_key=SUBJECT_KEY,
        )
    ]


def in_order(
    connection: Opened, span: Span | None = None, *, up_to: int = EVERYTHING
) -> list[Numbered]:
    pages = connection.activities.in_order(span or Span(), up_to=up_to)
    return [message for page in pages for message in page]


def objects(messages: Sequence[Numbered]) -> list[int]:
    return [int(message.event["data"]["object"]["id"]) for message in messages]


def test_messages_come_in_the_order_of_learning_and_not_of_their_time(connection: Opened) -> None:
    connection.activities.write(messages_of(connection, card(9), card(3)))
    connection.activities.write(messages_of(connection, card(5), card(1)))
    found = in_order(connection)
    assert objects(found) == [9, 3, 5, 1]
    assert [message.sequence for message in found] == [1, 2, 3, 4]


def test_a_message_that_is_there_keeps_its_number_and_its_bytes(connection: Opened) -> None:
    first = messages_of(connection, *map(card, range(1, 1_501)))
    connection.activities.write(first)
    before = {message.event["id"]: message for message in in_order(connection)}
    again = connection.activities.write([*reversed(first), *messages_of(connection, card(2_000))])
    assert (again.created, again.existing) == (1, 1_500)
    after = {message.event["id"]: message for message in in_order(connection)}
    assert {name: after[name] for name in before} == before
    (new,) = after.keys() - before.keys()
    assert after[new].sequence == again.last_sequence
    assert orjson.dumps(after[new].event).find(b"sequence") == -1, "The event is of facts alone."


def test_a_number_is_not_given_again_though_its_message_is_gone(connection: Opened) -> None:
    given = connection.activities.write(messages_of(connection, card(1), card(2))).last_sequence
    connection.activities.delete_documents(CARDS.name, ["2"])
    assert connection.activities.last_sequence() == 1
    connection.activities.write(messages_of(connection, card(3)), after=given)
    assert [message.sequence for message in in_order(connection)] == [1, 3]


def test_what_a_crash_left_behind_the_known_number_is_not_overtaken(connection: Opened) -> None:
    """Messages were written, and the process died before their number was kept."""
    connection.activities.write(messages_of(connection, *map(card, range(1, 6))))
    written = connection.activities.write(messages_of(connection, card(7), card(3)), after=0)
    assert (written.created, written.last_sequence) == (1, 7)
    numbers = [message.sequence for message in in_order(connection)]
    assert len(set(numbers)) == len(numbers) == 6


def test_what_is_on_its_way_is_left_for_later(connection: Opened) -> None:
    connection.activities.write(messages_of(connection, *map(card, range(1, 11))))
    assert objects(in_order(connection, up_to=4)) == [1, 2, 3, 4]


def test_a_span_is_of_days_and_a_message_without_time_is_of_its_months_first(
    connection: Opened,
) -> None:
    timeless = card(4, occurred_at=None, window="2026-02-01")
    days = ("2026-01-31T23:59:59.999999Z", "2026-02-01T00:00:00Z", "2026-02-28T12:00:00Z")
    dated = [card(number, occurred_at=at) for number, at in enumerate(days, start=1)]
    connection.activities.write(messages_of(connection, *dated, timeless))
    february = Span(since=date(2026, 2, 1), until=date(2026, 2, 28))
    assert objects(in_order(connection, february)) == [2, 4]
    assert objects(in_order(connection, Span(until=date(2026, 2, 1)))) == [1]
    assert objects(in_order(connection, Span(since=date(2026, 2, 2)))) == [3]
    assert in_order(connection, Span(stream="absent")) == []


def test_messages_are_tallied_by_stream_and_verb(connection: Opened) -> None:
    documents = [card(number, verb=Verb.CREATE) for number in range(1, 4)]
    unmapped = [
        card(number, verb=Verb.UPDATE, payload={**card(number).payload, "verb": "Juggle"})
        for number in (8, 9)
    ]
    connection.activities.write(
        messages_of(connection, *documents, *unmapped, card(5, verb=Verb.UPDATE))
    )
    assert connection.activities.tally() == [
        Tally(stream="cards", verb="Create", activities=3, unmapped=0),
        Tally(stream="cards", verb="Update", activities=3, unmapped=2),
    ]


def test_an_index_that_is_older_than_the_numbers_learns_them(
    elasticsearch_address: ElasticsearchAddress,
) -> None:
    scope = Scope(tenant=new_id(IdPrefix.TENANT), connection=new_id(IdPrefix.CONNECTION), epoch=1)
    older = {
        name: kind
        for name, kind in ACTIVITY_PROPERTIES.items()
        if name not in {"sequence", "unmapped"}
    }
    with open_client(elasticsearch_address) as admin:
        create_activities_index(admin, scope, older, replicas=0)
    with opened(elasticsearch_address, scope, (CARDS.name,)) as connection:
        connection.activities.write(messages_of(connection, card(2), card(1)))
        assert objects(in_order(connection)) == [2, 1]
        assert connection.activities.last_sequence() == 2


def test_a_line_has_its_number_and_texts_compare_as_numbers_do() -> None:
    line = exported_line(Numbered(7, event_of_a_card()))
    assert orjson.loads(line)["sequence"] == "0" * 18 + "7"
    assert line.endswith(b"}\n")
    numbers = [1, 9, 10, 2**31, 2**63 - 1]
    assert sorted(map(sequence_text, numbers)) == list(map(sequence_text, numbers))


def test_a_message_that_is_older_than_the_numbers_has_none() -> None:
    assert b"sequence" not in exported_line(Numbered(None, event_of_a_card()))


def event_of_a_card() -> dict[str, object]:
    (message,) = derive_messages(
        BoardConnector,
        CARDS,
        card(1),
        scope=Scope(tenant="t" + "0" * 15, connection="c" + "0" * 15, epoch=1),
        kind=KIND,
        subject_key=SUBJECT_KEY,
    )
    event: dict[str, object] = orjson.loads(message.event)
    return event
