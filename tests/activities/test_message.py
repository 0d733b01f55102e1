"""The message: its schema, its golden files, its id and its limit."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.activities import message as module
from coworker_pipelines.activities.derive import derive_messages
from coworker_pipelines.activities.envelope import exported_line
from coworker_pipelines.activities.message import (
    EVENT_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    Message,
    compose_message,
    identify,
    schema,
)
from coworker_pipelines.activities.store import Numbered
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.sdk.activity import Fact, Verb
from tests.activities.json_schema import violations
from tests.activities.shapes import CARDS, KIND, SCOPE, SUBJECT_KEY, BoardConnector, card

GOLDEN = Path(__file__).parent / "golden"
RENEW = "COWORKER_RENEW_GOLDEN"
"""Set, the golden files are written instead of compared: look at the difference, then commit."""


def compare_with_golden(name: str, event: bytes) -> None:
    path = GOLDEN / f"{name}.json"
    shown = orjson.dumps(orjson.loads(event), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    if RENEW in os.environ:
        path.write_bytes(shown + b"\n")
    assert path.read_bytes() == shown + b"\n"


def message_of(document: StoredDocument) -> Message:
    (message,) = derive_messages(
        BoardConnector, CARDS, document, scope=SCOPE, kind=KIND, subject_key=SUBJECT_KEY
    )
    return message


def fact(**changes: Any) -> Fact:
    content = {"verb": Verb.CREATE, "at": None, "object_type": "card", "object_id": "1"}
    return Fact(**{**content, **changes})


def compose(made: Fact) -> Message:
    return compose_message(made, card(1), stream="cards", scope=SCOPE, kind=KIND, actor=None)


@pytest.mark.parametrize("verb", Verb)
def test_every_verb_has_its_golden_message(verb: Verb) -> None:
    message = message_of(card(7, verb=verb))
    compare_with_golden(f"{KIND}-cards-{verb.lower()}", message.event)
    assert violations(schema(), orjson.loads(message.event)) == []


def test_a_message_without_time_version_and_actor_is_valid() -> None:
    payload = {"id": 1, "verb": "Create", "updated_at": ""}
    message = message_of(card(1, version=None, occurred_at=None, payload=payload))
    event = orjson.loads(message.event)
    assert violations(schema(), event) == []
    assert "time" not in event
    assert event["data"]["actor"] is None


def test_the_schema_names_this_version_and_every_verb() -> None:
    content = schema()
    assert content["$id"] == module.SCHEMA_ID
    assert content["properties"]["dataschema"]["const"] == module.SCHEMA_ID
    verbs = content["properties"]["data"]["properties"]["verb"]["enum"]
    assert verbs == [str(verb) for verb in Verb]


@pytest.mark.parametrize(
    ("place", "value"),
    (
        (("specversion",), "0.3"),
        (("id",), "no hash"),
        (("source",), "/tenants/acme"),
        (("time",), "2026-01-01T00:00:00+01:00"),
        (("data", "verb"), "Destroy"),
        (("data", "actor"), "ann@example.org"),
        (("data", "attributes"), []),
    ),
)
def test_the_schema_refuses_what_is_no_message(place: tuple[str, ...], value: object) -> None:
    event = orjson.loads(message_of(card(1)).event)
    inner = event
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    assert violations(schema(), event)


def test_a_message_has_no_address_of_a_person() -> None:
    assert b"@" not in message_of(card(1)).event


def test_an_id_is_of_facts_and_not_of_content_sync_or_window() -> None:
    changed = card(1, content_hash="f" * 32, sync="y" + "1" * 15, window="2026-02-01")
    assert message_of(changed).id == message_of(card(1)).id


def test_a_discriminator_with_the_version_makes_a_message_a_version() -> None:
    assert message_of(card(1, version=2)).id != message_of(card(1, version=3)).id


words = st.text(st.characters(codec="utf-8"), max_size=12)


@given(st.tuples(words, words, words), st.tuples(words, words, words))
def test_other_facts_have_other_ids(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    def identified(facts: tuple[str, str, str]) -> str:
        stream, key, discriminator = facts
        return identify(SCOPE, stream, key, Verb.CREATE, discriminator)

    assert (identified(one) == identified(other)) == (one == other)


def test_two_connections_never_share_an_id() -> None:
    other = Scope(tenant=SCOPE.tenant, connection=new_id(IdPrefix.CONNECTION), epoch=1)
    assert identify(SCOPE, "a", "1", Verb.ADD, "") != identify(other, "a", "1", Verb.ADD, "")


def test_a_new_epoch_keeps_the_ids() -> None:
    later = Scope(tenant=SCOPE.tenant, connection=SCOPE.connection, epoch=2)
    assert identify(SCOPE, "a", "1", Verb.ADD, "") == identify(later, "a", "1", Verb.ADD, "")


def test_a_message_at_the_limit_is_made_and_one_above_it_is_not() -> None:
    room = EVENT_BYTES_MAX - len(compose(fact(attributes={"a": ""})).event)
    largest = orjson.loads(compose(fact(attributes={"a": "x" * room})).event)
    line = exported_line(Numbered(2**63 - 1, largest))
    assert len(line.rstrip(b"\n")) == MESSAGE_BYTES_MAX == 65_536
    with pytest.raises(DefectError, match=f"cards has {EVENT_BYTES_MAX + 1} bytes"):
        compose(fact(attributes={"a": "x" * (room + 1)}))


def test_attributes_that_are_not_json_are_a_defect_that_shows_no_value() -> None:
    with pytest.raises(DefectError) as caught:
        compose(fact(attributes={"a": {1, 2}}))
    assert str(caught.value) == "An activity of cards holds what is not JSON."


def test_a_time_without_a_zone_is_a_defect() -> None:
    with pytest.raises(DefectError, match="without a zone"):
        compose(fact(at=datetime(2026, 1, 1)))  # noqa: DTZ001 - that is the case


def test_times_are_written_in_utc() -> None:
    at = datetime.fromisoformat("2026-01-01T00:30:00.5+01:00")
    assert compose(fact(at=at)).occurred_at == "2025-12-31T23:30:00.500000Z"
    assert compose(fact(at=at.astimezone(UTC))).occurred_at == "2025-12-31T23:30:00.500000Z"


def test_only_an_update_can_be_unmapped() -> None:
    with pytest.raises(DefectError, match="unmapped and told as Create"):
        compose(fact(unmapped=True))
    assert compose(fact(verb=Verb.UPDATE, unmapped=True)).unmapped
