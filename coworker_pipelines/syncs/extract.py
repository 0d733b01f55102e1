"""Phase 1: from the source to segments."""

from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from coworker_pipelines.connections.kept_out import KeptOut, kept_out
from coworker_pipelines.connections.selections import (
    current_selection,
    has_widened_since,
    selected_fields,
)
from coworker_pipelines.connections.stream_states import latest_state, stream_state
from coworker_pipelines.connections.suppression import SuppressionList
from coworker_pipelines.extraction.extract import ExtractionJob, Progress, extract_stream
from coworker_pipelines.extraction.screening import Screen
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.page import Cursor, ReadRequest
from coworker_pipelines.sdk.stream import Stream, SyncMode
from coworker_pipelines.segments.manifest import Manifest, WriteMode
from coworker_pipelines.segments.manifests import discard, load_manifest, save_manifest
from coworker_pipelines.syncs.context import LOCK_WAIT_S, Bounds, Step, SyncContext
from coworker_pipelines.syncs.result import (
    PhaseResult,
    describe_cursor,
    nothing_to_do,
    per_second,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Basis:
    """What was decided under the lock, before the source is asked."""

    fields: frozenset[str] | None
    selection: int
    cursor: Cursor | None
    write_mode: WriteMode
    kept_out: KeptOut
    suppression: SuppressionList


def extract(
    context: SyncContext,
    stream_name: str,
    window: Window,
    bounds: Bounds,
) -> PhaseResult:
    """Read one stream of one window into segments; after this its manifest is finished.

    A manifest that an earlier run left unfinished is gone on with, behind its last closed
    segment, and keeps the generation of the list that its first segments were screened by; one
    that was made under another selection or epoch is discarded.
    """
    stream = context.catalog.stream(stream_name)
    with context.database.connection_lock(context.scope.connection, wait_s=LOCK_WAIT_S):
        basis = _basis(context, stream, window)
        if basis.fields is None:
            discard(context.segments, stream.name, window)
            return nothing_to_do(stream.name, window, "the stream is not selected")
        if stream.mode is not SyncMode.WINDOW and window != Window.of(context.clock.now()):
            return nothing_to_do(
                stream.name, window, f"a {stream.mode} stream is read in the current window only"
            )
        manifest = _manifest(context, stream, window, basis, bounds)
        if manifest.finished:
            return nothing_to_do(
                stream.name, window, "its segments are complete and wait to be stored"
            )
        return _read(context, stream, basis, manifest, bounds)


def _basis(context: SyncContext, stream: Stream, window: Window) -> _Basis:
    with context.database.tenant(context.scope.tenant) as session:
        selection = current_selection(session, context.scope.connection)
        state = (
            latest_state(session, context.scope, stream.name)
            if stream.mode is SyncMode.SEQUENCE
            else stream_state(session, context.scope, stream.name, window)
        )
        reread = state is not None and has_widened_since(
            session, selection, state.selection_version, stream
        )
        return _Basis(
            fields=selected_fields(selection, stream),
            selection=selection.version,
            cursor=None if state is None or reread else state.cursor,
            write_mode=_write_mode(stream, reread=reread),
            kept_out=kept_out(session, context.scope, stream.name, now=context.clock.now()),
            suppression=context.suppressions.current(session, context.scope, stream.name),
        )


def _write_mode(stream: Stream, *, reread: bool) -> WriteMode:
    if stream.mode is SyncMode.SNAPSHOT:
        return WriteMode.COMPARED
    return WriteMode.REWRITE if reread else WriteMode.VERSIONED


def _manifest(
    context: SyncContext, stream: Stream, window: Window, basis: _Basis, bounds: Bounds
) -> Manifest:
    """The unfinished manifest of an earlier run where it still holds, else a new one."""
    found = load_manifest(context.segments, stream.name, window)
    new = Manifest(
        stream=stream.name,
        window=window,
        sync=context.sync,
        selection=basis.selection,
        epoch=context.scope.epoch,
        write_mode=basis.write_mode,
        suppression=basis.suppression.generation,
        extracted_at=context.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        since=_text(bounds.since) if stream.mode is SyncMode.WINDOW else None,
        until=_text(bounds.until) if stream.mode is SyncMode.WINDOW else None,
    )
    if found is None:
        return new
    if _basis_of(found) == _basis_of(new):
        return found
    discard(context.segments, stream.name, window)
    return new


def _basis_of(manifest: Manifest) -> tuple[object, ...]:
    return manifest.selection, manifest.epoch, manifest.since, manifest.until


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _read(
    context: SyncContext,
    stream: Stream,
    basis: _Basis,
    manifest: Manifest,
    bounds: Bounds,
) -> PhaseResult:
    assert basis.fields is not None
    window = manifest.window
    request = ReadRequest(
        stream=stream,
        fields=basis.fields,
        window=window,
        since=max(window.start_at, bounds.since or window.start_at),
        until=min(window.end_at, bounds.until or window.end_at),
        cursor=manifest.cursor or (basis.cursor if manifest.moves_cursor else None),
    )
    job = ExtractionJob(
        request=request,
        manifest=manifest,
        subject_key=context.subject_key,
        kept_out=basis.kept_out,
        screen=Screen(basis.suppression, stream, context.subject_key, handle=context.handle),
        rejected_share_max=context.rejected_share_max,
        segment_bytes=context.segment_bytes,
    )
    save_manifest(context.segments, manifest)

    def tell(progress: Progress) -> None:
        context.progress(
            Step(phase="extract", stream=stream.name, window=window, records=progress.read)
        )

    started = monotonic()
    connector = context.connector()
    finished = extract_stream(job, connector, context.segments, context.rejected, tell)
    return _result(finished, basis, monotonic() - started)


def _result(manifest: Manifest, basis: _Basis, seconds: float) -> PhaseResult:
    read = sum(segment.counts.read for segment in manifest.segments)
    return PhaseResult(
        stream=manifest.stream,
        window=manifest.window,
        metadata={
            "read": read,
            "filtered": sum(segment.counts.filtered for segment in manifest.segments),
            "suppressed": sum(segment.counts.suppressed for segment in manifest.segments),
            "rejected": sum(segment.counts.rejected for segment in manifest.segments),
            "segments": len(manifest.segments),
            "raw bytes": sum(segment.raw_bytes for segment in manifest.segments),
            "stored bytes": sum(segment.stored_bytes for segment in manifest.segments),
            "seconds": round(seconds, 3),
            "records per second": per_second(read, seconds),
            "cursor before": describe_cursor(basis.cursor),
            "cursor after": describe_cursor(manifest.cursor),
            "selection": manifest.selection,
            "sync": manifest.sync,
        },
    )
