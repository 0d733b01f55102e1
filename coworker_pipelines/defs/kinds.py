"""What the shell has to know of a kind of source to draw its graph."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from dagster import AssetKey

from coworker_pipelines.defs.partitions import FIRST_WINDOW
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.stream import Stream

OWNER: Final = "team:data-engineering"


class Phase(StrEnum):
    """The four steps of a run, in their order."""

    SEGMENTS = "segments"
    DOCUMENTS = "documents"
    ACTIVITIES = "activities"
    DECISIONS = "decisions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """``streams`` are those that every connection of the kind has; none where each has its own."""

    name: str
    description: str
    streams: tuple[Stream, ...] = ()
    first_window: Window = FIRST_WINDOW

    @classmethod
    def of(cls, connector: type[Connector[Any]], first_window: Window) -> Self:
        return cls(
            name=connector.kind,
            description=connector.description,
            streams=connector.fixed_streams,
            first_window=first_window,
        )

    @property
    def job_name(self) -> str:
        return f"sync_{self.name}"

    def targets(self) -> Iterator[Stream | None]:
        """What has four assets of its own: each fixed stream, or ``None`` for all together."""
        yield from self.streams or (None,)

    def key(self, phase: Phase, stream: Stream | None) -> AssetKey:
        """The UI shows the last part of a key alone, so that part says stream and phase."""
        # Dagster writes no enums of ours: the values alone.
        return AssetKey([self.name, phase.value if stream is None else f"{stream.name}_{phase}"])


def kind_in(asset_key: AssetKey) -> str:
    """The kind that an asset's key begins with."""
    return asset_key.path[0]
