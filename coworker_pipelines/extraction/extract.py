"""The loop: pages to segments, each closed at a page border with the cursor behind it."""

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Final

import zstandard

from coworker_pipelines.connections.kept_out import KeptOut
from coworker_pipelines.connections.rejected import RejectedEntry, RejectedStore
from coworker_pipelines.extraction.prepare import (
    LETS_ALL_IN,
    Filtered,
    Preparation,
    Rejection,
    Suppressed,
)
from coworker_pipelines.extraction.rejected_share import require_few_rejected
from coworker_pipelines.extraction.screening import Screen
from coworker_pipelines.extraction.segment_draft import SegmentDraft
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.page import Page, ReadRequest
from coworker_pipelines.sdk.stream import SyncMode
from coworker_pipelines.segments.block import COMPRESSION_LEVEL, delete_line
from coworker_pipelines.segments.keys import write_keys
from coworker_pipelines.segments.manifest import Manifest, Segment, WriteMode
from coworker_pipelines.segments.manifests import (
    keys_path,
    save_manifest,
    segment_name,
    segment_path,
)
from coworker_pipelines.segments.store import SegmentStore

SEGMENT_BYTES: Final = 64 * 2**20
"""A segment is closed at the first page border behind this many raw bytes. What a crash makes
be done again is one segment at most; what a segment costs is a file and a transaction."""

COLLECTION_THRESHOLD: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an extraction is."""

    read: int
    raw_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionJob:
    """``request`` starts behind what ``manifest`` has closed already."""

    request: ReadRequest
    manifest: Manifest
    subject_key: bytes
    screen: Screen
    rejected_share_max: float
    segment_bytes: int
    kept_out: KeptOut = LETS_ALL_IN


def extract_stream(
    job: ExtractionJob,
    connector: Connector[Any],
    segments: SegmentStore,
    rejected: RejectedStore,
    progress: Callable[[Progress], None],
) -> Manifest:
    """Read to the end of the source; after this the manifest is finished and saved.

    After an error the manifest holds what was closed before, and the next try goes on there.

    Raises:
        RefusedError: more records were rejected than the limit allows.
    """
    with _rare_collections(), ThreadPoolExecutor(1, thread_name_prefix="segment") as worker:
        extraction = _Extraction(job, segments, rejected, progress, worker)
        return extraction.run(connector.read(job.request))


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Records hold no cycles, so looking for some after every 700 is a tenth of the time lost."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECTION_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Extraction:
    def __init__(
        self,
        job: ExtractionJob,
        segments: SegmentStore,
        rejected: RejectedStore,
        progress: Callable[[Progress], None],
        worker: Executor,
    ) -> None:
        self._job = job
        self._worker = worker
        self._segments = segments
        self._rejected = rejected
        self._progress = progress
        self._manifest = job.manifest
        self._is_snapshot = job.request.stream.mode is SyncMode.SNAPSHOT
        self._compressor = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL, write_checksum=True)
        self._preparation = Preparation(
            job.request,
            job.manifest,
            subject_key=job.subject_key,
            kept_out=job.kept_out,
            screen=job.screen,
        )

    def run(self, pages: Iterator[Page]) -> Manifest:
        pages = _ending_when_complete(pages)
        first: Page | None = next(pages, None)
        is_complete = False
        while first is not None:
            last = self._close_segment(first, pages)
            is_complete = last.complete
            first = next(pages, None)
        self._manifest = replace(
            self._manifest,
            finished=True,
            snapshot_complete=self._is_snapshot and is_complete,
        )
        save_manifest(self._segments, self._manifest)
        return self._manifest

    def _close_segment(self, first: Page, pages: Iterator[Page]) -> Page:
        """Fill one segment and list it in the manifest; the last page that went into it."""
        started = monotonic()
        segment = Segment(
            name=segment_name(len(self._manifest.segments)),
            blocks=0,
            documents=0,
            deletions=0,
            raw_bytes=0,
            stored_bytes=0,
            counts=Counts(),
            cursor=first.cursor,
        )
        shown: list[str] = []
        compared = self._manifest.write_mode is WriteMode.COMPARED
        with (
            self._segments.write(segment_path(self._manifest, segment)) as target,
            SegmentDraft(target, self._compressor, self._worker, compared=compared) as draft,
        ):
            page: Page | None = first
            counts = Counts()
            while page is not None:
                last = page
                counts += self._add_page(draft, page, shown)
                self._tell(counts, draft)
                is_full = draft.raw_bytes >= self._job.segment_bytes
                page = None if is_full else next(pages, None)
        segment = replace(
            segment,
            blocks=draft.blocks,
            documents=draft.documents,
            deletions=draft.deletions,
            raw_bytes=draft.raw_bytes,
            stored_bytes=draft.stored_bytes,
            counts=counts,
            cursor=dict(last.cursor),
            seconds=monotonic() - started,
        )
        if self._is_snapshot:
            with self._segments.write(keys_path(self._manifest, segment)) as target:
                write_keys(target, shown)
        self._manifest = self._manifest.with_segment(segment)
        require_few_rejected(self._counts(), self._job.request.stream, self._job.rejected_share_max)
        save_manifest(self._segments, self._manifest)
        return last

    def _add_page(self, draft: SegmentDraft, page: Page, shown: list[str]) -> Counts:
        suppressed = filtered = 0
        rejections: list[Rejection] = []
        prepared = self._preparation.prepare(page.records)
        draft.add(prepared.documents)
        for left_out in prepared.left_out:
            match left_out:
                case Rejection():
                    rejections.append(left_out)
                case Suppressed():
                    suppressed += 1
                case Filtered():
                    filtered += 1
        if self._is_snapshot:
            shown.extend(prepared.documents.keys)
            shown.extend(one.key for one in rejections if one.key is not None)
        for values in page.deletions:
            key = self._preparation.key_of(values)
            if key is not None:
                draft.delete(delete_line(key))
        self._keep(rejections)
        return Counts(
            read=len(page.records),
            rejected=len(rejections),
            suppressed=suppressed,
            filtered=filtered,
        )

    def _keep(self, rejections: list[Rejection]) -> None:
        manifest = self._manifest
        self._rejected.put(
            [
                RejectedEntry(
                    stream=manifest.stream,
                    window=manifest.window,
                    sync=manifest.sync,
                    key=rejection.key,
                    reason=rejection.reason,
                    detail=rejection.detail,
                    payload=rejection.payload,
                )
                for rejection in rejections
            ]
        )

    def _counts(self) -> Counts:
        return sum((segment.counts for segment in self._manifest.segments), Counts())

    def _tell(self, counts: Counts, draft: SegmentDraft) -> None:
        before = self._manifest.segments
        self._progress(
            Progress(
                read=counts.read + sum(segment.counts.read for segment in before),
                raw_bytes=draft.raw_bytes + sum(segment.raw_bytes for segment in before),
            )
        )


def _ending_when_complete(pages: Iterator[Page]) -> Iterator[Page]:
    is_complete = False
    for page in pages:
        if is_complete:
            raise DefectError("A snapshot went on behind the page that completed it.")
        is_complete = page.complete
        yield page
