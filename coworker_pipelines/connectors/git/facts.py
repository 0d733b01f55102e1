"""What a repository's records say happened. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from coworker_pipelines.connectors.git.streams import BRANCHES, COMMITS, TAGS
from coworker_pipelines.sdk.activity import Actor, Fact, StoredRecord, Verb
from coworker_pipelines.sdk.stream import IdentifierKind, Stream

PARENTS_MAX: Final = 100
"""A message has room for so many and more; nobody merges as many, unless to fill it."""
_COUNTS: Final = ("files_changed", "lines_added", "lines_deleted")


def derive_facts(stream: Stream, record: StoredRecord) -> Iterator[Fact]:
    """One fact a record. Fields that are not selected are missing, and so is what they say."""
    match stream.name:
        case COMMITS.name:
            yield _commit(record.payload)
        case BRANCHES.name:
            yield _branch(record.payload)
        case TAGS.name:
            yield _tag(record.payload)
        case _:
            return


def _commit(payload: Mapping[str, Any]) -> Fact:
    """By its author, at the time at which it took its place in the history."""
    parents = payload.get("parents") or ()
    is_merge = len(parents) > 1
    return Fact(
        verb=Verb.MERGE if is_merge else Verb.COMMIT,
        at=_time(payload, "committed_at"),
        object_type="commit",
        object_id=payload["sha"],
        actor=_actor(payload, "author_email"),
        attributes={
            "parents": list(parents[:PARENTS_MAX]),
            **{name: payload[name] for name in _COUNTS if payload.get(name) is not None},
        },
    )


def _branch(payload: Mapping[str, Any]) -> Fact:
    """Once for ever, whatever the branch points at later: git keeps no time of its beginning."""
    return Fact(verb=Verb.BRANCH, at=None, object_type="branch", object_id=payload["name"])


def _tag(payload: Mapping[str, Any]) -> Fact:
    attributes = {name: payload[name] for name in ("target", "target_type") if payload.get(name)}
    return Fact(
        verb=Verb.TAG,
        at=_time(payload, "tagged_at"),
        object_type="tag",
        object_id=payload["name"],
        actor=_actor(payload, "tagger_email"),
        attributes=attributes,
    )


def _time(payload: Mapping[str, Any], name: str) -> datetime | None:
    value = payload.get(name)
    return None if value is None else datetime.fromisoformat(value)


def _actor(payload: Mapping[str, Any], name: str) -> Actor | None:
    email = payload.get(name)
    return Actor(kind=IdentifierKind.EMAIL, value=email) if email else None
