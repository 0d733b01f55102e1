"""Rejected records, tried again under today's selection."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Self

import orjson

from coworker_pipelines.connections.kept_out import kept_out
from coworker_pipelines.connections.rejected import RejectedEntry, RejectReason
from coworker_pipelines.connections.selections import current_selection, selected_fields
from coworker_pipelines.connections.stream_states import await_activities, fence, sync_stream
from coworker_pipelines.documents import names
from coworker_pipelines.extraction.prepare import Filtered, Preparation, Suppressed
from coworker_pipelines.extraction.screening import Screen
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.page import ReadRequest
from coworker_pipelines.sdk.stream import Stream, SyncMode
from coworker_pipelines.segments.block import blocks_of
from coworker_pipelines.segments.manifest import Manifest, WriteMode
from coworker_pipelines.syncs.context import LOCK_WAIT_S, SyncContext
from coworker_pipelines.syncs.derive import derive_waiting

PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryOutcome:
    """``stored`` were taken this time, ``left`` are still rejected."""

    tried: int = 0
    stored: int = 0

    @property
    def left(self) -> int:
        return self.tried - self.stored

    def __add__(self, other: Self) -> Self:
        return type(self)(tried=self.tried + other.tried, stored=self.stored + other.stored)


def retry_rejected(context: SyncContext, stream: str | None) -> RetryOutcome:
    """Try to store what was rejected; what was taken is rejected no more and has its activities.

    A newer version that was stored meanwhile stays: the store refuses the older one, and a
    snapshot's record is only ever added.
    """
    total = RetryOutcome()
    with context.database.connection_lock(context.scope.connection, wait_s=LOCK_WAIT_S):
        for page in _pages(context, stream):
            ordered = sorted(page, key=lambda entry: (entry.stream, entry.window))
            for (name, window), group in groupby(ordered, lambda one: (one.stream, one.window)):
                total += _retry(context, name, window, list(group))
    return total


def _pages(context: SyncContext, stream: str | None) -> Iterator[list[RejectedEntry]]:
    after = ""
    while page := context.rejected.list(stream=stream, limit=PAGE, after=after):
        after = page[-1].id
        yield page


def _retry(
    context: SyncContext, name: str, window: Window, entries: Sequence[RejectedEntry]
) -> RetryOutcome:
    stream = context.catalog.stream(name)
    preparation = _preparation(context, stream, window)
    if preparation is None:
        return RetryOutcome(tried=len(entries))
    with context.database.tenant(context.scope.tenant) as session:
        fence(session, context.scope)
        await_activities(session, context.scope, name, window, context.sync)
    writer = context.writer(names.documents_alias(context.scope, name))
    counts = Counts()
    done: list[str] = []
    for entry in entries:
        if entry.reason is RejectReason.NOT_SERIALISABLE:
            # What was kept of it describes the record, and is not the record.
            counts += Counts(read=1, rejected=1)
            continue
        # One at a time: an entry is forgotten only when its own record is answered for.
        prepared = preparation.prepare((orjson.loads(entry.payload),))
        result = Counts(read=1, rejected=1)
        if any(isinstance(one, Suppressed) for one in prepared.left_out):
            result = Counts(read=1, suppressed=1)
        elif any(isinstance(one, Filtered) for one in prepared.left_out):
            result = Counts(read=1, filtered=1)
        elif lines := prepared.documents.lines():
            (outcome,) = writer.write(blocks_of(lines), _mode(stream))
            if not outcome.rejected:
                result = Counts(read=1, indexed=outcome.indexed, unchanged=outcome.unchanged)
        counts += result
        if not result.rejected:
            done.append(entry.id)
    with context.database.tenant(context.scope.tenant) as session:
        sync_stream(session, context.scope, context.sync, name, window).add_counts(counts)
    context.rejected.delete(done)
    derive_waiting(context, stream, window)
    return RetryOutcome(tried=len(entries), stored=len(done))


def _preparation(context: SyncContext, stream: Stream, window: Window) -> Preparation | None:
    with context.database.tenant(context.scope.tenant) as session:
        selection = current_selection(session, context.scope.connection)
        fields, version = selected_fields(selection, stream), selection.version
        stays_out = kept_out(session, context.scope, stream.name, now=context.clock.now())
        suppression = context.suppressions.current(session, context.scope, stream.name)
    if fields is None:
        return None
    return Preparation(
        ReadRequest(
            stream=stream,
            fields=fields,
            window=window,
            since=window.start_at,
            until=window.end_at,
        ),
        Manifest(
            stream=stream.name,
            window=window,
            sync=context.sync,
            selection=version,
            epoch=context.scope.epoch,
            write_mode=_mode(stream),
            suppression=suppression.generation,
            extracted_at=context.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        ),
        subject_key=context.subject_key,
        kept_out=stays_out,
        screen=Screen(suppression, stream, context.subject_key, handle=context.handle),
    )


def _mode(stream: Stream) -> WriteMode:
    return WriteMode.CREATED if stream.mode is SyncMode.SNAPSHOT else WriteMode.VERSIONED
