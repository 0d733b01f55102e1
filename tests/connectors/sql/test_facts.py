"""What rows say happened."""

from datetime import UTC, datetime
from typing import Any

import pytest

from coworker_pipelines.connectors.sql.facts import derive_facts
from coworker_pipelines.sdk.activity import Fact, StoredRecord, Verb
from coworker_pipelines.sdk.stream import Field, Stream, SyncMode

_BORN = datetime(2026, 1, 1, tzinfo=UTC)
_CHANGED = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mode", "payload", "expected"),
    (
        (
            SyncMode.WINDOW,
            {"created_at": "2026-01-01T00:00:00+00:00", "updated_at": "2026-01-02T00:00:00+00:00"},
            [(Verb.CREATE, _BORN, ""), (Verb.UPDATE, _CHANGED, "17")],
        ),
        (
            SyncMode.WINDOW,
            {"created_at": "2026-01-02T01:00:00+01:00", "updated_at": "2026-01-02T00:00:00Z"},
            [(Verb.CREATE, _CHANGED, "")],
        ),
        (
            SyncMode.WINDOW,
            {"created_at": None, "updated_at": "2026-01-02T00:00:00+00:00"},
            [(Verb.UPDATE, _CHANGED, "17")],
        ),
        (
            SyncMode.WINDOW,
            {"created_at": "infinity", "updated_at": "2026-01-02T00:00:00+00:00"},
            [(Verb.UPDATE, _CHANGED, "17")],
        ),
        (SyncMode.SEQUENCE, {"created_at": "2026-01-01T00:00:00+00:00"}, [("Create", _BORN, "")]),
        (SyncMode.SEQUENCE, {}, [(Verb.CREATE, _CHANGED, "")]),
        (SyncMode.SNAPSHOT, {}, [(Verb.UPDATE, None, "hash")]),
        (
            SyncMode.SNAPSHOT,
            {"created_at": "2026-01-01T00:00:00+00:00"},
            [(Verb.CREATE, _BORN, ""), (Verb.UPDATE, None, "hash")],
        ),
    ),
)
def test_a_row_tells_its_beginning_and_its_present_version(
    mode: SyncMode, payload: dict[str, Any], expected: list[tuple[Verb, datetime | None, str]]
) -> None:
    facts = list(derive_facts(_stream(mode), _record(payload)))

    assert [(fact.verb, fact.at, fact.discriminator) for fact in facts] == expected
    assert all(_is_about_the_row(fact) for fact in facts)


def _is_about_the_row(fact: Fact) -> bool:
    return (fact.object_type, fact.object_id, fact.actor, fact.attributes) == (
        "row",
        "7",
        None,
        {"table": "things"},
    )


def _stream(mode: SyncMode) -> Stream:
    names = ("id", "created_at", "updated_at")
    cursor = None if mode is SyncMode.SNAPSHOT else "updated_at"
    return Stream(
        name="things",
        fields=tuple(Field(name=name, type="string") for name in names),
        primary_key=("id",),
        mode=mode,
        cursor_field=cursor,
        created_field="created_at",
    )


def _record(payload: dict[str, Any]) -> StoredRecord:
    return StoredRecord(
        stream="things",
        key="7",
        version=17,
        content_hash="hash",
        occurred_at=_CHANGED,
        payload={"id": 7, **payload},
    )
