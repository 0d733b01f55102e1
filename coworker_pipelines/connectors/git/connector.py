"""The connector of the kind ``git``."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from coworker_pipelines.connectors.git.command import Git
from coworker_pipelines.connectors.git.commits import read_commits
from coworker_pipelines.connectors.git.facts import derive_facts
from coworker_pipelines.connectors.git.references import read_branches, read_tags
from coworker_pipelines.connectors.git.repository import check_repository, clone, open_in_place
from coworker_pipelines.connectors.git.settings import GitSettings, Transport
from coworker_pipelines.connectors.git.shapes import SHAPES
from coworker_pipelines.connectors.git.streams import (
    BRANCHES,
    CHANGE_FIELDS,
    COMMITS,
    STREAMS,
    TAGS,
)
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.sdk.activity import Fact, FactShape, StoredRecord
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.page import Page, ReadRequest
from coworker_pipelines.sdk.stream import Catalog, Stream


class GitConnector(Connector[GitSettings]):
    """One repository. An address is cloned when it is first read, and kept until ``close``."""

    kind: ClassVar[str] = "git"
    description: ClassVar[str] = "A git repository, by path or address: commits, branches, tags."
    fixed_streams: ClassVar[tuple[Stream, ...]] = STREAMS
    fact_shapes: ClassVar[Mapping[str, FactShape]] = SHAPES
    settings_type = GitSettings

    def __init__(self, settings: GitSettings) -> None:
        super().__init__(settings)
        self._folders: list[TemporaryDirectory[str]] = []
        self._clones: dict[bool, Git] = {}

    def check(self) -> None:
        check_repository(self.settings)

    def discover(self) -> Catalog:
        """The same streams for every repository that answers."""
        self.check()
        return Catalog(STREAMS)

    def read(self, request: ReadRequest) -> Iterator[Page]:
        match request.stream.name:
            case COMMITS.name:
                git = self._repository(contents=bool(request.fields & CHANGE_FIELDS))
                return read_commits(git, request)
            case BRANCHES.name:
                return read_branches(self._repository(contents=False), request)
            case TAGS.name:
                return read_tags(self._repository(contents=False), request)
            case _:
                raise TenantActionError(
                    f"A repository has no stream {request.stream.name!r}; "
                    f"it has: {', '.join(stream.name for stream in STREAMS)}."
                )

    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        return derive_facts(stream, record)

    def close(self) -> None:
        """Remove what was cloned."""
        self._clones.clear()
        while self._folders:
            self._folders.pop().cleanup()

    def _repository(self, *, contents: bool) -> Git:
        """``contents``: whether files' bytes are needed, which are most of a repository."""
        if self.settings.transport is Transport.IN_PLACE:
            return open_in_place(Path(self.settings.repository))
        found = self._clones.get(True) or self._clones.get(contents)
        if found is None:
            folder: TemporaryDirectory[str] = TemporaryDirectory(prefix="coworker-git-")
            self._folders.append(folder)
            found = clone(self.settings, Path(folder.name), contents=contents)
            self._clones[contents] = found
        return found
