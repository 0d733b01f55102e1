"""What the events of an issue say happened. Pure.

GitHub has some sixty of them, and adds others. Those that have a verb here are told under it; one
that nobody has thought of is an ``Update`` that is unmapped, so that it is neither lost nor guessed
at. Objects are issues, as GitHub has it: each pull request is one.

Told elsewhere, or nothing to tell: that an issue was closed or a pull request merged say their own
streams; who is mentioned or notified is GitHub's book-keeping.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from coworker_pipelines.sdk.activity import (
    Actor,
    Change,
    Fact,
    StoredRecord,
    Verb,
    source_event,
)
from coworker_pipelines.sdk.stream import IdentifierKind

Payload = Mapping[str, Any]

UNTOLD: Final = frozenset({"closed", "merged", "mentioned", "subscribed", "unsubscribed"})
VERBS: Final[Mapping[str, Verb]] = {
    **dict.fromkeys(
        ("labeled", "assigned", "milestoned", "review_requested", "added_to_project",
         "added_to_project_v2", "sub_issue_added", "parent_issue_added", "connected"),
        Verb.ADD,
    ),
    **dict.fromkeys(
        ("unlabeled", "unassigned", "demilestoned", "review_request_removed",
         "removed_from_project", "removed_from_project_v2", "sub_issue_removed",
         "parent_issue_removed", "disconnected"),
        Verb.REMOVE,
    ),
    **dict.fromkeys(
        ("renamed", "reopened", "locked", "unlocked", "pinned", "unpinned", "transferred",
         "referenced", "marked_as_duplicate", "unmarked_as_duplicate", "converted_to_discussion",
         "convert_to_draft", "ready_for_review", "review_dismissed", "base_ref_changed",
         "head_ref_deleted", "head_ref_restored", "head_ref_force_pushed",
         "moved_columns_in_project", "project_v2_item_status_changed", "issue_type_added",
         "issue_type_changed", "issue_type_removed"),
        Verb.UPDATE,
    ),
}  # fmt: skip


def derive_event(record: StoredRecord) -> Iterator[Fact]:
    """Its one fact; none where the event itself is not selected."""
    payload = record.payload
    event = payload.get("event")
    if event is None or event in UNTOLD:
        return
    verb = VERBS.get(event)
    login = payload.get("actor_login")
    told = ("repository_id", "number", "is_pull_request")
    yield Fact(
        verb=verb or Verb.UPDATE,
        at=datetime.fromisoformat(payload["created_at"]),
        object_type="issue",
        object_id=str(payload.get("issue_id") or record.key),
        actor=Actor(kind=IdentifierKind.LOGIN, value=login) if login else None,
        attributes={
            "event": source_event(event),
            **{name: payload[name] for name in told if payload.get(name) is not None},
        },
        changes=_changes(event, payload),
        unmapped=verb is None,
    )


def _changes(event: str, payload: Payload) -> tuple[Change, ...]:
    """What the event itself tells of before and after; nothing that is somebody's name."""
    tell = _TELLERS.get(event)
    if tell is None:
        return ()
    path, before, after = tell(payload)
    return () if before is after is None else (Change(path=path, before=before, after=after),)


_Told = tuple[str, Any, Any]


def _from_to(path: str, before: Any, after: Any) -> Callable[[Payload], _Told]:
    return lambda _: (path, before, after)


_TELLERS: Final[Mapping[str, Callable[[Payload], _Told]]] = {
    "renamed": lambda told: ("/title", told.get("renamed_from"), told.get("renamed_to")),
    "labeled": lambda told: ("/labels", None, told.get("label")),
    "unlabeled": lambda told: ("/labels", told.get("label"), None),
    "milestoned": lambda told: ("/milestone", None, told.get("milestone")),
    "demilestoned": lambda told: ("/milestone", told.get("milestone"), None),
    "reopened": _from_to("/state", "closed", "open"),
    "locked": _from_to("/locked", before=False, after=True),
    "unlocked": _from_to("/locked", before=True, after=False),
    "convert_to_draft": _from_to("/draft", before=False, after=True),
    "ready_for_review": _from_to("/draft", before=True, after=False),
}
PATHS: Final = frozenset({"/title", "/labels", "/milestone", "/state", "/locked", "/draft"})
