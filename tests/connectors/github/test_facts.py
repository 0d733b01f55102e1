"""What GitHub's records say happened, down to the message."""

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from coworker_pipelines.activities.derive import derive_messages
from coworker_pipelines.activities.message import Message, schema
from coworker_pipelines.connectors.github.connector import GitHubConnector
from coworker_pipelines.connectors.github.facts import PARENTS_MAX, derive_facts
from coworker_pipelines.connectors.github.records import (
    comment_record,
    commit_record,
    issue_event_record,
    issue_record,
    pull_request_record,
    release_record,
    repository_record,
    review_comment_record,
    review_record,
    user_record,
)
from coworker_pipelines.connectors.github.repositories import Repository
from coworker_pipelines.connectors.github.streams import (
    COMMENTS,
    COMMITS,
    ISSUE_EVENTS,
    ISSUES,
    PULL_REQUESTS,
    RELEASES,
    REPOSITORIES,
    REVIEW_COMMENTS,
    REVIEWS,
    STREAMS,
    USERS,
)
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.sdk.activity import Fact, StoredRecord, Verb
from coworker_pipelines.sdk.conformance.facts import stored_record
from coworker_pipelines.sdk.page import Record
from coworker_pipelines.sdk.stream import Stream
from tests.activities.json_schema import violations
from tests.fakes.github_world import BORN, FakeRepository, person, profile, text_of

GOLDEN: Final = Path(__file__).parent / "golden"
RENEW: Final = "COWORKER_RENEW_GOLDEN"
SCOPE: Final = Scope(tenant="t0123456789abcde", connection="c0123456789abcde", epoch=1)
SUBJECT_KEY: Final = b"a key of the tenant, 32 bytes :)"
PLACE: Final = Repository(id=11, full_name="acme/code", default_branch="main", pushed_at=None)
LATER: Final = datetime(2026, 1, 15, 12, tzinfo=UTC)
ENDED: Final = {"state": "closed", "closed_at": text_of(LATER)}


@dataclass(frozen=True)
class Case:
    """A record, and the verbs of what it says, each with its discriminator and actor."""

    name: str
    stream: Stream
    record: Record
    says: tuple[tuple[Verb, datetime | None, str, str | None], ...]


def _cases() -> list[Case]:
    fake = FakeRepository(id=11, full_name="acme/code", pushed_at=LATER)
    again = text_of(LATER)
    pull = fake.add_pull(7, LATER)
    opened = (Verb.CREATE, BORN, "", "person-7")
    fake.add_commits([BORN, LATER])
    tip = fake.commits[0]
    merge = {**tip, "parents": [{"sha": "a" * 40}, {"sha": "b" * 40}]}
    issue = fake.add_issue(7, LATER, **ENDED, state_reason="completed", closed_by=person(9))
    found = issue_record(PLACE, issue)
    still_open = issue_record(PLACE, fake.add_issue(7, LATER))
    assert found is not None
    assert still_open is not None
    review = review_record(PLACE, pull, fake.add_review(pull, 5, LATER, state="CHANGES_REQUESTED"))
    assert review is not None
    comment = comment_record(PLACE, fake.add_comment(7, BORN))
    edited = comment_record(PLACE, fake.add_comment(7, LATER))
    closed = pull_request_record(PLACE, fake.add_pull(7, LATER, **ENDED))
    merged = pull_request_record(
        PLACE, fake.add_pull(7, LATER, **ENDED, merged_at=again, merge_commit_sha="c" * 40)
    )
    return [
        Case("repository", REPOSITORIES, repository_record(fake.shape()),
             ((Verb.CREATE, BORN, "", None),)),
        Case("issue-open", ISSUES, still_open, (opened,)),
        Case("issue-closed", ISSUES, found, (opened, (Verb.CLOSE, LATER, again, "person-9"))),
        Case("pull-request-open", PULL_REQUESTS, pull_request_record(PLACE, pull), (opened,)),
        Case("pull-request-closed", PULL_REQUESTS, closed,
             (opened, (Verb.CLOSE, LATER, again, None))),
        Case("pull-request-merged", PULL_REQUESTS, merged,
             (opened, (Verb.MERGE, LATER, "", None))),
        *_events(fake),
        Case("review", REVIEWS, review, ((Verb.REVIEW, LATER, "", "person-5"),)),
        Case("comment", COMMENTS, comment, (opened,)),
        Case("comment-edited", COMMENTS, edited, (opened, (Verb.UPDATE, LATER, again, None))),
        Case("review-comment", REVIEW_COMMENTS,
             review_comment_record(PLACE, fake.add_review_comment(7, BORN)), (opened,)),
        Case("review-comment-edited", REVIEW_COMMENTS,
             review_comment_record(PLACE, fake.add_review_comment(7, LATER)),
             (opened, (Verb.UPDATE, LATER, again, None))),
        Case("commit", COMMITS, commit_record(PLACE, tip),
             ((Verb.COMMIT, LATER, "", "person-1@example.com"),)),
        Case("commit-merge", COMMITS, commit_record(PLACE, merge),
             ((Verb.MERGE, LATER, "", "person-1@example.com"),)),
        Case("release", RELEASES, release_record(PLACE, fake.add_release(3)),
             ((Verb.ANNOUNCE, BORN, "", "person-3"),)),
        Case("release-draft", RELEASES,
             release_record(PLACE, fake.add_release(3, draft=True, published_at=None)), ()),
        Case("user", USERS, user_record(person(2), profile(person(2))),
             ((Verb.JOIN, None, "", "person-2"),)),
    ]  # fmt: skip


def _events(fake: FakeRepository) -> list[Case]:
    def case(name: str, event: str, *says: Verb, **values: Any) -> Case:
        record = issue_event_record(PLACE, fake.add_issue_event(7, LATER, event, **values))
        return Case(
            name, ISSUE_EVENTS, record, tuple((verb, LATER, "", "person-7") for verb in says)
        )

    bug = {"name": "bug", "color": "f00"}
    return [
        case("event-labeled", "labeled", Verb.ADD, label=bug),
        case("event-unassigned", "unassigned", Verb.REMOVE, assignee=person(9)),
        case("event-renamed", "renamed", Verb.UPDATE, rename={"from": "Old", "to": "New"}),
        case("event-unknown", "teleported", Verb.UPDATE),
        case("event-closed", "closed"),
    ]


CASES: Final = _cases()
NAMED: Final = [case.name for case in CASES]


def facts_of(case: Case, fields: frozenset[str] | None = None) -> list[Fact]:
    record = {
        name: value for name, value in case.record.items() if fields is None or name in fields
    }
    return list(derive_facts(case.stream, stored_record(case.stream, record)))


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_a_record_says_what_happened(case: Case) -> None:
    told = [
        (fact.verb, fact.at, fact.discriminator, fact.actor and fact.actor.value)
        for fact in facts_of(case)
    ]
    assert told == list(case.says)


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_its_messages_are_the_golden_ones(case: Case) -> None:
    messages = messages_of(case)
    content = [orjson.loads(message.event) for message in messages]
    shown = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
    path = GOLDEN / f"{case.name}.json"
    if RENEW in os.environ:
        path.write_bytes(shown)
    assert path.read_bytes() == shown
    assert [violations(schema(), event) for event in content] == [[]] * len(content)


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_no_message_names_a_person_or_a_place(case: Case) -> None:
    for message in messages_of(case):
        assert not [word for word in (b"person", b"acme", b"@") if word in message.event]


def test_every_stream_has_a_case() -> None:
    assert {case.stream.name for case in CASES} == {stream.name for stream in STREAMS}


def test_an_issue_that_is_closed_again_is_closed_twice() -> None:
    case = next(case for case in CASES if case.name == "issue-closed")
    later = {**case.record, "closed_at": "2026-01-20T00:00:00Z"}
    again = Case("again", ISSUES, later, ())
    ids = {message.id for message in (*messages_of(case), *messages_of(again))}
    assert len(ids) == 3, "Opened once, closed twice."


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_what_is_not_selected_is_not_told(case: Case) -> None:
    for fact in facts_of(case, case.stream.required_fields):
        assert fact.actor is None or fact.verb is Verb.JOIN
        assert fact.verb in {Verb.CREATE, Verb.REVIEW, Verb.COMMIT, Verb.ANNOUNCE, Verb.JOIN}


def test_a_commit_of_very_many_parents_does_not_fill_a_message() -> None:
    case = next(case for case in CASES if case.name == "commit-merge")
    parents = [f"{number:040x}" for number in range(5_000)]
    [fact] = facts_of(Case("many", COMMITS, {**case.record, "parents": parents}, ()))
    assert (fact.verb, fact.attributes["parents"]) == (Verb.MERGE, parents[:PARENTS_MAX])


def test_a_stream_that_is_not_known_says_nothing() -> None:
    record = StoredRecord(
        stream="x", key="1", version=None, content_hash="", occurred_at=None, payload={}
    )
    other = Stream(name="x", fields=USERS.fields, primary_key=("id",), mode=USERS.mode)
    assert list(derive_facts(other, record)) == []


def messages_of(case: Case) -> list[Message]:
    return derive_messages(
        GitHubConnector,
        replace(case.stream, namespace="github.com"),
        document_of(case),
        scope=SCOPE,
        kind="github",
        subject_key=SUBJECT_KEY,
    )


def document_of(case: Case) -> StoredDocument:
    stored = stored_record(case.stream, case.record)
    key = "p-0123456789abcdef" if case.stream is USERS else stored.key
    moment = stored.occurred_at
    content: dict[str, Any] = {
        "key": key,
        "version": stored.version,
        "content_hash": stored.content_hash,
        "occurred_at": None if moment is None else text_of(moment),
        "extracted_at": "2026-02-01T00:00:00Z",
        "window": "2026-01-01",
        "sync": "y0123456789abcde",
        "subject_keys": (),
        "payload": stored.payload,
    }
    return StoredDocument(**content)
