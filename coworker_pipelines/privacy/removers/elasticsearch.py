"""What Elasticsearch holds of an extent."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

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
        return _counted(self.client, self.indices(reached))

    def delete(self, reached: Reached) -> int:
        indices = self.indices(reached)
        found = _counted(self.client, indices)
        going.delete_indices(self.client, indices)
        return found

    def indices(self, reached: Reached) -> list[str]:
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
        stream = reached.extent.stream
        if stream is None:
            return self.whole.count(reached)
        return self._with_messages(reached, lambda activities: activities.count(stream))

    def delete(self, reached: Reached) -> int:
        stream = reached.extent.stream
        if stream is None:
            return self.whole.delete(reached)
        return self._with_messages(reached, lambda activities: activities.delete_stream(stream))

    def _with_messages(self, reached: Reached, ask: Callable[[ActivitiesStore], int]) -> int:
        """Nothing where the index has gone whole: an order that reaches more was faster."""
        connection = replace(reached, extent=replace(reached.extent, stream=None))
        if not self.whole.indices(connection):
            return 0
        with self.open_activities(reached) as activities, _gone_meanwhile():
            return ask(activities)


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
    with _gone_meanwhile():
        return going.count_in(client, indices)


@contextmanager
def _gone_meanwhile() -> Iterator[None]:
    """What went between the listing and the counting: whoever asks again finds out."""
    try:
        yield
    except RefusedError as error:
        raise RetryLaterError(str(error)) from error
