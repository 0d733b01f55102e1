"""The second look at what is about to be stored: who was erased since it was extracted?"""

from collections import deque
from collections.abc import Iterator

from coworker_pipelines.extraction.rescreening import rescreened
from coworker_pipelines.extraction.screening import Screen
from coworker_pipelines.segments.block import Block, read_blocks
from coworker_pipelines.segments.manifest import Manifest, Segment
from coworker_pipelines.segments.manifests import segment_path
from coworker_pipelines.syncs.context import SyncContext


class Rescreening:
    """Reads a manifest's segments as the list allows that holds when each is opened.

    ``left_out`` says of each block that was handed out, in order, how many documents of it were
    not taken in. While the list is still the one that the segments were screened by, blocks pass
    as they are.
    """

    def __init__(self, context: SyncContext, manifest: Manifest) -> None:
        self._context = context
        self._manifest = manifest
        self.left_out: deque[int] = deque()

    def blocks(self, segment: Segment) -> Iterator[Block]:
        """The segment's blocks; as many as it has, though some may hold nothing any more.

        Raises:
            RefusedError: the stream is being deleted.
        """
        screen = self._screen()
        with self._context.segments.read(segment_path(self._manifest, segment)) as source:
            for block in read_blocks(source):
                taken, left_out = (block, 0) if screen is None else rescreened(block, screen)
                self.left_out.append(left_out)
                yield taken

    def _screen(self) -> Screen | None:
        context, stream = self._context, self._manifest.stream
        with context.database.tenant(context.scope.tenant) as session:
            current = context.suppressions.current(session, context.scope, stream)
        if current.generation == self._manifest.suppression or not current:
            return None
        return Screen(
            current, context.catalog.stream(stream), context.subject_key, handle=context.handle
        )
