"""Everything that the phases of one run were given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coworker_pipelines.activities.store import ActivitiesStore
from coworker_pipelines.connections.rejected import RejectedStore
from coworker_pipelines.connections.suppression import SuppressionLists
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents.reader import DocumentsReader
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.stream import Catalog
from coworker_pipelines.segments.store import SegmentStore

LOCK_WAIT_S = 30.0
"""How long a phase waits for another run of the same connection before it gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a phase is: records that were read, answered for, or looked at."""

    phase: str
    stream: str
    window: Window
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncContext:
    """One connection's stores, opened with its own key, and its source, not yet opened.

    ``sync`` is the id of the running sync; ``writer`` opens the one writer of a stream's alias;
    ``connector`` opens the source when it is first asked for, once for all streams and windows.
    """

    scope: Scope
    handle: str
    kind: str
    sync: str
    catalog: Catalog
    connector_class: type[Connector[Any]]
    connector: Callable[[], Connector[Any]]
    database: Database
    segments: SegmentStore
    rejected: RejectedStore
    writer: Callable[[str], DocumentsWriter]
    reader: DocumentsReader
    activities: ActivitiesStore
    subject_key: bytes
    clock: Clock
    progress: Callable[[Step], None]
    rejected_share_max: float
    removal_share_max: float
    segment_bytes: int
    suppressions: SuppressionLists = field(default_factory=SuppressionLists)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A narrower span inside a window, for a backfill that asks for one."""

    since: datetime | None = None
    until: datetime | None = None
