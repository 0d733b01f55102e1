"""What an organisation offers.

A stream is read by windows where the API says when a record last changed, and lists by that
time: issues, pull requests, comments; commits by the time at which they were committed; events of
issues do not change, and are listed with the newest first. Reviews
have no such time, but a review changes its pull request: they go with it, under its time.
Repositories, releases and users have no list by time, and can be deleted: they are snapshots.
"""

from typing import Final

from coworker_pipelines.sdk.stream import Field, IdentifierKind, Stream, SyncMode

_REPOSITORY: Final = (
    Field(name="repository_id", type="integer"),
    Field(name="repository", type="string"),
)
_BY: Final = (
    Field(name="user_login", type="string", identifier=IdentifierKind.LOGIN, person="user"),
    Field(name="user_id", type="integer", identifier=IdentifierKind.USER_ID, person="user"),
    Field(name="author_association", type="string"),
)
_TIMES: Final = (
    Field(name="created_at", type="string"),
    Field(name="updated_at", type="string"),
)
_URL: Final = Field(name="html_url", type="string")

REPOSITORIES: Final = Stream(
    name="repositories",
    fields=(
        Field(name="id", type="integer"),
        Field(name="name", type="string"),
        Field(name="full_name", type="string"),
        Field(name="owner_login", type="string", identifier=IdentifierKind.LOGIN, person="owner"),
        Field(name="owner_id", type="integer", identifier=IdentifierKind.USER_ID, person="owner"),
        Field(name="description", type="string"),
        Field(name="private", type="boolean"),
        Field(name="visibility", type="string"),
        Field(name="fork", type="boolean"),
        Field(name="archived", type="boolean"),
        Field(name="default_branch", type="string"),
        Field(name="language", type="string"),
        Field(name="topics", type="array"),
        Field(name="license", type="string"),
        *_TIMES,
        Field(name="pushed_at", type="string"),
        _URL,
    ),
    primary_key=("id",),
    mode=SyncMode.SNAPSHOT,
    time_field="updated_at",
    created_field="created_at",
    description="The repositories as they are now; one that is deleted or hidden is gone.",
)

ISSUES: Final = Stream(
    name="issues",
    fields=(
        Field(name="id", type="integer"),
        *_REPOSITORY,
        Field(name="number", type="integer"),
        Field(name="title", type="string"),
        Field(name="body", type="string"),
        Field(name="state", type="string"),
        Field(name="state_reason", type="string"),
        *_BY,
        Field(name="assignee_login", type="string", identifier=IdentifierKind.LOGIN),
        Field(name="closed_by_login", type="string", identifier=IdentifierKind.LOGIN),
        Field(name="labels", type="array"),
        Field(name="milestone", type="string"),
        Field(name="comments", type="integer"),
        Field(name="locked", type="boolean"),
        *_TIMES,
        Field(name="closed_at", type="string"),
        _URL,
    ),
    primary_key=("id",),
    mode=SyncMode.WINDOW,
    cursor_field="updated_at",
    time_field="updated_at",
    created_field="created_at",
    description="Issues, open and closed, without the pull requests that GitHub counts among them.",
)

PULL_REQUESTS: Final = Stream(
    name="pull_requests",
    fields=(
        Field(name="id", type="integer"),
        *_REPOSITORY,
        Field(name="number", type="integer"),
        Field(name="title", type="string"),
        Field(name="body", type="string"),
        Field(name="state", type="string"),
        Field(name="draft", type="boolean"),
        *_BY,
        Field(name="assignee_login", type="string", identifier=IdentifierKind.LOGIN),
        Field(name="labels", type="array"),
        Field(name="milestone", type="string"),
        Field(name="head_ref", type="string"),
        Field(name="head_sha", type="string"),
        Field(name="base_ref", type="string"),
        Field(name="base_sha", type="string"),
        Field(name="merge_commit_sha", type="string"),
        Field(name="locked", type="boolean"),
        *_TIMES,
        Field(name="closed_at", type="string"),
        Field(name="merged_at", type="string"),
        _URL,
    ),
    primary_key=("id",),
    mode=SyncMode.WINDOW,
    cursor_field="updated_at",
    time_field="updated_at",
    created_field="created_at",
    description="Pull requests, open, closed and merged.",
)

ISSUE_EVENTS: Final = Stream(
    name="issue_events",
    fields=(
        Field(name="id", type="integer"),
        *_REPOSITORY,
        Field(name="issue_id", type="integer"),
        Field(name="number", type="integer"),
        Field(name="is_pull_request", type="boolean"),
        Field(name="event", type="string"),
        Field(name="actor_login", type="string", identifier=IdentifierKind.LOGIN, person="actor"),
        Field(name="actor_id", type="integer", identifier=IdentifierKind.USER_ID, person="actor"),
        Field(name="assignee_login", type="string", identifier=IdentifierKind.LOGIN),
        Field(name="reviewer_login", type="string", identifier=IdentifierKind.LOGIN),
        Field(name="label", type="string"),
        Field(name="milestone", type="string"),
        Field(name="renamed_from", type="string"),
        Field(name="renamed_to", type="string"),
        Field(name="commit_id", type="string"),
        Field(name="created_at", type="string"),
    ),
    primary_key=("id",),
    mode=SyncMode.WINDOW,
    cursor_field="created_at",
    time_field="created_at",
    created_field="created_at",
    description="What was done to issues and pull requests: labels, milestones, titles, reviewers.",
)

REVIEWS: Final = Stream(
    name="reviews",
    fields=(
        Field(name="id", type="integer"),
        *_REPOSITORY,
        Field(name="pull_request_id", type="integer"),
        Field(name="pull_request_number", type="integer"),
        Field(name="pull_request_updated_at", type="string"),
        *_BY,
        Field(name="state", type="string"),
        Field(name="body", type="string"),
        Field(name="commit_id", type="string"),
        Field(name="submitted_at", type="string"),
        _URL,
    ),
    primary_key=("id",),
    mode=SyncMode.WINDOW,
    cursor_field="pull_request_updated_at",
    time_field="submitted_at",
    description="Submitted reviews, in the month in which their pull request last changed.",
)

COMMENTS: Final = Stream(
    name="comments",
    fields=(
        Field(name="id", type="integer"),
        *_REPOSITORY,
        Field(name="number", type="integer"),
        *_BY,
        Field(name="body", type="string"),
        *_TIMES,
        _URL,
    ),
    primary_key=("id",),
    mode=SyncMode.WINDOW,
    cursor_field="updated_at",
    time_field="updated_at",
    created_field="created_at",
    description="What people say below issues and pull requests.",
)

REVIEW_COMMENTS: Final = Stream(
    name="review_comments",
    fields=(
        Field(name="id", type="integer"),
        *_REPOSITORY,
        Field(name="number", type="integer"),
        Field(name="review_id", type="integer"),
        Field(name="in_reply_to_id", type="integer"),
        *_BY,
        Field(name="body", type="string"),
        Field(name="path", type="string"),
        Field(name="line", type="integer"),
        Field(name="diff_hunk", type="string"),
        Field(name="commit_id", type="string"),
        *_TIMES,
        _URL,
    ),
    primary_key=("id",),
    mode=SyncMode.WINDOW,
    cursor_field="updated_at",
    time_field="updated_at",
    created_field="created_at",
    description="What people say about lines of a pull request.",
)

COMMITS: Final = Stream(
    name="commits",
    fields=(
        *_REPOSITORY,
        Field(name="sha", type="string"),
        Field(name="author_login", type="string", identifier=IdentifierKind.LOGIN, person="author"),
        Field(name="author_id", type="integer", identifier=IdentifierKind.USER_ID, person="author"),
        Field(name="author_name", type="string", identifier=IdentifierKind.NAME, person="author"),
        Field(name="author_email", type="string", identifier=IdentifierKind.EMAIL, person="author"),
        Field(name="authored_at", type="string"),
        Field(
            name="committer_login",
            type="string",
            identifier=IdentifierKind.LOGIN,
            person="committer",
        ),
        Field(
            name="committer_id",
            type="integer",
            identifier=IdentifierKind.USER_ID,
            person="committer",
        ),
        Field(
            name="committer_name", type="string", identifier=IdentifierKind.NAME, person="committer"
        ),
        Field(
            name="committer_email",
            type="string",
            identifier=IdentifierKind.EMAIL,
            person="committer",
        ),
        Field(name="committed_at", type="string"),
        Field(name="message", type="string"),
        Field(name="parents", type="array"),
        Field(name="verified", type="boolean"),
        _URL,
    ),
    primary_key=("repository_id", "sha"),
    mode=SyncMode.WINDOW,
    cursor_field="committed_at",
    time_field="committed_at",
    description="Commits that each repository's default branch reaches.",
)

RELEASES: Final = Stream(
    name="releases",
    fields=(
        Field(name="id", type="integer"),
        *_REPOSITORY,
        Field(name="tag_name", type="string"),
        Field(name="target", type="string"),
        Field(name="name", type="string"),
        Field(name="body", type="string"),
        Field(name="draft", type="boolean"),
        Field(name="prerelease", type="boolean"),
        Field(name="user_login", type="string", identifier=IdentifierKind.LOGIN, person="user"),
        Field(name="user_id", type="integer", identifier=IdentifierKind.USER_ID, person="user"),
        Field(name="assets", type="array"),
        Field(name="created_at", type="string"),
        Field(name="published_at", type="string"),
        _URL,
    ),
    primary_key=("id",),
    mode=SyncMode.SNAPSHOT,
    time_field="published_at",
    created_field="created_at",
    description="Releases as they are now; one that is deleted is gone.",
)

PROFILE_FIELDS: Final = frozenset({"name", "email", "company", "location", "created_at"})
"""Fields that cost a request for each user: left out, only the list of members is read."""

USERS: Final = Stream(
    name="users",
    fields=(
        Field(name="id", type="integer", identifier=IdentifierKind.USER_ID, person="account"),
        Field(name="login", type="string", identifier=IdentifierKind.LOGIN, person="account"),
        Field(name="type", type="string"),
        Field(name="site_admin", type="boolean"),
        Field(name="name", type="string", identifier=IdentifierKind.NAME, person="account"),
        Field(name="email", type="string", identifier=IdentifierKind.EMAIL, person="account"),
        Field(name="company", type="string"),
        Field(name="location", type="string"),
        Field(name="created_at", type="string"),
        _URL,
    ),
    primary_key=("id",),
    mode=SyncMode.SNAPSHOT,
    description="Members of the organisation that the token may see; none without one.",
)

STREAMS: Final = (
    REPOSITORIES,
    ISSUES,
    PULL_REQUESTS,
    ISSUE_EVENTS,
    REVIEWS,
    COMMENTS,
    REVIEW_COMMENTS,
    COMMITS,
    RELEASES,
    USERS,
)
