"""What GitHub's facts can say."""

from collections.abc import Mapping
from typing import Final

from coworker_pipelines.connectors.github.issue_events import PATHS
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
from coworker_pipelines.sdk.activity import AttributeType, FactShape, Verb

_WHOLE, _TEXT, _TRUTH = AttributeType.WHOLE, AttributeType.TEXT, AttributeType.TRUTH


def _shape(object_type: str, *verbs: Verb, **attributes: AttributeType) -> FactShape:
    return FactShape(
        verbs=frozenset(verbs), object_types=frozenset({object_type}), attributes=attributes
    )


SHAPES: Final[Mapping[str, FactShape]] = {
    REPOSITORIES.name: _shape("repository", Verb.CREATE, visibility=_TEXT, fork=_TRUTH),
    ISSUES.name: _shape(
        "issue",
        Verb.CREATE,
        Verb.CLOSE,
        repository_id=_WHOLE,
        number=_WHOLE,
        state_reason=_TEXT,
    ),
    PULL_REQUESTS.name: _shape(
        "pull_request",
        Verb.CREATE,
        Verb.MERGE,
        Verb.CLOSE,
        repository_id=_WHOLE,
        number=_WHOLE,
        draft=_TRUTH,
        merge_commit_sha=_TEXT,
    ),
    ISSUE_EVENTS.name: FactShape(
        verbs=frozenset({Verb.ADD, Verb.REMOVE, Verb.UPDATE}),
        object_types=frozenset({"issue"}),
        attributes={
            "event": _TEXT,
            "repository_id": _WHOLE,
            "number": _WHOLE,
            "is_pull_request": _TRUTH,
        },
        always=frozenset({"event"}),
        changes=PATHS,
        unmapped=True,
    ),
    REVIEWS.name: _shape(
        "pull_request",
        Verb.REVIEW,
        repository_id=_WHOLE,
        pull_request_id=_WHOLE,
        pull_request_number=_WHOLE,
        state=_TEXT,
    ),
    COMMENTS.name: _shape("comment", Verb.CREATE, Verb.UPDATE, repository_id=_WHOLE, number=_WHOLE),
    REVIEW_COMMENTS.name: _shape(
        "review_comment",
        Verb.CREATE,
        Verb.UPDATE,
        repository_id=_WHOLE,
        number=_WHOLE,
        review_id=_WHOLE,
        in_reply_to_id=_WHOLE,
    ),
    COMMITS.name: FactShape(
        verbs=frozenset({Verb.COMMIT, Verb.MERGE}),
        object_types=frozenset({"commit"}),
        attributes={"repository_id": _WHOLE, "parents": AttributeType.TEXTS},
        always=frozenset({"parents"}),
    ),
    RELEASES.name: _shape("release", Verb.ANNOUNCE, repository_id=_WHOLE, prerelease=_TRUTH),
    USERS.name: _shape("organisation_member", Verb.JOIN),
}
