"""Partitions: a connection and a month, and what a run's tags say of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from dagster import (
    DynamicPartitionsDefinition,
    MonthlyPartitionsDefinition,
    MultiPartitionKey,
    MultiPartitionsDefinition,
)
from dagster._check import CheckError
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    MULTIDIMENSIONAL_PARTITION_PREFIX,
    PARTITION_NAME_TAG,
)

from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.settings import FIRST_WINDOW_DEFAULT

CONNECTION: Final = "connection"
WINDOW: Final = "window"
CONNECTION_TAG: Final = "coworker/connection"
TENANT_TAG: Final = "coworker/tenant"

FIRST_WINDOW: Final = FIRST_WINDOW_DEFAULT
"""Where history begins unless a deployment says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What one run works on: one connection, and windows that follow one another."""

    connection: str
    windows: tuple[Window, ...]

    @property
    def run_tags(self) -> dict[str, str]:
        """Whose run it is, as the queue's limits read it."""
        return {TENANT_TAG: tenant_of(self.connection), CONNECTION_TAG: self.connection}

    @property
    def partition_tags(self) -> dict[str, str]:
        """What makes a run work on this span."""
        first, last = self.windows[0], self.windows[-1]
        return {
            ASSET_PARTITION_RANGE_START_TAG: partition_key(self.connection, first),
            ASSET_PARTITION_RANGE_END_TAG: partition_key(self.connection, last),
        }


def connections_of(kind: str) -> DynamicPartitionsDefinition:
    """The connections of a kind: their handles."""
    return DynamicPartitionsDefinition(name=f"{kind}_connections")


def partitions_of(kind: str, first: Window = FIRST_WINDOW) -> MultiPartitionsDefinition:
    """Every connection of a kind in every month from ``first`` to the one that has begun."""
    return MultiPartitionsDefinition(
        {
            CONNECTION: connections_of(kind),
            WINDOW: MonthlyPartitionsDefinition(start_date=first.start_at, end_offset=1),
        }
    )


def partition_key(connection: str, window: Window) -> str:
    return MultiPartitionKey({CONNECTION: connection, WINDOW: window.key})


def tenant_of(handle: str) -> str:
    """The slug of the tenant that a handle names.

    Raises:
        TenantActionError: it is no handle.
    """
    slug, _, name = handle.partition(".")
    if not slug or not name:
        raise TenantActionError(f"{handle!r} is no connection: write <tenant>.<connection>.")
    return slug


def span_of(tags: Mapping[str, str]) -> Span | None:
    """What a run's tags say it works on; ``None`` if they say nothing.

    Dagster reads a run's partition from several tags. All that are there have to agree, or a
    run would work on one connection under another's name.

    Raises:
        TenantActionError: a tag is no partition.
        RefusedError: the tags name several connections, or contradict each other.
    """
    named = list(_named_ranges(tags))
    if not named:
        return None
    ends = {handle for start, end in named for handle in (start[0], end[0])}
    if len(ends) > 1:
        raise RefusedError(
            f"A run works on one connection; this one names {', '.join(sorted(ends))}."
        )
    if len(set(named)) > 1:
        raise RefusedError("The partition tags of this run contradict each other.")
    ((handle, first), (_, last)) = named[0]
    if last < first:
        raise TenantActionError(f"The windows end in {last.key}, before they begin in {first.key}.")
    tenant_of(handle)
    return Span(connection=handle, windows=tuple(first.until(last)))


def require_begun(span: Span, *, first: Window, now: datetime) -> None:
    """Return if every window of the span has begun.

    Raises:
        TenantActionError: one has not, or lies before the first that is kept.
    """
    current = Window.of(now)
    if span.windows[-1] > current:
        raise TenantActionError(
            f"The window {span.windows[-1].key} has not begun; the latest is {current.key}."
        )
    if span.windows[0] < first:
        raise TenantActionError(
            f"The window {span.windows[0].key} lies before the first that is kept, {first.key}."
        )


def consecutive(windows: tuple[Window, ...]) -> list[tuple[Window, ...]]:
    """The windows, sorted and cut where one is missing: each part fits one run."""
    parts: list[tuple[Window, ...]] = []
    for window in sorted(set(windows)):
        if parts and parts[-1][-1].next() == window:
            parts[-1] = (*parts[-1], window)
        else:
            parts.append((window,))
    return parts


_Point = tuple[str, Window]


def _named_ranges(tags: Mapping[str, str]) -> Iterator[tuple[_Point, _Point]]:
    if key := tags.get(PARTITION_NAME_TAG):
        point = _point(key)
        yield point, point
    start = tags.get(ASSET_PARTITION_RANGE_START_TAG)
    end = tags.get(ASSET_PARTITION_RANGE_END_TAG)
    if start or end:
        if not start or not end:
            raise TenantActionError("A range of partitions needs its first and its last.")
        yield _point(start), _point(end)
    connection = tags.get(MULTIDIMENSIONAL_PARTITION_PREFIX + CONNECTION)
    window = tags.get(MULTIDIMENSIONAL_PARTITION_PREFIX + WINDOW)
    if connection or window:
        if not connection or not window:
            raise TenantActionError("A partition needs a connection and a window.")
        point = (connection, Window.parse(window))
        yield point, point


def _point(key: str) -> _Point:
    try:
        dimensions = _shape().get_partition_key_from_str(key).keys_by_dimension
    except CheckError as error:
        raise TenantActionError(
            f"{key!r} is no partition: write <tenant>.<connection>|YYYY-MM-01."
        ) from error
    return dimensions[CONNECTION], Window.parse(dimensions[WINDOW])


@cache
def _shape() -> MultiPartitionsDefinition:
    """Any kind's partitions: they all write their keys alike."""
    return partitions_of("any")
