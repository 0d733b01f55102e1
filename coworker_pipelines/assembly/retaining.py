"""Retention over a deployment's stores."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.privacy.retention.preview import StreamPreview, preview_connection
from coworker_pipelines.privacy.retention.sweep import StreamSweep, sweep_connection
from coworker_pipelines.privacy.retention.truth import Truth, measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Retaining:
    """``holdings`` opens all of a connection's data by its handle."""

    holdings: Callable[[str], AbstractContextManager[Holdings]]
    clock: Clock

    def preview(self, handle: str) -> list[StreamPreview]:
        with self.holdings(handle) as holdings:
            return preview_connection(holdings, now=self.clock.now())

    def sweep(self, handle: str) -> list[StreamSweep]:
        with self.holdings(handle) as holdings:
            return sweep_connection(holdings, clock=self.clock)

    def truths(self, handle: str, streams: Sequence[str]) -> list[Truth]:
        """How old what is left of each stream is, measured from the data."""
        with self.holdings(handle) as holdings:
            return [
                measure(
                    holdings.admin,
                    holdings.database,
                    holdings.scope,
                    stream,
                    now=self.clock.now(),
                )
                for stream in streams
            ]
