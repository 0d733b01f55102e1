"""What a record becomes: the bytes that are sent, or the reason why there are none."""

import hashlib
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.extraction.keys import microseconds
from coworker_pipelines.extraction.payload import (
    SERIALISED_AT_ONCE,
    canonical_payload,
    canonical_payloads,
    time_text,
)
from coworker_pipelines.sdk.stream import IdentifierKind, Stream
from coworker_pipelines.segments.block import delete_line
from coworker_pipelines.segments.manifest import WriteMode
from tests.extraction.preparing import (
    SECRET,
    Operation,
    lines_of,
    only_outcome,
    operation_of,
    outcome_of,
    preparation_of,
)
from tests.extraction.shop import (
    EVENTS,
    NAMESPACE,
    ORDERS,
    PEOPLE,
    SHELVES,
    SUBJECT_KEY,
    WINDOW,
    moment,
    order,
    request_for,
)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.dates()
    | st.times()
    | st.uuids()
    | st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, VALUES, st.randoms(use_true_random=False))
def test_the_order_of_fields_changes_no_byte(
    note: object, buyer: object, shuffling: random.Random
) -> None:
    record = order(1, note=note, buyer=buyer)
    names = list(record)
    shuffling.shuffle(names)
    shuffled = {name: _shuffled(record[name], shuffling) for name in names}
    assert outcome_of(ORDERS, shuffled) == outcome_of(ORDERS, record)


@given(VALUES)
def test_the_payload_is_the_record_with_sorted_names(note: object) -> None:
    record = order(1, note=note)
    action, document = lines_of(operation_of(ORDERS, record))
    payload = canonical_payload(record)
    assert document.endswith(b',"payload":' + payload + b"}")
    assert orjson.loads(document)["payload"] == orjson.loads(payload)
    assert orjson.loads(action) == {
        "index": {
            "_id": "1",
            "version": microseconds(moment(record["changed_at"])),
            "version_type": "external",
        }
    }


def test_a_document_has_its_envelope_and_nothing_else() -> None:
    record = order(7, login=12)
    _, document = lines_of(operation_of(ORDERS, record))
    payload = canonical_payload(record)
    people = (
        subject_key_of(IdentifierKind.EMAIL, record["email"], SUBJECT_KEY),
        subject_key_of(IdentifierKind.USER_ID, 12, SUBJECT_KEY, namespace=NAMESPACE),
    )
    assert orjson.loads(document) == {
        "key": "7",
        "version": microseconds(moment(record["changed_at"])),
        "content_hash": hashlib.blake2b(payload, digest_size=16).hexdigest(),
        "occurred_at": "2026-03-08T08:00:00Z",
        "extracted_at": "2026-03-20T12:00:00Z",
        "window": "2026-03-01",
        "sync": "y0123456789abcde",
        "subject_keys": sorted(map(str, people)),
        "payload": record,
    }


def test_a_snapshots_document_has_neither_version_nor_time() -> None:
    _, document = lines_of(operation_of(SHELVES, {"hall": "A", "text": "x"}))
    assert not {"version", "occurred_at"} & orjson.loads(document).keys()


@pytest.mark.parametrize(
    ("mode", "stream", "action"),
    (
        (WriteMode.VERSIONED, EVENTS, {"index": {"version": 5, "version_type": "external"}}),
        (WriteMode.REWRITE, EVENTS, {"index": {"version": 5, "version_type": "external_gte"}}),
        (WriteMode.COMPARED, SHELVES, {"index": {}}),
        (WriteMode.CREATED, EVENTS, {"create": {}}),
    ),
)
def test_each_write_mode_has_its_action(
    mode: WriteMode, stream: Stream, action: dict[str, dict[str, object]]
) -> None:
    record = {"hall": 'A"|\\', "number": 5} if stream is EVENTS else {"hall": 'A"|\\'}
    operation = operation_of(stream, record, mode=mode)
    (verb,) = action
    expected = {verb: {"_id": operation.key} | action[verb]}
    first, second = lines_of(operation)
    assert orjson.loads(first) == expected
    assert orjson.loads(second)["key"] == operation.key
    assert orjson.loads(second)["content_hash"] == operation.content_hash


@given(TEXTS.filter(bool))
def test_any_text_may_be_a_key(text: str) -> None:
    prepared = outcome_of(SHELVES, {"hall": text})
    assert isinstance(prepared, Operation)
    first, second = lines_of(prepared)
    assert orjson.loads(first)["index"]["_id"] == orjson.loads(second)["key"] == prepared.key
    assert orjson.loads(delete_line(prepared.key)) == {"delete": {"_id": prepared.key}}


MIXED = st.sampled_from(
    (
        order,
        lambda number: order(number, note="ann@example.org and bob@example.org"),
        lambda number: order(number, note="\n,\n},\n,{", email=""),
        lambda number: order(number, login=True),
        lambda number: order(number, login=1),
        lambda number: order(number, login=["x"]),
        lambda number: order(number, more=SECRET),
        lambda number: order(number, id=str(number)),
        lambda number: order(number, id=True),
        lambda number: order(number, id=None),
        lambda number: order(number, note={1}),
        lambda number: order(number, changed_at=None),
        lambda number: order(number, changed_at=WINDOW.end_at),
        lambda number: order(number, note="erased@example.org"),
        lambda number: order(number, email="erased@example.org"),
        lambda number: order(number, changed_at=None, note="erased@example.org"),
    )
)


@given(st.lists(MIXED, max_size=3 * SERIALISED_AT_ONCE))
def test_a_page_becomes_what_its_records_become_one_by_one(
    kinds: list[Callable[[int], dict[str, Any]]],
) -> None:
    records = [kind(number) for number, kind in enumerate(kinds)]
    erased = subject_key_of(IdentifierKind.EMAIL, "erased@example.org", SUBJECT_KEY)
    suppressed = frozenset({str(erased)})
    page = preparation_of(ORDERS, suppressed=suppressed).prepare(records)
    alone = [outcome_of(ORDERS, record, suppressed=suppressed) for record in records]
    stored = [one for one in alone if isinstance(one, Operation)]
    assert page.documents.lines() == [one.lines for one in stored]
    assert page.documents.keys == [one.key for one in stored]
    assert page.documents.content_hashes == [one.content_hash for one in stored]
    assert page.left_out == [one for one in alone if not isinstance(one, Operation)]


@given(st.lists(VALUES, max_size=2 * SERIALISED_AT_ONCE + 1))
def test_payloads_are_the_same_however_many_are_made_at_once(notes: list[object]) -> None:
    records = [order(number, note=note) for number, note in enumerate(notes)]
    assert list(canonical_payloads(records)) == [canonical_payload(record) for record in records]


def test_a_record_spoils_no_payload_but_its_own() -> None:
    nested: Any = []
    for _ in range(252):
        nested = [nested]
    records = [order(1), order(2, note={1}), order(3, note=nested)]
    first, second, third = canonical_payloads(records)
    assert (first, third) == (canonical_payload(records[0]), canonical_payload(records[2]))
    assert isinstance(second, orjson.JSONEncodeError)


def test_truth_is_nobodys_number_whatever_came_before() -> None:
    page = preparation_of(ORDERS).prepare([order(1, login=1), order(2, login=True)])
    number, truth = (
        set(orjson.loads(line.split(b"\n")[1])["subject_keys"]) for line in page.documents.lines()
    )
    one = str(subject_key_of(IdentifierKind.USER_ID, 1, SUBJECT_KEY, namespace=NAMESPACE))
    assert one in number
    assert one not in truth


def test_only_selected_fields_are_taken_in() -> None:
    request = request_for(ORDERS, leave_out=frozenset({"note", "email", "login"}))
    preparation = preparation_of(ORDERS, request=request)
    prepared = only_outcome(preparation, order(1, note=SECRET, more=SECRET, login=5))
    assert isinstance(prepared, Operation)
    assert SECRET.encode() not in prepared.lines
    document = orjson.loads(lines_of(prepared)[1])
    assert document["payload"].keys() == {"id", "buyer", "changed_at"}
    assert document["subject_keys"] == []


def test_a_field_that_nobody_declared_is_not_taken_in() -> None:
    assert outcome_of(ORDERS, order(1, more=SECRET)) == outcome_of(ORDERS, order(1))


def test_a_record_is_left_as_it_was() -> None:
    record = order(1, more=1)
    before = dict(record)
    outcome_of(ORDERS, record)
    assert record == before


def test_a_persons_key_shows_nobody() -> None:
    operation = operation_of(PEOPLE, {"email": "ann@example.org", "text": "x"})
    assert operation.key.startswith("p-")
    assert preparation_of(PEOPLE).key_of(("ann@example.org",)) == operation.key
    assert b"ann" not in lines_of(operation)[0]


@pytest.mark.parametrize(
    ("value", "written"),
    (
        (datetime(2026, 3, 1, 12, tzinfo=UTC), "2026-03-01T12:00:00+00:00"),
        (date(2026, 3, 1), "2026-03-01"),
        (time(12, 30), "12:30:00"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (2**63, 2**63),
        ("张", "张"),
    ),
)
def test_what_json_has_no_type_for_is_written_as_text(value: object, written: object) -> None:
    document = orjson.loads(lines_of(operation_of(ORDERS, order(1, note=value)))[1])
    assert document["payload"]["note"] == written


@pytest.mark.parametrize(
    ("at", "text"),
    (
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01T00:00:00Z"),
        (datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=1))), "2026-03-01T00:00:00Z"),
        (datetime(2026, 3, 1, 0, 0, 0, 5, tzinfo=UTC), "2026-03-01T00:00:00.000005Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ),
)
def test_times_are_written_in_utc(at: datetime, text: str) -> None:
    assert time_text(at) == text


def _shuffled(value: object, shuffling: random.Random) -> object:
    """Equal, with the names inside in another order."""
    if isinstance(value, list):
        return [_shuffled(inner, shuffling) for inner in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    shuffling.shuffle(names)
    return {name: _shuffled(value[name], shuffling) for name in names}
