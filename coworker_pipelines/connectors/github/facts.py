"""What GitHub's records say happened. Pure.

A fact is told once for ever, under the first version of its record that tells it; what can happen
again (closing, editing) has its time as its discriminator. Objects are named by ids: names of
repositories may hold those of people.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from coworker_pipelines.connectors.github.issue_events import derive_event
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
    USERS,
)
from coworker_pipelines.sdk.activity import Actor, Fact, StoredRecord, Verb
from coworker_pipelines.sdk.stream import IdentifierKind, Stream

PARENTS_MAX: Final = 100
"""A message has room for so many and more; nobody merges as many, unless to fill it."""
Payload = Mapping[str, Any]


def derive_facts(stream: Stream, record: StoredRecord) -> Iterator[Fact]:
    """Its facts. Fields that are not selected are missing, and so is what they say."""
    derive = _DERIVERS.get(stream.name)
    if derive is not None:
        yield from derive(record)


def _repository(record: StoredRecord) -> Iterator[Fact]:
    payload = record.payload
    yield Fact(
        verb=Verb.CREATE,
        at=_time(payload, "created_at"),
        object_type="repository",
        object_id=record.key,
        attributes=_told(payload, "visibility", "fork"),
    )


def _issue(record: StoredRecord) -> Iterator[Fact]:
    payload = record.payload
    told = _told(payload, "repository_id", "number")
    yield _opened(record, "issue", told)
    closed_at = _time(payload, "closed_at")
    if closed_at is not None:
        yield Fact(
            verb=Verb.CLOSE,
            at=closed_at,
            object_type="issue",
            object_id=record.key,
            actor=_login(payload, "closed_by_login"),
            discriminator=payload["closed_at"],
            attributes={**told, **_told(payload, "state_reason")},
        )


def _pull_request(record: StoredRecord) -> Iterator[Fact]:
    """GitHub's list does not say who closed or merged it."""
    payload = record.payload
    told = _told(payload, "repository_id", "number")
    yield _opened(record, "pull_request", {**told, **_told(payload, "draft")})
    merged_at, closed_at = _time(payload, "merged_at"), _time(payload, "closed_at")
    if merged_at is not None:
        yield Fact(
            verb=Verb.MERGE,
            at=merged_at,
            object_type="pull_request",
            object_id=record.key,
            attributes={**told, **_told(payload, "merge_commit_sha")},
        )
    elif closed_at is not None and "merged_at" in payload:
        yield Fact(
            verb=Verb.CLOSE,
            at=closed_at,
            object_type="pull_request",
            object_id=record.key,
            discriminator=payload["closed_at"],
            attributes=told,
        )


def _review(record: StoredRecord) -> Iterator[Fact]:
    payload = record.payload
    told = _told(payload, "repository_id", "pull_request_id", "pull_request_number")
    state = payload.get("state")
    yield Fact(
        verb=Verb.REVIEW,
        at=_time(payload, "submitted_at"),
        object_type="pull_request",
        object_id=str(payload.get("pull_request_id") or record.key),
        actor=_login(payload, "user_login"),
        attributes=told if state is None else {**told, "state": state.lower()},
    )


def _comment(record: StoredRecord) -> Iterator[Fact]:
    yield from _commented(record, "comment", ("repository_id", "number"))


def _review_comment(record: StoredRecord) -> Iterator[Fact]:
    yield from _commented(
        record, "review_comment", ("repository_id", "number", "review_id", "in_reply_to_id")
    )


def _commented(record: StoredRecord, kind: str, names: tuple[str, ...]) -> Iterator[Fact]:
    payload = record.payload
    told = _told(payload, *names)
    yield _opened(record, kind, told)
    created_at, updated_at = _time(payload, "created_at"), _time(payload, "updated_at")
    if created_at is not None and updated_at is not None and updated_at > created_at:
        yield Fact(
            verb=Verb.UPDATE,
            at=updated_at,
            object_type=kind,
            object_id=record.key,
            discriminator=payload["updated_at"],
            attributes=told,
        )


def _commit(record: StoredRecord) -> Iterator[Fact]:
    """By its author's address, as the kind ``git`` tells it: one person in both."""
    payload = record.payload
    parents = list(payload.get("parents") or ())
    email = payload.get("author_email")
    yield Fact(
        verb=Verb.MERGE if len(parents) > 1 else Verb.COMMIT,
        at=_time(payload, "committed_at"),
        object_type="commit",
        object_id=payload["sha"],
        actor=Actor(kind=IdentifierKind.EMAIL, value=email)
        if email
        else _login(payload, "author_login"),
        attributes={**_told(payload, "repository_id"), "parents": parents[:PARENTS_MAX]},
    )


def _release(record: StoredRecord) -> Iterator[Fact]:
    """A draft is not announced yet."""
    payload = record.payload
    published_at = _time(payload, "published_at")
    if published_at is not None and not payload.get("draft"):
        yield Fact(
            verb=Verb.ANNOUNCE,
            at=published_at,
            object_type="release",
            object_id=record.key,
            actor=_login(payload, "user_login"),
            attributes=_told(payload, "repository_id", "prerelease"),
        )


def _user(record: StoredRecord) -> Iterator[Fact]:
    """Joined, once for ever: GitHub does not say when."""
    yield Fact(
        verb=Verb.JOIN,
        at=None,
        object_type="organisation_member",
        object_id=record.key,
        actor=_login(record.payload, "login"),
    )


def _opened(record: StoredRecord, kind: str, told: Payload) -> Fact:
    return Fact(
        verb=Verb.CREATE,
        at=_time(record.payload, "created_at"),
        object_type=kind,
        object_id=record.key,
        actor=_login(record.payload, "user_login"),
        attributes=told,
    )


def _told(payload: Payload, *names: str) -> dict[str, Any]:
    return {name: payload[name] for name in names if payload.get(name) is not None}


def _time(payload: Payload, name: str) -> datetime | None:
    value = payload.get(name)
    return None if value is None else datetime.fromisoformat(value)


def _login(payload: Payload, name: str) -> Actor | None:
    login = payload.get(name)
    return Actor(kind=IdentifierKind.LOGIN, value=login) if login else None


_DERIVERS: Final[Mapping[str, Callable[[StoredRecord], Iterator[Fact]]]] = {
    REPOSITORIES.name: _repository,
    ISSUES.name: _issue,
    PULL_REQUESTS.name: _pull_request,
    ISSUE_EVENTS.name: derive_event,
    REVIEWS.name: _review,
    COMMENTS.name: _comment,
    REVIEW_COMMENTS.name: _review_comment,
    COMMITS.name: _commit,
    RELEASES.name: _release,
    USERS.name: _user,
}
