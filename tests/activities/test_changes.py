"""What changed: which field, and whether to the same value; and no way to find out which."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.activities.changes import hashed_changes
from coworker_pipelines.activities.derive import derive_messages
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.sdk.activity import OTHER_EVENT, Change, Fact, Verb, source_event
from tests.activities.shapes import CARDS, KIND, SCOPE, SUBJECT_KEY, BoardConnector, card

values = st.one_of(st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=8))


def fact(*changes: Change, **others: Any) -> Fact:
    content = {"verb": Verb.UPDATE, "at": None, "object_type": "card", "object_id": "1"}
    return Fact(**{**content, **others}, changes=changes)


def hashes(before: Any, after: Any, *, path: str = "/title", **others: Any) -> tuple[Any, Any]:
    made = fact(Change(path=path, before=before, after=after), **others)
    ((told),) = hashed_changes(made, SCOPE, SUBJECT_KEY)
    assert told["path"] == path
    return told["before"], told["after"]


@given(values, values)
def test_hashes_are_equal_where_the_values_are(one: Any, other: Any) -> None:
    before, after = hashes(one, other)
    assert (before == after) == (orjson.dumps(one) == orjson.dumps(other))


def test_one_change_follows_another() -> None:
    assert hashes("Old", "New")[1] == hashes("New", "Newer")[0]


def test_a_hash_is_of_one_field_of_one_object_of_one_connection() -> None:
    made = fact(Change(path="/title", before=None, after="Old"))
    elsewhere = replace(SCOPE, connection="c" + "9" * 15)
    found = {
        hashes(None, "Old")[1],
        hashes(None, "Old", object_id="2")[1],
        hashes(None, "Old", object_type="board")[1],
        hashes(None, "Old", path="/label")[1],
        hashed_changes(made, elsewhere, SUBJECT_KEY)[0]["after"],
        hashed_changes(made, SCOPE, b"another tenant's key")[0]["after"],
    }
    assert len(found) == 6


def test_no_value_is_none_and_not_a_hash_of_nothing() -> None:
    assert hashes(None, "")[0] is None
    assert hashes(None, "")[1] is not None


def test_a_value_that_is_not_json_is_a_defect_that_does_not_show_it() -> None:
    with pytest.raises(DefectError) as caught:
        hashes({"secret"}, None)
    assert str(caught.value) == "A change of /title holds what is not JSON."


def test_a_message_tells_changes_in_the_facts_order_and_no_value() -> None:
    moves = [["/list", "Doing", "Done"], ["/title", None, "Ready"]]
    document = card(1, payload={**card(1).payload, "verb": "Update", "moves": moves})
    (message,) = derive_messages(
        BoardConnector, CARDS, document, scope=SCOPE, kind=KIND, subject_key=SUBJECT_KEY
    )
    told = orjson.loads(message.event)["data"]["changes"]
    assert [one["path"] for one in told] == ["/list", "/title"]
    assert not [word for word in (b"Doing", b"Done", b"Ready") if word in message.event]


def test_an_event_without_a_verb_is_an_update_that_says_so() -> None:
    document = card(1, payload={**card(1).payload, "verb": "Juggle"})
    (message,) = derive_messages(
        BoardConnector, CARDS, document, scope=SCOPE, kind=KIND, subject_key=SUBJECT_KEY
    )
    data = orjson.loads(message.event)["data"]
    assert (message.unmapped, data["verb"], data["unmapped"]) == (True, "Update", True)


@pytest.mark.parametrize(
    ("word", "told"),
    (
        ("labeled", "labeled"),
        ("issue_type.added", "issue_type.added"),
        ("Ann Smith left", OTHER_EVENT),
        ("ann@example.org", OTHER_EVENT),
        ("x" * 65, OTHER_EVENT),
        ("", OTHER_EVENT),
        (7, OTHER_EVENT),
    ),
)
def test_a_sources_word_for_an_event_is_a_word_or_other(word: object, told: str) -> None:
    assert source_event(word) == told
