"""What Elasticsearch holds of an extent."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from elasticsearch import Elasticsearch

from coworker_pipelines.activities.store import ActivitiesStore
from coworker_pipelines.documents import going, names
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.targets import Remover

OpenActivities = Callable[[Reached], AbstractContextManager[ActivitiesStore]]
"""Opens the messages of the one connection that is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRemover(Remover):
    client: Elasticsearch

    def count(self, reached: Reached) -> int:
        return len(going.active_keys(self.client, _keys(reached.extent)))

    def delete(self, reached: Reached) -> int:
        found = going.active_keys(self.client, _keys(reached.extent))
        going.end_keys(self.client, found)
        return len(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRemover(Remover):
    """``documents`` says which: the documents, or else the messages made of them."""

    client: Elasticsearch
    documents: bool

    def count(self, reached: Reached) -> int:
        return _counted(self.client, self._indices(reached))

    def delete(self, reached: Reached) -> int:
        indices = self._indices(reached)
        found = _counted(self.client, indices)
        going.delete_indices(self.client, indices)
        return found

    def _indices(self, reached: Reached) -> list[str]:
        pattern = _pattern(reached.extent)
        return [
            index
            for index in going.indices_of(self.client, pattern)
            if names.holds_documents(index) is self.documents
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamActivityRemover(Remover):
    """Messages of one stream, which share their index with those of others."""

    client: Elasticsearch
    whole: DocumentRemover
    open_activities: OpenActivities

    def count(self, reached: Reached) -> int:
        if reached.extent.stream is None:
            return self.whole.count(reached)
        with self.open_activities(reached) as activities:
            return activities.count(reached.extent.stream)

    def delete(self, reached: Reached) -> int:
        if reached.extent.stream is None:
            return self.whole.delete(reached)
        with self.open_activities(reached) as activities:
            return activities.delete_stream(reached.extent.stream)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRemover(Remover):
    """Indices themselves: an empty one still tells that something was there."""

    client: Elasticsearch

    def count(self, reached: Reached) -> int:
        return len(going.indices_of(self.client, _pattern(reached.extent)))

    def delete(self, reached: Reached) -> int:
        found = going.indices_of(self.client, _pattern(reached.extent))
        going.delete_indices(self.client, list(found))
        return len(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRemover(Remover):
    client: Elasticsearch

    def count(self, reached: Reached) -> int:
        return len(going.snapshots_of(self.client, _pattern(reached.extent)))

    def delete(self, reached: Reached) -> int:
        found = going.snapshots_of(self.client, _pattern(reached.extent))
        for repository, name in found:
            going.delete_snapshot(self.client, repository, name)
        return len(found)


def _pattern(extent: Extent) -> str:
    return names.pattern_of(extent.tenant, extent.connection, extent.stream)


def _keys(extent: Extent) -> str:
    """A key is named for its connection, without what its indices have behind that."""
    pattern = names.pattern_of(extent.tenant, extent.connection, None)
    return pattern if extent.connection is None else f"{pattern.removesuffix('.*')}*"


def _counted(client: Elasticsearch, indices: list[str]) -> int:
    try:
        return going.count_in(client, indices)
    except RefusedError as error:
        # It went between the listing and the counting: whoever asks again finds out.
        raise RetryLaterError(str(error)) from error
