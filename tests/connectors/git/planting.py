"""Repositories for tests: thousands of commits in a second, through ``git fast-import``."""

import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from coworker_pipelines.sdk.conformance import Planted

PERSON: Final = b"Ada Lovelace <ada@example.com>"
NOON: Final = datetime(2026, 1, 15, 12, tzinfo=UTC)
_SURROUNDINGS: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada Lovelace",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada Lovelace",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit of a plan. ``parents`` are numbers of commits before it in the plan.

    ``files`` are set to their bytes; those that are ``None`` go. What is not told is the
    commit before it in the plan as only parent.
    """

    at: datetime = NOON
    message: bytes = b"A change\n"
    author: bytes = PERSON
    authored: bytes | None = None
    committer: bytes = PERSON
    zone: bytes = b"+0000"
    encoding: bytes | None = None
    parents: Sequence[int] | None = None
    files: Mapping[bytes, bytes | None] = field(default_factory=dict)
    branch: bytes = b"main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A bare repository of a test."""

    path: Path

    def git(self, *arguments: str, given: bytes = b"", **surroundings: str) -> str:
        """What git prints; it runs without anybody's configuration, at a fixed time."""
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments],  # noqa: S607 - the one of the machine
            input=given,
            capture_output=True,
            check=False,
            env=_SURROUNDINGS
            | {"GIT_AUTHOR_DATE": NOON.isoformat(), "GIT_COMMITTER_DATE": NOON.isoformat()}
            | surroundings,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode(errors="replace").strip()

    def plant(self, commits: Iterable[Commit]) -> list[str]:
        """The shas of the commits, in the order of the plan."""
        marks = self.path / "planted-marks"
        self.fast_import(_stream(commits), f"--export-marks={marks}")
        found = dict(line.split() for line in marks.read_text().splitlines())
        marks.unlink()
        return [found[f":{number}"] for number in range(1, len(found) + 1)]

    def fast_import(self, pieces: Iterable[bytes], *options: str) -> None:
        self.git("fast-import", "--quiet", "--force", *options, given=b"".join(pieces))

    def set_branch(self, name: str, sha: str) -> None:
        self.git("update-ref", f"refs/heads/{name}", sha)


def new_repository(path: Path, *, object_format: Literal["sha1", "sha256"] = "sha1") -> Repository:
    """A bare, empty one, whose HEAD names the branch ``main``."""
    path.mkdir(parents=True)
    repository = Repository(path=path)
    repository.git(
        "init", "--bare", "--quiet", "--initial-branch=main", f"--object-format={object_format}"
    )
    return repository


def plant_commits(path: Path, planted: Planted) -> Repository:
    """Commits in one line; each changes one of some files."""
    repository = new_repository(path)
    repository.fast_import(
        _stream(
            Commit(
                at=planted.at(number),
                message=b"Change %d\n\nBecause of it.\n" % number,
                files={b"src/file%d.txt" % (number % 50): b"line\n" * (1 + number % 7)},
            )
            for number in range(planted.records)
        )
    )
    return repository


def plant_branches(path: Path, planted: Planted) -> Repository:
    repository = new_repository(path)
    if planted.records:
        [sha] = repository.plant([Commit(branch=b"team0/topic-0")])
        names = (f"heads/team{number % 7}/topic-{number}" for number in range(1, planted.records))
        _pack_references(repository, sha, names)
    return repository


def plant_tags(path: Path, planted: Planted) -> Repository:
    """Of the first thousand every second one is annotated, the others are not."""
    repository = new_repository(path)
    [sha] = repository.plant([Commit()])
    annotated = set(range(0, min(planted.records, 1_000), 2))
    repository.fast_import(map(_tag, sorted(annotated)))
    light = (f"tags/light-{number}" for number in range(planted.records) if number not in annotated)
    _pack_references(repository, sha, light)
    return repository


def _pack_references(repository: Repository, sha: str, names: Iterable[str]) -> None:
    """Written as git does it with ``pack-refs``, which takes seconds for ten thousand."""
    repository.git("pack-refs", "--all")
    file = repository.path / "packed-refs"
    # Without its first line, which says that it is sorted.
    packed = file.read_text().splitlines()[1:] if file.exists() else []
    file.write_text("".join(f"{line}\n" for line in (*packed, *(f"{sha} refs/{n}" for n in names))))


def _tag(number: int) -> bytes:
    message = b"Release %d\n" % number
    return b"tag v%d\nfrom refs/heads/main\ntagger %s %d +0000\ndata %d\n%s\n" % (
        number,
        PERSON,
        NOON.timestamp() + number,
        len(message),
        message,
    )


def _stream(commits: Iterable[Commit]) -> Iterator[bytes]:
    begun: set[bytes] = set()
    for number, commit in enumerate(commits, start=1):
        seconds = b"%d %s" % (commit.at.timestamp(), commit.zone)
        if commit.parents is None:
            parents = [number - 1] if number > 1 else []
        else:
            parents = [parent + 1 for parent in commit.parents]
        if not parents and commit.branch in begun:
            yield b"reset refs/heads/%s\n" % commit.branch
        begun.add(commit.branch)
        yield b"commit refs/heads/%s\nmark :%d\n" % (commit.branch, number)
        yield b"author %s %s\n" % (commit.author, commit.authored or seconds)
        yield b"committer %s %s\n" % (commit.committer, seconds)
        if commit.encoding is not None:
            yield b"encoding %s\n" % commit.encoding
        yield b"data %d\n%s\n" % (len(commit.message), commit.message)
        for place, parent in enumerate(parents):
            yield b"%s :%d\n" % (b"merge" if place else b"from", parent)
        for name, content in commit.files.items():
            if content is None:
                yield b"D %s\n" % _quoted(name)
            else:
                yield b"M 100644 inline %s\ndata %d\n" % (_quoted(name), len(content))
                yield content + b"\n"
        yield b"\n"


def _quoted(name: bytes) -> bytes:
    return b'"%s"' % name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
