"""The loop: pages to segments, whatever the source does in between."""

import heapq
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.connections.rejected import MemoryRejectedStore, RejectReason
from coworker_pipelines.extraction.extract import ExtractionJob, Progress, extract_stream
from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.extraction.rejected_share import REJECTED_MIN
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.errors import DefectError, RefusedError
from coworker_pipelines.sdk.page import Page
from coworker_pipelines.sdk.stream import IdentifierKind, Stream
from coworker_pipelines.segments.block import BLOCK_OPERATIONS_MAX, Block, read_blocks
from coworker_pipelines.segments.keys import read_keys
from coworker_pipelines.segments.manifest import Manifest, Segment
from coworker_pipelines.segments.manifests import keys_path, load_manifest, segment_path
from coworker_pipelines.segments.memory import MemorySegmentStore
from tests.extraction.shop import (
    ORDERS,
    PEOPLE,
    SHELVES,
    SUBJECT_KEY,
    WINDOW,
    PagesConnector,
    SourceLostError,
    manifest_for,
    order,
    page,
    request_for,
    screen_for,
)

ERASED = str(subject_key_of(IdentifierKind.EMAIL, "erased@example.org", SUBJECT_KEY))
OUTSIDE = "2026-04-01T00:00:00Z"
KINDS = ("good", "rejected", "suppressed", "filtered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Stores of one connection, and what a run says and leaves there."""

    segments: MemorySegmentStore = field(default_factory=MemorySegmentStore)
    rejected: MemoryRejectedStore = field(default_factory=MemoryRejectedStore)
    progress: list[Progress] = field(default_factory=list)

    def run(
        self,
        stream: Stream,
        connector: PagesConnector,
        *,
        segment_bytes: int = 1,
        rejected_share_max: float = 1.0,
        suppressed: frozenset[str] = frozenset({ERASED}),
    ) -> Manifest:
        """One run: it goes on from the manifest that an earlier one left."""
        manifest = load_manifest(self.segments, stream.name, WINDOW) or manifest_for(stream)
        job = ExtractionJob(
            request=replace(request_for(stream), cursor=manifest.cursor),
            manifest=manifest,
            subject_key=SUBJECT_KEY,
            screen=screen_for(stream, suppressed),
            rejected_share_max=rejected_share_max,
            segment_bytes=segment_bytes,
        )
        return extract_stream(job, connector, self.segments, self.rejected, self.progress.append)

    def blocks(self, manifest: Manifest, segment: Segment) -> list[Block]:
        with self.segments.read(segment_path(manifest, segment)) as source:
            return list(read_blocks(source))

    def content(self, manifest: Manifest) -> bytes:
        return b"".join(
            block.body for segment in manifest.segments for block in self.blocks(manifest, segment)
        )

    def shown(self, manifest: Manifest) -> list[str]:
        with ExitStack() as opened:
            runs = [
                read_keys(opened.enter_context(self.segments.read(keys_path(manifest, segment))))
                for segment in manifest.segments
            ]
            return list(heapq.merge(*runs))


def pages_of(counts: Sequence[int]) -> list[Page]:
    """Pages of so many records each, of every kind in turn."""
    numbers = iter(range(sum(counts)))
    return [page(*(_record(next(numbers)) for _ in range(count))) for count in counts]


def _record(number: int) -> dict[str, Any]:
    match KINDS[number % len(KINDS)]:
        case "rejected":
            return order(number, changed_at=None)
        case "suppressed":
            return order(number, email="erased@example.org")
        case "filtered":
            return order(number, changed_at=OUTSIDE)
        case _:
            return order(number)


PAGES = st.lists(st.integers(0, 6), min_size=1, max_size=8).map(pages_of)
SIZES = st.sampled_from((1, 400, 2_000, 10**9))


@given(PAGES, SIZES)
def test_every_record_that_was_read_went_somewhere(pages: list[Page], segment_bytes: int) -> None:
    place = Place()
    manifest = place.run(ORDERS, PagesConnector(pages), segment_bytes=segment_bytes)
    for segment in manifest.segments:
        documents = segment.documents
        assert segment.counts.read == documents + segment.counts.accounted
        assert segment.counts.indexed == segment.counts.unchanged == 0
        blocks = place.blocks(manifest, segment)
        assert sum(block.header.operations for block in blocks) == documents + segment.deletions
        assert segment.blocks == len(blocks)
        assert segment.raw_bytes == sum(len(block.body) for block in blocks)
        stored = place.segments.objects[segment_path(manifest, segment)]
        assert segment.stored_bytes == len(stored)
    total = _total(manifest)
    read = sum(len(page.records) for page in pages)
    places = [sum(1 for n in range(read) if n % len(KINDS) == kind) for kind in range(len(KINDS))]
    documents = sum(segment.documents for segment in manifest.segments)
    assert total.read == read
    assert [documents, total.rejected, total.suppressed, total.filtered] == places
    assert len(place.rejected.list(limit=1_000)) == places[KINDS.index("rejected")]


@given(PAGES, SIZES)
def test_a_segment_ends_at_a_page_border_with_the_cursor_behind_it(
    pages: list[Page], segment_bytes: int
) -> None:
    place = Place()
    manifest = place.run(ORDERS, PagesConnector(pages), segment_bytes=segment_bytes)
    ends = [int(segment.cursor["page"]) for segment in manifest.segments]
    assert ends == sorted(set(ends))
    assert ends[-1] == len(pages)
    for start, end, segment in zip([0, *ends], ends, manifest.segments, strict=False):
        inside = [record["id"] for page in pages[start:end] for record in page.records]
        assert segment.counts.read == len(inside)
        for block in place.blocks(manifest, segment):
            assert {int(key) for key in _keys(block.body)} <= set(inside)


@given(PAGES, SIZES, st.data())
def test_any_crashes_and_further_runs_make_what_one_run_makes(
    pages: list[Page], segment_bytes: int, data: st.DataObject
) -> None:
    whole, broken = Place(), Place()
    expected = whole.run(ORDERS, PagesConnector(pages), segment_bytes=segment_bytes)
    lost_at = data.draw(st.lists(st.integers(0, len(pages) - 1), max_size=5))
    connector = PagesConnector(pages, lost_at=lost_at)
    found: Manifest | None = None
    while found is None:
        with suppress(SourceLostError):
            found = broken.run(ORDERS, connector, segment_bytes=segment_bytes)
    assert found.finished
    assert broken.content(found) == whole.content(expected)
    assert _total(found) == _total(expected)
    assert found.cursor == expected.cursor
    assert broken.rejected.list(limit=1_000) == whole.rejected.list(limit=1_000)
    assert load_manifest(broken.segments, ORDERS.name, WINDOW) == found


@given(PAGES, SIZES, st.data())
def test_a_run_goes_on_behind_the_last_closed_segment(
    pages: list[Page], segment_bytes: int, data: st.DataObject
) -> None:
    place = Place()
    lost_at = data.draw(st.integers(0, len(pages) - 1))
    connector = PagesConnector(pages, lost_at=[lost_at])
    with pytest.raises(SourceLostError):
        place.run(ORDERS, connector, segment_bytes=segment_bytes)
    left = load_manifest(place.segments, ORDERS.name, WINDOW)
    place.run(ORDERS, connector, segment_bytes=segment_bytes)
    assert connector.requests[-1].cursor == (None if left is None else left.cursor)
    if left is not None:
        assert not left.finished
        assert 0 < int((left.cursor or {})["page"]) <= lost_at


@given(PAGES, SIZES)
def test_the_same_source_gives_the_same_bytes(pages: list[Page], segment_bytes: int) -> None:
    one, other = Place(), Place()
    manifests = [
        place.run(ORDERS, PagesConnector(pages), segment_bytes=segment_bytes)
        for place in (one, other)
    ]
    for path, content in one.segments.objects.items():
        if path.endswith((".segment", ".keys")):
            assert other.segments.objects[path] == content
    assert one.segments.objects.keys() == other.segments.objects.keys()
    assert [replace(s, seconds=0) for s in manifests[0].segments] == [
        replace(s, seconds=0) for s in manifests[1].segments
    ]


def test_a_first_page_without_records_still_keeps_its_cursor() -> None:
    manifest = Place().run(ORDERS, PagesConnector([page()]))
    assert manifest.cursor == {"page": 1}
    assert manifest.finished
    assert [segment.blocks for segment in manifest.segments] == [0]


def test_a_source_that_has_no_page_left_finishes_what_is_there() -> None:
    place = Place()
    connector = PagesConnector([page(order(1)), page(order(2))])
    first = place.run(ORDERS, connector)
    again = place.run(ORDERS, connector)
    assert again == first


def test_deletions_stand_behind_the_records_of_their_page_and_before_the_next() -> None:
    pages = [
        page(order(1), order(2), deletions=[(3,), (1,)]),
        page(order(3), deletions=[(2,)]),
    ]
    place = Place()
    manifest = place.run(ORDERS, PagesConnector(pages), segment_bytes=10**9)
    (segment,) = manifest.segments
    assert _operations(place.content(manifest)) == [
        ("index", "1"),
        ("index", "2"),
        ("delete", "3"),
        ("delete", "1"),
        ("index", "3"),
        ("delete", "2"),
    ]
    assert (segment.documents, segment.deletions, segment.counts.read) == (3, 3, 3)


def test_a_deletion_without_a_key_removes_nothing() -> None:
    place = Place()
    manifest = place.run(ORDERS, PagesConnector([page(deletions=[(None,)])]))
    assert not place.content(manifest)
    assert manifest.segments[0].deletions == 0


def test_a_page_larger_than_a_block_becomes_several() -> None:
    place = Place()
    records = [order(number) for number in range(BLOCK_OPERATIONS_MAX + 1)]
    manifest = place.run(ORDERS, PagesConnector([page(*records)]))
    (segment,) = manifest.segments
    sizes = [block.header.operations for block in place.blocks(manifest, segment)]
    assert sizes == [BLOCK_OPERATIONS_MAX, 1]
    assert len(_operations(place.content(manifest))) == BLOCK_OPERATIONS_MAX + 1


def test_a_compared_block_tells_its_documents_without_being_unpacked() -> None:
    place = Place()
    shelves = [{"hall": f"H{number % 7}{number}"} for number in range(10)]
    manifest = place.run(SHELVES, PagesConnector([page(*shelves, complete=True)]))
    (block,) = place.blocks(manifest, manifest.segments[0])
    assert list(block.header.keys) == _keys(block.body) == [shelf["hall"] for shelf in shelves]
    documents = [orjson.loads(line) for line in block.body.splitlines()[1::2]]
    assert list(block.header.content_hashes) == [one["content_hash"] for one in documents]


def test_a_snapshot_is_complete_with_the_page_that_says_so_alone() -> None:
    shelves = [page({"hall": "B"}), page({"hall": "A"}), page({"hall": "C"}, complete=True)]
    place = Place()
    manifest = place.run(SHELVES, PagesConnector(shelves))
    assert manifest.snapshot_complete
    assert place.shown(manifest) == ["A", "B", "C"]
    half = Place().run(SHELVES, PagesConnector(shelves[:2]))
    assert half.finished
    assert not half.snapshot_complete


def test_a_snapshot_that_goes_on_behind_its_end_is_a_defect() -> None:
    place = Place()
    pages = [page({"hall": "A"}, complete=True), page({"hall": "B"})]
    with pytest.raises(DefectError, match="went on behind the page that completed it"):
        place.run(SHELVES, PagesConnector(pages))
    left = load_manifest(place.segments, SHELVES.name, WINDOW)
    assert left is None or not (left.finished or left.snapshot_complete)


def test_a_snapshot_that_goes_on_within_a_segment_is_a_defect_as_well() -> None:
    pages = [page({"hall": "A"}, complete=True), page({"hall": "B"}, complete=True)]
    with pytest.raises(DefectError, match="went on behind the page that completed it"):
        Place().run(SHELVES, PagesConnector(pages), segment_bytes=10**9)


def test_a_row_that_was_shown_and_could_not_be_stored_is_not_gone() -> None:
    rows: list[dict[str, Any]] = [{"hall": "A"}, {"hall": "B", "text": {1: 2}}, {"hall": "C"}]
    place = Place()
    manifest = place.run(SHELVES, PagesConnector([page(*rows, complete=True)]))
    assert place.shown(manifest) == ["A", "B", "C"]
    (entry,) = place.rejected.list(limit=10)
    assert (entry.key, entry.reason) == ("B", RejectReason.NOT_SERIALISABLE)


def test_a_person_who_was_erased_was_not_shown() -> None:
    rows = [{"email": "erased@example.org"}, {"email": "bob@example.org"}]
    place = Place()
    manifest = place.run(PEOPLE, PagesConnector([page(*rows, complete=True)]))
    assert len(place.shown(manifest)) == 1


def test_no_stream_that_is_read_on_keeps_what_it_showed() -> None:
    place = Place()
    place.run(ORDERS, PagesConnector([page(order(1))]))
    assert not [path for path in place.segments.objects if path.endswith(".keys")]


def test_too_many_rejected_records_stop_the_read_before_their_segment_counts() -> None:
    good = [order(number) for number in range(100)]
    bad = [order(1_000 + number, changed_at=None) for number in range(REJECTED_MIN)]
    connector = PagesConnector([page(*good), page(*bad), page(order(2_000))])
    place = Place()
    for _ in range(2):
        with pytest.raises(RefusedError, match=f"{REJECTED_MIN} were rejected, more than 5%"):
            place.run(ORDERS, connector, rejected_share_max=0.05)
        left = load_manifest(place.segments, ORDERS.name, WINDOW)
        assert left is not None
        assert (left.cursor, left.finished, _total(left).read) == ({"page": 1}, False, 100)
        assert len(place.rejected.list(limit=100)) == REJECTED_MIN
    manifest = place.run(ORDERS, connector, rejected_share_max=0.5)
    assert _total(manifest).read == 100 + REJECTED_MIN + 1


@pytest.mark.parametrize(
    ("read", "rejected", "share_max", "stops"),
    (
        (REJECTED_MIN - 1, REJECTED_MIN - 1, 0.0, False),
        (REJECTED_MIN, REJECTED_MIN, 0.0, True),
        (REJECTED_MIN, REJECTED_MIN, 1.0, False),
        (400, 20, 0.05, False),
        (399, 20, 0.05, True),
    ),
)
def test_a_share_stops_the_read_once_it_means_something(
    read: int, rejected: int, share_max: float, *, stops: bool
) -> None:
    records = [
        order(number, changed_at=None) if number < rejected else order(number)
        for number in range(read)
    ]
    place = Place()
    with pytest.raises(RefusedError) if stops else ExitStack():
        place.run(ORDERS, PagesConnector([page(*records)]), rejected_share_max=share_max)
    assert (load_manifest(place.segments, ORDERS.name, WINDOW) is None) is stops


def test_progress_never_goes_back_and_ends_with_everything() -> None:
    place = Place()
    manifest = place.run(ORDERS, PagesConnector(pages_of((3, 0, 5, 2))), segment_bytes=500)
    reads = [progress.read for progress in place.progress]
    assert reads == [3, 3, 8, 10]
    assert reads[-1] == _total(manifest).read


def _keys(body: bytes) -> list[str]:
    return [key for _, key in _operations(body)]


def _operations(body: bytes) -> list[tuple[str, str]]:
    """Actions in order, with the key that each is about; documents are in their place."""
    lines = iter(body.splitlines())
    found = []
    for line in lines:
        ((action, about),) = orjson.loads(line).items()
        found.append((action, about["_id"]))
        if action != "delete":
            assert orjson.loads(next(lines))["key"] == about["_id"]
    return found


def _total(manifest: Manifest) -> Counts:
    return sum((segment.counts for segment in manifest.segments), Counts())
