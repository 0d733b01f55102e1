"""Reading branches and tags, as they are now."""

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from coworker_pipelines.connectors.git.command import Git
from coworker_pipelines.connectors.git.commits import COMMIT_BYTES_MAX
from coworker_pipelines.connectors.git.objects import moment, tag_record, text_of
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.sdk.page import Page, ReadRequest, Record

PAGE_REFERENCES: Final = 500
_BRANCHES: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_SECONDS = re.compile(rb"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """``name`` is without its folder, in git's bytes; ``committed`` is empty on a tag."""

    name: bytes
    sha: str
    kind: str
    committed: bytes


def read_branches(git: Git, request: ReadRequest) -> Iterator[Page]:
    head = _head(git)

    def records(references: list[Reference]) -> Iterator[Record]:
        for reference in references:
            seconds = _SECONDS.match(reference.committed)
            yield {
                "name": text_of(reference.name),
                "sha": reference.sha,
                "committed_at": moment(0 if seconds is None else int(seconds[0])),
                "is_default": _BRANCHES.encode() + reference.name == head,
            }

    return _pages(git, _BRANCHES, request, records)


def read_tags(git: Git, request: ReadRequest) -> Iterator[Page]:
    def records(references: list[Reference]) -> Iterator[Record]:
        contents = _tag_objects(git, [entry.sha for entry in references if entry.kind == "tag"])
        targets = _targets(git, [entry.sha for entry in references])
        for entry, (target, target_type) in zip(references, targets, strict=True):
            content = next(contents) if entry.kind == "tag" else None
            record = tag_record(text_of(entry.name), entry.sha, content)
            yield {**record, "target": target, "target_type": target_type}

    return _pages(git, _TAGS, request, records)


def _pages(
    git: Git,
    folder: str,
    request: ReadRequest,
    records: Callable[[list[Reference]], Iterator[Record]],
) -> Iterator[Page]:
    """Pages by name. A read that was left goes on only while no reference has moved.

    The cursor behind the last page is empty: the next read is a whole one again.
    """
    digest = _digest(git, folder)
    cursor = request.cursor or {}
    after = bytes.fromhex(cursor["after"]) if cursor.get("digest") == digest else b""
    references = (entry for entry in _references(git, folder) if entry.name > after)
    page = list(islice(references, PAGE_REFERENCES))
    while page:
        following = list(islice(references, PAGE_REFERENCES))
        chosen = [_only(record, request.fields) for record in records(page)]
        if not following:
            break
        yield Page(records=chosen, cursor={"digest": digest, "after": page[-1].name.hex()})
        page = following
    else:
        chosen = []
    if _digest(git, folder) != digest:
        raise RetryLaterError("The repository's references moved while they were read.")
    yield Page(records=chosen, cursor={}, complete=True)


def _references(git: Git, folder: str) -> Iterator[Reference]:
    """Sorted by name, as bytes."""
    shape = "%(objectname) %(objecttype) %(committerdate:raw)%00%(refname)"
    with git.start(("for-each-ref", f"--format={shape}", folder)) as output:
        for line in output.pieces(b"\n"):
            facts, _, name = line.partition(b"\0")
            sha, kind, committed = facts.split(b" ", 2)
            yield Reference(
                name=name.removeprefix(folder.encode()),
                sha=sha.decode(),
                kind=kind.decode(),
                committed=committed,
            )


def _digest(git: Git, folder: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with git.start(("for-each-ref", "--format=%(objectname) %(refname)", folder)) as output:
        for line in output.pieces(b"\n"):
            digest.update(line + b"\n")
    return digest.hexdigest()


def _head(git: Git) -> bytes:
    """The reference that HEAD names; none where it stands on a commit."""
    assert git.git_dir is not None
    with (git.git_dir / "HEAD").open("rb") as file:
        return file.read(2**12).strip().removeprefix(b"ref: ")


def _tag_objects(git: Git, shas: list[str]) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as given:
        given.writelines(f"{sha}\n".encode() for sha in shas)
        given.seek(0)
        with git.start(("cat-file", "--batch=%(objectsize)", "--buffer"), given=given) as output:
            for size in output.pieces(b"\n"):
                content = output.exactly(min(int(size), COMMIT_BYTES_MAX))
                for start in range(COMMIT_BYTES_MAX, int(size), COMMIT_BYTES_MAX):
                    output.exactly(min(COMMIT_BYTES_MAX, int(size) - start))
                output.exactly(1)
                yield content


def _targets(git: Git, shas: list[str]) -> list[tuple[str, str]]:
    """What each reference leads to in the end: sha and type."""
    with tempfile.TemporaryFile() as given:
        given.writelines(f"{sha}^{{}}\n".encode() for sha in shas)
        given.seek(0)
        command = ("cat-file", "--batch-check=%(objectname) %(objecttype)")
        with git.start(command, given=given) as output:
            answers = [line.decode().partition(" ") for line in output.pieces(b"\n")]
    return [(sha, kind) for sha, _, kind in answers]


def _only(record: Record, fields: frozenset[str]) -> Record:
    return {name: value for name, value in record.items() if name in fields}
