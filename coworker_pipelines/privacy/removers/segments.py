"""What waits to be stored."""

from dataclasses import dataclass

from coworker_pipelines.kernel.slug import stream_slug
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.targets import Remover
from coworker_pipelines.segments.root import SegmentRoot


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRemover(Remover):
    root: SegmentRoot

    def count(self, reached: Reached) -> int:
        return self.root.count(_parts(reached.extent))

    def delete(self, reached: Reached) -> int:
        return self.root.delete(_parts(reached.extent))


def _parts(extent: Extent) -> list[str]:
    stream = None if extent.stream is None else stream_slug(extent.stream)
    return [part for part in (extent.tenant, extent.connection, stream) if part is not None]
