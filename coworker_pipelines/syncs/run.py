"""The phases of one run, as its callers (Dagster, the CLI) see them."""

from collections.abc import Callable

from coworker_pipelines.extraction.extract import Progress
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.syncs import derive, extract, store
from coworker_pipelines.syncs.context import Bounds, SyncContext
from coworker_pipelines.syncs.result import PhaseResult


def _ignore(_: object) -> None:
    return None


class SyncRun:
    """One connection, opened for one run."""

    def __init__(self, context: SyncContext, streams: tuple[str, ...]) -> None:
        self._context = context
        self.streams = streams
        """Names of the selected streams, sorted."""

    @property
    def handle(self) -> str:
        return self._context.handle

    @property
    def sync(self) -> str:
        return self._context.sync

    def extract(
        self,
        stream: str,
        window: Window,
        bounds: Bounds | None = None,
        progress: Callable[[Progress], None] = _ignore,
    ) -> PhaseResult:
        return extract.extract(self._context, stream, window, bounds or Bounds(), progress)

    def store(
        self, stream: str, window: Window, progress: Callable[[Counts], None] = _ignore
    ) -> PhaseResult:
        return store.store(self._context, stream, window, progress)

    def derive(self, stream: str, window: Window) -> PhaseResult:
        return derive.derive(self._context, stream, window)
