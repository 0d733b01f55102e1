"""What becomes no document, and why: the reason is told, the value is not."""

from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

import orjson
import pytest

from coworker_pipelines.connections.rejected import RejectReason
from coworker_pipelines.extraction.payload import (
    canonical_payload,
)
from coworker_pipelines.extraction.prepare import (
    DOCUMENT_BYTES_MAX,
    Filtered,
    Rejection,
)
from tests.extraction.preparing import SECRET, Operation, outcome_of
from tests.extraction.shop import (
    EVENTS,
    ORDERS,
    SHELVES,
    WINDOW,
    order,
)


@pytest.mark.parametrize(
    ("record", "reason", "key"),
    (
        ({"changed_at": "2026-03-01T00:00:00Z", "note": SECRET}, RejectReason.NO_KEY, None),
        (order(1, id=None, note=SECRET), RejectReason.NO_KEY, None),
        (order(1, changed_at=None, note=SECRET), RejectReason.NO_CURSOR, "1"),
        (order(1, changed_at=SECRET), RejectReason.NO_CURSOR, "1"),
        (order(1, changed_at="9999-12-31T23:00:00-05:00"), RejectReason.NO_CURSOR, "1"),
        (order(1, note=Decimal("1.5"), buyer=SECRET), RejectReason.NOT_SERIALISABLE, "1"),
        (order(1, note={SECRET.encode()}), RejectReason.NOT_SERIALISABLE, "1"),
        (order(1, note={1: SECRET}), RejectReason.NOT_SERIALISABLE, "1"),
        (order(1, note=2**64, buyer=SECRET), RejectReason.NOT_SERIALISABLE, "1"),
        (order(1, note=SECRET + "\ud800"), RejectReason.NOT_SERIALISABLE, "1"),
        (order(1, note=SECRET * 2**20), RejectReason.TOO_LARGE, "1"),
    ),
)
def test_what_cannot_be_stored_is_rejected_with_its_reason_and_kept(
    record: dict[str, Any], reason: RejectReason, key: str | None
) -> None:
    prepared = outcome_of(ORDERS, record)
    assert isinstance(prepared, Rejection)
    assert (prepared.reason, prepared.key) == (reason, key)
    assert SECRET not in prepared.detail
    assert prepared.detail
    kept = orjson.loads(prepared.payload)
    assert kept.keys() == record.keys()
    if SECRET in str(record):
        assert SECRET in str(kept)


def test_a_key_that_is_no_text_to_json_is_rejected() -> None:
    prepared = outcome_of(SHELVES, {"hall": "\ud800", "text": SECRET})
    assert isinstance(prepared, Rejection)
    assert (prepared.reason, prepared.key) == (RejectReason.NO_KEY, None)


def test_a_nesting_too_deep_is_rejected() -> None:
    note: Any = []
    for _ in range(2_000):
        note = [note]
    prepared = outcome_of(ORDERS, order(1, note=note))
    assert isinstance(prepared, Rejection)
    assert prepared.reason is RejectReason.NOT_SERIALISABLE


@pytest.mark.parametrize("extra", (0, 1))
def test_a_record_may_have_so_many_bytes_and_no_more(extra: int) -> None:
    empty = canonical_payload(order(1, note=""))
    note = "x" * (DOCUMENT_BYTES_MAX - len(empty) + extra)
    prepared = outcome_of(ORDERS, order(1, note=note))
    assert isinstance(prepared, Rejection if extra else Operation)


def test_what_lies_outside_of_the_span_is_filtered() -> None:
    moments = {
        WINDOW.start_at - timedelta(microseconds=1): Filtered,
        WINDOW.start_at: Operation,
        WINDOW.end_at - timedelta(microseconds=1): Operation,
        WINDOW.end_at: Filtered,
    }
    zone = timezone(timedelta(hours=-9))
    for at, expected in moments.items():
        for value in (at, at.isoformat(), at.astimezone(zone), at.astimezone(zone).isoformat()):
            assert isinstance(outcome_of(ORDERS, order(1, changed_at=value)), expected)


def test_a_sequence_and_a_snapshot_belong_to_the_window_that_they_are_read_in() -> None:
    long_ago = {"hall": "A", "number": 1, "at": "1999-01-01T00:00:00Z"}
    assert isinstance(outcome_of(EVENTS, long_ago), Operation)
    assert isinstance(outcome_of(SHELVES, {"hall": "A"}), Operation)


@pytest.mark.parametrize("number", (None, -1, 2**63, "5", 1.5))
def test_a_sequence_without_its_number_is_rejected(number: object) -> None:
    prepared = outcome_of(EVENTS, {"hall": "A", "number": number})
    assert isinstance(prepared, Rejection)
    missing = RejectReason.NO_KEY if number is None else RejectReason.NO_CURSOR
    assert prepared.reason is missing
