"""Events of issues: which have a verb, which tell what changed, and which nobody has thought of."""

from typing import Any

import pytest

from coworker_pipelines.connectors.github.issue_events import PATHS, UNTOLD, VERBS, derive_event
from coworker_pipelines.sdk.activity import Change, Fact, StoredRecord, Verb

AT = "2026-01-15T12:00:00Z"


def facts(event: Any, **payload: Any) -> list[Fact]:
    content = {"id": 8, "event": event, "created_at": AT, "issue_id": 7, **payload}
    record = StoredRecord(
        stream="issue_events",
        key="8",
        version=1,
        content_hash="0" * 32,
        occurred_at=None,
        payload={name: value for name, value in content.items() if value is not None},
    )
    return list(derive_event(record))


@pytest.mark.parametrize(("event", "verb"), VERBS.items())
def test_a_known_event_has_its_verb(event: str, verb: Verb) -> None:
    (fact,) = facts(event)
    assert (fact.verb, fact.unmapped, fact.attributes["event"]) == (verb, False, event)
    assert {change.path for change in fact.changes} <= PATHS


@pytest.mark.parametrize("event", sorted(UNTOLD))
def test_what_other_streams_say_is_not_said_twice(event: str) -> None:
    assert facts(event) == []


@pytest.mark.parametrize(
    ("event", "told"), (("teleported", "teleported"), ("Ann's own", "other"), (7, "other"))
)
def test_an_event_that_nobody_thought_of_is_an_unmapped_update(event: object, told: str) -> None:
    (fact,) = facts(event)
    assert (fact.verb, fact.unmapped, fact.attributes["event"]) == (Verb.UPDATE, True, told)


@pytest.mark.parametrize(
    ("event", "payload", "change"),
    (
        ("renamed", {"renamed_from": "Old", "renamed_to": "New"}, ("/title", "Old", "New")),
        ("labeled", {"label": "bug"}, ("/labels", None, "bug")),
        ("unlabeled", {"label": "bug"}, ("/labels", "bug", None)),
        ("milestoned", {"milestone": "May"}, ("/milestone", None, "May")),
        ("demilestoned", {"milestone": "May"}, ("/milestone", "May", None)),
        ("reopened", {}, ("/state", "closed", "open")),
        ("locked", {}, ("/locked", False, True)),
        ("unlocked", {}, ("/locked", True, False)),
        ("convert_to_draft", {}, ("/draft", False, True)),
        ("ready_for_review", {}, ("/draft", True, False)),
    ),
)
def test_an_event_tells_what_changed(
    event: str, payload: dict[str, Any], change: tuple[str, Any, Any]
) -> None:
    (fact,) = facts(event, **payload)
    path, before, after = change
    assert fact.changes == (Change(path=path, before=before, after=after),)


def test_a_change_whose_fields_are_not_selected_is_not_told() -> None:
    (fact,) = facts("renamed")
    assert fact.changes == ()
    assert facts(None) == [], "The event itself is not selected."


def test_who_was_assigned_is_in_no_message() -> None:
    """A name among hashed values would outlive the erasure of its person."""
    (fact,) = facts("assigned", assignee_login="ann", reviewer_login="ann", actor_login="bob")
    assert "ann" not in str(fact)
