"""The phases of one run, as its callers (Dagster, the command line) see them."""

from coworker_pipelines.kernel.window import Window
from coworker_pipelines.syncs import decide, derive, extract, store
from coworker_pipelines.syncs.context import Bounds, SyncContext
from coworker_pipelines.syncs.result import PhaseResult


class SyncRun:
    """One connection, opened for one run; ``streams`` are the selected ones, sorted."""

    def __init__(self, context: SyncContext, streams: tuple[str, ...]) -> None:
        self._context = context
        self.streams = streams

    def extract(self, stream: str, window: Window, bounds: Bounds | None = None) -> PhaseResult:
        """From the source to segments; after this all that the source has is in segments."""
        return extract.extract(self._context, stream, window, bounds or Bounds())

    def store(self, stream: str, window: Window) -> PhaseResult:
        """From segments to documents; after this every record is accounted for."""
        return store.store(self._context, stream, window)

    def derive(self, stream: str, window: Window) -> PhaseResult:
        """From documents to activities; after this none waits."""
        return derive.derive(self._context, stream, window)

    def decide(self, stream: str, window: Window) -> PhaseResult:
        """From activities to decisions, with what they set off; after this none waits."""
        return decide.decide(self._context, stream, window)
