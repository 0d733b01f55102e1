"""Pages: what a connector yields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.stream import Stream

Record = dict[str, Any]
"""Field name to value. Values are what orjson serialises with ``OPT_PASSTHROUGH_DATETIME`` off:
JSON types, aware datetimes, dates, times, UUIDs; a connector turns all else (Decimal, bytes,
intervals) into text by a documented mapping that loses nothing."""

Cursor = Mapping[str, Any]
"""Where a read goes on; JSON, and opaque to everybody but its connector."""

PAGE_RECORDS_MAX = 2_000
"""The most records a page may hold; a connector yields smaller pages where records are large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """What is to be read of one stream.

    ``since`` and ``until`` bound the stream's time field half-open in ``WINDOW`` mode (they lie
    within the window) and mean nothing in the others. ``fields`` are the selected ones: a
    connector does not ask the source for others where the source lets it choose.
    """

    stream: Stream
    fields: frozenset[str]
    window: Window
    since: datetime
    until: datetime
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some records, and the cursor from which a read goes on behind them.

    ``deletions`` are primary keys (values in the order of ``Stream.primary_key``) that the
    source says are gone. The last page of a snapshot that was read whole, and only that one,
    says ``complete``: a reader that failed midway must not.
    """

    records: Sequence[Record]
    cursor: Cursor
    deletions: Sequence[tuple[Any, ...]] = field(default=())
    complete: bool = False
