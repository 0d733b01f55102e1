"""Phase 2: from segments to documents in Elasticsearch."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic

from coworker_pipelines.connections.rejected import RejectedEntry
from coworker_pipelines.connections.selections import current_selection
from coworker_pipelines.connections.stream_states import confirm_segment, finish_window
from coworker_pipelines.documents import names
from coworker_pipelines.documents.writer import BlockOutcome, DocumentsWriter
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.stream import Stream, SyncMode
from coworker_pipelines.segments.block import read_blocks
from coworker_pipelines.segments.manifest import Manifest, Segment
from coworker_pipelines.segments.manifests import (
    discard,
    load_manifest,
    save_manifest,
    segment_path,
)
from coworker_pipelines.syncs.context import LOCK_WAIT_S, SyncContext
from coworker_pipelines.syncs.derive import derive_waiting
from coworker_pipelines.syncs.removal import remove_gone
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
    progress: Callable[[Counts], None],
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
        started = monotonic()
        stored = _store_segments(context, stream, manifest, progress)
        if manifest.finished:
            stored.removed = _finish(context, stream, manifest)
        return _result(context, stream, manifest, stored, monotonic() - started)


def _current_manifest(context: SyncContext, stream: Stream, window: Window) -> Manifest | None:
    """The manifest, if it was made under the selection and epoch that hold now."""
    manifest = load_manifest(context.segments, stream.name, window)
    if manifest is None:
        return None
    with context.database.tenant(context.scope.tenant) as session:
        selection = current_selection(session, context.scope.connection)
    if manifest.selection == selection.version and manifest.epoch == context.scope.epoch:
        return manifest
    discard(context.segments, stream.name, window)
    return None


def _store_segments(
    context: SyncContext, stream: Stream, manifest: Manifest, progress: Callable[[Counts], None]
) -> _Stored:
    stored = _Stored()
    writer = context.writer(names.documents_alias(context.scope, stream.name))
    for ordinal, segment in enumerate(manifest.segments):
        if ordinal < manifest.stored:
            continue
        _store_segment(context, manifest, ordinal, segment, writer, stored)
        manifest = replace(manifest, stored=ordinal + 1)
        save_manifest(context.segments, manifest)
        context.segments.delete(segment_path(manifest, segment))
        progress(stored.counts)
    return stored


def _store_segment(
    context: SyncContext,
    manifest: Manifest,
    ordinal: int,
    segment: Segment,
    writer: DocumentsWriter,
    stored: _Stored,
) -> None:
    counts = segment.counts
    with context.segments.read(segment_path(manifest, segment)) as source:
        for outcome in writer.write(read_blocks(source), manifest.write_mode):
            _keep_rejected(context, manifest, outcome)
            counts += Counts(
                indexed=outcome.indexed,
                unchanged=outcome.unchanged,
                rejected=len(outcome.rejected),
            )
            stored.deleted += outcome.deleted
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
            cursor=segment.cursor,
            raw_bytes=segment.raw_bytes,
            selection_version=manifest.selection,
        )
    stored.counts += counts
    stored.raw_bytes += segment.raw_bytes


def _keep_rejected(context: SyncContext, manifest: Manifest, outcome: BlockOutcome) -> None:
    if outcome.rejected:
        context.rejected.put(
            [
                RejectedEntry(
                    stream=manifest.stream,
                    window=manifest.window,
                    sync=manifest.sync,
                    key=item.key,
                    reason=item.reason,
                    detail=item.detail,
                    payload=item.body,
                )
                for item in outcome.rejected
            ]
        )


def _finish(context: SyncContext, stream: Stream, manifest: Manifest) -> int:
    """Remove what a complete snapshot did not show, close the window if its month is over."""
    removed = 0
    if manifest.snapshot_complete:
        removed = remove_gone(context, stream, manifest)
    month_is_over = manifest.extracted_at >= manifest.window.end_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    with context.database.tenant(context.scope.tenant) as session:
        finish_window(
            session,
            scope=context.scope,
            run_sync=context.sync,
            stream=stream.name,
            window=manifest.window,
            selection_version=manifest.selection,
            complete=stream.mode is not SyncMode.WINDOW or month_is_over,
        )
    discard(context.segments, stream.name, manifest.window)
    return removed


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
