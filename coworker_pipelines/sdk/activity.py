"""Facts: what a connector says happened, before it becomes a message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from coworker_pipelines.sdk.stream import IdentifierKind


class Verb(StrEnum):
    """The closed list of verbs: ActivityStreams 2.0, and what it lacks.

    Source: W3C Recommendation *Activity Vocabulary*, section 3 (activity types).
    ``COMMIT``, ``MERGE``, ``TAG``, ``BRANCH``, ``CLOSE`` and ``REVIEW`` are ours: what happens
    in and around a repository has no name there.
    """

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"
    ADD = "Add"
    REMOVE = "Remove"
    ANNOUNCE = "Announce"
    JOIN = "Join"
    COMMIT = "Commit"
    MERGE = "Merge"
    TAG = "Tag"
    BRANCH = "Branch"
    CLOSE = "Close"
    REVIEW = "Review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did it, in the clear: it becomes a pseudonymous key before anything is written."""

    kind: IdentifierKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A document as its connector sees it again: what ``derive`` is a pure function of."""

    stream: str
    key: str
    version: int | None
    content_hash: str
    occurred_at: datetime | None
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A field of the object that had another value before, as the document itself tells it.

    ``path`` is a JSON Pointer (RFC 6901) in the connector's words, ``/title``. The values are
    in the clear: they become keyed hashes before anything is written. ``None``: there was none.
    """

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Somebody did something to something at some time.

    ``discriminator`` tells two facts of the same verb about the same document apart, for
    ever: the same document always gives the same discriminators. ``object_type`` is a closed
    word of the connector (``commit``, ``row``); ``attributes`` hold no personal data.
    ``unmapped``: the source tells an event for which the connector has no verb. Such a fact is
    an ``Update``, so that nothing is lost, and is counted.
    """

    verb: Verb
    at: datetime | None
    object_type: str
    object_id: str
    actor: Actor | None = None
    discriminator: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    unmapped: bool = False


OTHER_EVENT: Final = "other"
_EVENT: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")


def source_event(word: object) -> str:
    """How a source calls an event, if that is a word; else ``other``, so that no text gets by."""
    return word if isinstance(word, str) and _EVENT.fullmatch(word) else OTHER_EVENT


class AttributeType(StrEnum):
    """What an attribute of a fact is."""

    TEXT = "text"
    WHOLE = "whole number"
    TRUTH = "true or false"
    TEXTS = "list of texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactShape:
    """What the facts of a stream can say; rules are written against it.

    ``always`` names the attributes that every fact of the stream has, ``changes`` the paths of
    fields whose changes it tells. ``unmapped``: its source may tell events that have no verb here.
    """

    verbs: frozenset[Verb]
    object_types: frozenset[str]
    attributes: Mapping[str, AttributeType] = field(default_factory=dict)
    always: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    unmapped: bool = False
