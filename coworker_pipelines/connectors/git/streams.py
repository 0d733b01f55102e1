"""What every repository offers."""

from typing import Final

from coworker_pipelines.sdk.stream import Field, IdentifierKind, Stream, SyncMode

CHANGE_FIELDS: Final = frozenset({"files", "files_changed", "lines_added", "lines_deleted"})
"""Fields that cost a comparison of trees and files: left out, nothing is compared."""

COMMITS: Final = Stream(
    name="commits",
    fields=(
        Field(name="sha", type="string"),
        Field(name="author_name", type="string", identifier=IdentifierKind.NAME, person="author"),
        Field(name="author_email", type="string", identifier=IdentifierKind.EMAIL, person="author"),
        Field(name="authored_at", type="string"),
        Field(name="author_offset_minutes", type="integer"),
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
        Field(name="committer_offset_minutes", type="integer"),
        Field(name="message", type="string"),
        Field(name="parents", type="array"),
        Field(name="files", type="array"),
        Field(name="files_changed", type="integer"),
        Field(name="lines_added", type="integer"),
        Field(name="lines_deleted", type="integer"),
        Field(name="truncated", type="boolean"),
    ),
    primary_key=("sha",),
    mode=SyncMode.WINDOW,
    cursor_field="committed_at",
    time_field="committed_at",
    description="Every commit that a branch, a tag or another reference reaches.",
)

BRANCHES: Final = Stream(
    name="branches",
    fields=(
        Field(name="name", type="string"),
        Field(name="sha", type="string"),
        Field(name="committed_at", type="string"),
        Field(name="is_default", type="boolean"),
    ),
    primary_key=("name",),
    mode=SyncMode.SNAPSHOT,
    time_field="committed_at",
    description="The branches as they are now, each with its last commit.",
)

TAGS: Final = Stream(
    name="tags",
    fields=(
        Field(name="name", type="string"),
        Field(name="sha", type="string"),
        Field(name="target", type="string"),
        Field(name="target_type", type="string"),
        Field(name="tagger_name", type="string", identifier=IdentifierKind.NAME, person="tagger"),
        Field(name="tagger_email", type="string", identifier=IdentifierKind.EMAIL, person="tagger"),
        Field(name="message", type="string"),
        Field(name="tagged_at", type="string"),
        Field(name="tagger_offset_minutes", type="integer"),
        Field(name="truncated", type="boolean"),
    ),
    primary_key=("name",),
    mode=SyncMode.SNAPSHOT,
    time_field="tagged_at",
    description="The tags as they are now; a lightweight one has no tagger, message or time.",
)

STREAMS: Final = (COMMITS, BRANCHES, TAGS)
