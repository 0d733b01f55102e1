"""What a commit changed: its files and their lines, against its first parent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from coworker_pipelines.connectors.git.command import Output
from coworker_pipelines.connectors.git.objects import text_of

FILES_MAX: Final = 3_000
"""More files of one commit are counted and not listed; its record says ``truncated``."""

COMMAND: Final = (
    "diff-tree",
    "--stdin",
    "-r",
    "-z",
    "--root",
    "--always",
    "--numstat",
    # A rename is a file that went and a file that came: likeness is a guess with settings.
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--diff-merges=first-parent",
)


@dataclass(slots=True, kw_only=True)
class Changes:
    """Of one commit. Lines of a binary file are not counted."""

    sha: str
    files: list[dict[str, Any]] = field(default_factory=list)
    files_changed: int = 0
    lines_added: int = 0
    lines_deleted: int = 0

    def add(self, entry: bytes) -> None:
        """Count one line of ``--numstat``: added, deleted, path; ``-`` for a binary file."""
        added_text, deleted_text, path = entry.split(b"\t", 2)
        added = None if added_text == b"-" else int(added_text)
        deleted = None if deleted_text == b"-" else int(deleted_text)
        self.files_changed += 1
        self.lines_added += added or 0
        self.lines_deleted += deleted or 0
        if self.files_changed <= FILES_MAX:
            self.files.append({"path": text_of(path), "added": added, "deleted": deleted})

    def as_fields(self) -> dict[str, Any]:
        return {
            "files": self.files,
            "files_changed": self.files_changed,
            "lines_added": self.lines_added,
            "lines_deleted": self.lines_deleted,
        }


def read_changes(output: Output) -> Iterator[Changes]:
    """The changes of each commit that ``COMMAND`` was given, in that order."""
    current: Changes | None = None
    for piece in output.pieces(b"\0"):
        if b"\t" in piece:
            assert current is not None, "a commit's line comes before its files"
            current.add(piece)
        else:
            if current is not None:
                yield current
            current = Changes(sha=piece.decode())
    if current is not None:
        yield current
