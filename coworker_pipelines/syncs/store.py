"""Phase 2: from segments to documents in Elasticsearch."""

from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from time import monotonic

import orjson

from coworker_pipelines.connections.rejected import RejectedEntry
from coworker_pipelines.connections.selections import current_selection
from coworker_pipelines.connections.stream_states import (
    await_activities,
    confirm_segment,
    fence,
    finish_window,
)
from coworker_pipelines.documents import names
from coworker_pipelines.documents.bulk import RejectedItem
from coworker_pipelines.documents.writer import BlockOutcome
from coworker_pipelines.extraction.rejected_share import require_few_rejected
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.stream import Stream, SyncMode
from coworker_pipelines.segments.manifest import Manifest
from coworker_pipelines.segments.manifests import (
    discard,
    load_manifest,
    save_manifest,
    segment_path,
)
from coworker_pipelines.syncs.context import LOCK_WAIT_S, Step, SyncContext
from coworker_pipelines.syncs.derive import derive_waiting
from coworker_pipelines.syncs.removal import remove_gone
from coworker_pipelines.syncs.rescreening import Rescreening
from coworker_pipelines.syncs.result import (
    PhaseResult,
    describe_cursor,
    nothing_to_do,
    per_second,
)


@dataclass(slots=True)
class _Stored:
    """What this phase has done so far."""

    counts: Counts = field(default_factory=Counts)
    deleted: int = 0
    raw_bytes: int = 0
    removed: int = 0


def store(
    context: SyncContext,
    stream_name: str,
    window: Window,
) -> PhaseResult:
    """Write the segments of one stream and window; after this they are confirmed and gone.

    Each segment's cursor and counts are committed together, once all of its documents are
    answered for; a segment that a crash left between its commit and the manifest's is sent
    again, answered as unchanged, and not counted a second time.
    """
    stream = context.catalog.stream(stream_name)
    with context.database.connection_lock(context.scope.connection, wait_s=LOCK_WAIT_S):
        manifest = _current_manifest(context, stream, window)
        if manifest is None:
            return nothing_to_do(stream.name, window, "no segments wait to be stored")
        # A document that is about to be overwritten must have told its activities before.
        derive_waiting(context, stream, window, except_sync=manifest.sync)
        _announce(context, manifest)
        started = monotonic()
        stored = _store_segments(context, manifest)
        if manifest.finished:
            stored.removed = _finish(context, stream, manifest)
        return _result(context, stream, manifest, stored, monotonic() - started)


def _current_manifest(context: SyncContext, stream: Stream, window: Window) -> Manifest | None:
    """The manifest, if it was made under the selection and epoch that hold now."""
    manifest = load_manifest(context.segments, stream.name, window)
    if manifest is None:
        return None
    with context.database.tenant(context.scope.tenant) as session:
        selection = current_selection(session, context.scope.connection).version
    if manifest.selection == selection and manifest.epoch == context.scope.epoch:
        return manifest
    discard(context.segments, stream.name, window)
    return None


def _announce(context: SyncContext, manifest: Manifest) -> None:
    """Note that activities are due, before the first document is sent.

    Afterwards would be too late: of a run that dies in between, nobody would know that its
    documents have not told their activities.
    """
    with context.database.tenant(context.scope.tenant) as session:
        fence(session, context.scope)
        await_activities(session, context.scope, manifest.stream, manifest.window, manifest.sync)


def _store_segments(context: SyncContext, manifest: Manifest) -> _Stored:
    """All segments in one write, so that requests are in flight across their borders."""
    stored = _Stored()
    waiting = manifest.segments[manifest.stored :]
    writer = context.writer(names.documents_alias(context.scope, manifest.stream))
    rescreening = Rescreening(context, manifest)
    # One without blocks is confirmed, and gone, before its turn to be read would come.
    read = (segment for segment in waiting if segment.blocks)
    blocks = chain.from_iterable(map(rescreening.blocks, read))
    with closing(writer.write(blocks, manifest.write_mode)) as outcomes:
        for ordinal, segment in enumerate(waiting, start=manifest.stored):
            started = monotonic()
            counts = segment.counts
            for outcome in islice(outcomes, segment.blocks):
                counts += _account(context, manifest, outcome, stored)
                counts += Counts(suppressed=rescreening.left_out.popleft())
                _tell(context, manifest, stored.counts + counts)
            stored.counts += counts
            stored.raw_bytes += segment.raw_bytes
            require_few_rejected(
                stored.counts, context.catalog.stream(manifest.stream), context.rejected_share_max
            )
            seconds = segment.seconds + monotonic() - started
            _confirm(context, manifest, ordinal, counts=counts, seconds=seconds)
            save_manifest(context.segments, replace(manifest, stored=ordinal + 1))
            context.segments.delete(segment_path(manifest, segment))
    return stored


def _tell(context: SyncContext, manifest: Manifest, counts: Counts) -> None:
    context.progress(
        Step(
            phase="store",
            stream=manifest.stream,
            window=manifest.window,
            records=counts.indexed + counts.unchanged,
        )
    )


def _account(
    context: SyncContext, manifest: Manifest, outcome: BlockOutcome, stored: _Stored
) -> Counts:
    if outcome.rejected:
        context.rejected.put([_rejected(manifest, item) for item in outcome.rejected])
    stored.deleted += outcome.deleted
    return Counts(
        indexed=outcome.indexed, unchanged=outcome.unchanged, rejected=len(outcome.rejected)
    )


def _rejected(manifest: Manifest, item: RejectedItem) -> RejectedEntry:
    """What is kept is the record, as of a record that was rejected before it was sent."""
    return RejectedEntry(
        stream=manifest.stream,
        window=manifest.window,
        sync=manifest.sync,
        key=item.key,
        reason=item.reason,
        detail=item.detail,
        payload=orjson.dumps(orjson.loads(item.body)["payload"]),
    )


def _confirm(
    context: SyncContext,
    manifest: Manifest,
    ordinal: int,
    *,
    counts: Counts,
    seconds: float,
) -> None:
    segment = manifest.segments[ordinal]
    with context.database.tenant(context.scope.tenant) as session:
        confirm_segment(
            session,
            scope=context.scope,
            run_sync=context.sync,
            written_sync=manifest.sync,
            stream=manifest.stream,
            window=manifest.window,
            ordinal=ordinal,
            counts=counts,
            cursor=segment.cursor if manifest.moves_cursor else None,
            raw_bytes=segment.raw_bytes,
            selection_version=manifest.selection,
            seconds=seconds,
        )


def _finish(context: SyncContext, stream: Stream, manifest: Manifest) -> int:
    """Remove what a complete snapshot did not show, close the window if its month is over."""
    removed = _remove(context, stream, manifest) if manifest.snapshot_complete else 0
    with context.database.tenant(context.scope.tenant) as session:
        finish_window(
            session,
            scope=context.scope,
            run_sync=context.sync,
            stream=stream.name,
            window=manifest.window,
            selection_version=manifest.selection,
            complete=_is_complete(stream, manifest) if manifest.covers_window else None,
            removed=removed,
        )
    discard(context.segments, stream.name, manifest.window)
    return removed


def _remove(context: SyncContext, stream: Stream, manifest: Manifest) -> int:
    try:
        return remove_gone(context, stream, manifest)
    except RefusedError:
        # What was read is stale by the time that somebody has answered: read it anew then.
        discard(context.segments, stream.name, manifest.window)
        raise


def _is_complete(stream: Stream, manifest: Manifest) -> bool:
    """Nothing more can come for the window: its month was over when it was read."""
    is_over = manifest.extracted_at >= manifest.window.end_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return stream.mode is not SyncMode.WINDOW or is_over


def _result(
    context: SyncContext, stream: Stream, manifest: Manifest, stored: _Stored, seconds: float
) -> PhaseResult:
    counts = stored.counts
    documents = counts.indexed + counts.unchanged
    return PhaseResult(
        stream=stream.name,
        window=manifest.window,
        metadata={
            "read": counts.read,
            "indexed": counts.indexed,
            "unchanged": counts.unchanged,
            "rejected": counts.rejected,
            "suppressed": counts.suppressed,
            "filtered": counts.filtered,
            "deleted": stored.deleted,
            "removed": stored.removed,
            "balanced": counts.balanced,
            "raw bytes": stored.raw_bytes,
            "seconds": round(seconds, 3),
            "documents per second": per_second(documents, seconds),
            "cursor after": describe_cursor(manifest.cursor),
            "index": names.documents_index(context.scope, stream.name),
            "sync": manifest.sync,
        },
    )
