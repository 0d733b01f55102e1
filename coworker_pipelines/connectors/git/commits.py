"""Reading the commits of a window."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final

from coworker_pipelines.connectors.git.changes import COMMAND, Changes, read_changes
from coworker_pipelines.connectors.git.command import Git, Output
from coworker_pipelines.connectors.git.cursor import Pass, Position, Tips, next_pass
from coworker_pipelines.connectors.git.history import choose_commits, current_tips, existing
from coworker_pipelines.connectors.git.objects import commit_record
from coworker_pipelines.connectors.git.streams import CHANGE_FIELDS
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.sdk.page import Page, ReadRequest, Record

PAGE_COMMITS: Final = 500
PAGE_BYTES: Final = 2 * 2**20
"""A page ends behind the commit with which it reaches this, counted in git's own bytes."""
COMMIT_BYTES_MAX: Final = 16 * 2**20
"""Of a larger commit object the rest is passed over; its message is truncated anyway."""
FILE_BYTES: Final = 100
"""What a changed file counts for in a page."""

_NO_CHANGES: Final = dict.fromkeys(CHANGE_FIELDS)


def read_commits(git: Git, request: ReadRequest) -> Iterator[Page]:
    """Pages in the order of committer date and sha; the last one says that the pass is over."""
    tips = current_tips(git)
    step = next_pass(
        request.cursor,
        since=int(request.since.timestamp()),
        until=int(request.until.timestamp()),
        now=Tips.of(tips),
    )
    if step.goal is None:
        yield Page(records=(), cursor=step.to_cursor())
        return
    # A tip that a pass was heading for may be gone: its history was rewritten since.
    reached = tips if step.goal.shas is None else existing(git, step.goal.shas)
    with choose_commits(git, step, reached) as chosen:
        yield from _pages(_records(git, chosen, request.fields), step, request.fields)


def _pages(
    records: Iterator[tuple[Record, Position, int]], step: Pass, fields: frozenset[str]
) -> Iterator[Page]:
    page: list[Record] = []
    weight = 0
    for record, position, size in records:
        page.append({name: value for name, value in record.items() if name in fields})
        weight += size
        if len(page) == PAGE_COMMITS or weight >= PAGE_BYTES:
            yield Page(records=page, cursor=step.behind(position).to_cursor())
            page, weight = [], 0
    yield Page(records=page, cursor=step.finished().to_cursor())


def _records(
    git: Git, chosen: IO[bytes], fields: frozenset[str]
) -> Iterator[tuple[Record, Position, int]]:
    """Each chosen commit, where it stands, and its weight in bytes."""
    boundary = _shallow_boundary(git)
    with ExitStack() as opened:
        changes: Iterator[Changes] | None = None
        if fields & CHANGE_FIELDS:
            # Opened twice, because two processes with one file would share its position.
            given = opened.enter_context(Path(chosen.name).open("rb"))
            changes = read_changes(opened.enter_context(git.start(COMMAND, given=given)))
        command = (
            "cat-file",
            "--batch=%(objectname) %(objecttype) %(objectsize) %(rest)",
            "--buffer",
        )
        objects = opened.enter_context(git.start(command, given=chosen))
        for sha, seconds, content in _commit_objects(objects):
            record = commit_record(sha, seconds, content)
            weight = len(content)
            if changes is not None:
                change = next(changes)
                assert change.sha == sha, "both processes answer in the order of the file"
                _add_changes(record, change, known=sha not in boundary)
                weight += FILE_BYTES * len(change.files)
            yield record, Position(seconds=seconds, sha=sha), weight


def _add_changes(record: Record, change: Changes, *, known: bool) -> None:
    """``known`` is false where a shallow clone ends: all files would count as new there."""
    fields: dict[str, Any] = change.as_fields() if known else _NO_CHANGES
    record.update(fields)
    record["truncated"] |= known and change.files_changed > len(change.files)


def _commit_objects(output: Output) -> Iterator[tuple[str, int, bytes]]:
    for header in output.pieces(b"\n"):
        sha, kind, *rest = header.decode().split(" ")
        if kind != "commit":
            raise TenantActionError("The repository lacks a commit: `git fsck` tells more.")
        size, seconds = int(rest[0]), int(rest[1])
        content = output.exactly(min(size, COMMIT_BYTES_MAX))
        for start in range(COMMIT_BYTES_MAX, size, COMMIT_BYTES_MAX):
            output.exactly(min(COMMIT_BYTES_MAX, size - start))
        output.exactly(1)
        yield sha, seconds, content


def _shallow_boundary(git: Git) -> frozenset[str]:
    """Commits whose parents a shallow clone left behind."""
    assert git.git_dir is not None
    shared = git.text("rev-parse", "--git-common-dir").removesuffix("\n")
    file = git.git_dir / shared / "shallow"
    return frozenset(file.read_text().split()) if file.is_file() else frozenset()
