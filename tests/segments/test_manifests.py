"""Manifests at rest: read back as they were, and never naming what is not there."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.segments.manifest import FORMAT, Manifest, Segment, WriteMode
from coworker_pipelines.segments.manifests import (
    discard,
    keys_path,
    load_manifest,
    save_manifest,
    segment_name,
    segment_path,
)
from coworker_pipelines.segments.memory import MemorySegmentStore

NUMBERS = st.integers(min_value=0, max_value=2**53)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
SEGMENTS = st.builds(
    Segment,
    name=NUMBERS.map(segment_name),
    blocks=NUMBERS,
    documents=NUMBERS,
    deletions=NUMBERS,
    raw_bytes=NUMBERS,
    stored_bytes=NUMBERS,
    counts=st.builds(Counts, read=NUMBERS, rejected=NUMBERS, suppressed=NUMBERS, filtered=NUMBERS),
    cursor=st.dictionaries(TEXTS, JSON, max_size=3),
    seconds=st.floats(min_value=0, max_value=1e6),
)
MANIFESTS = st.builds(
    Manifest,
    stream=TEXTS,
    window=st.builds(Window, st.integers(1, 9999), st.integers(1, 12)),
    sync=TEXTS,
    selection=NUMBERS,
    epoch=NUMBERS,
    write_mode=st.sampled_from(WriteMode),
    extracted_at=TEXTS,
    since=st.none() | TEXTS,
    until=st.none() | TEXTS,
    segments=st.lists(SEGMENTS, max_size=3).map(tuple),
    stored=NUMBERS,
    finished=st.booleans(),
    snapshot_complete=st.booleans(),
)
STREAM, WINDOW = "public.orders", Window(2026, 3)
MANIFEST = Manifest(
    stream=STREAM,
    window=WINDOW,
    sync="y0123456789abcde",
    selection=1,
    epoch=1,
    write_mode=WriteMode.VERSIONED,
    extracted_at="2026-03-20T12:00:00Z",
)


class _CountingStore(MemorySegmentStore):
    """Ends with a crash at a call that changes something, before it does."""

    def __init__(self, *, changes: int) -> None:
        super().__init__()
        self.changes_left = changes

    @contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        with super().write(path) as target:
            yield target
            self._change()

    def delete(self, path: str) -> None:
        self._change()
        super().delete(path)

    def _change(self) -> None:
        if self.changes_left == 0:
            raise KeyboardInterrupt
        self.changes_left -= 1


@given(MANIFESTS)
def test_a_manifest_is_read_back(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert Manifest.from_json(manifest.to_json()).to_json() == manifest.to_json()


@given(MANIFESTS)
def test_a_stream_and_window_have_one_manifest(manifest: Manifest) -> None:
    store = MemorySegmentStore()
    assert load_manifest(store, manifest.stream, manifest.window) is None
    save_manifest(store, manifest)
    assert load_manifest(store, manifest.stream, manifest.window) == manifest
    assert load_manifest(store, f"{manifest.stream}x", manifest.window) is None
    save_manifest(store, MANIFEST)
    assert load_manifest(store, STREAM, WINDOW) == MANIFEST


@pytest.mark.parametrize("form", (None, 0, FORMAT + 1, str(FORMAT)))
def test_a_manifest_of_another_format_is_a_defect(form: object) -> None:
    content = orjson.loads(MANIFEST.to_json())
    if form is None:
        del content["format"]
    else:
        content["format"] = form
    with pytest.raises(DefectError, match="a format that this version does not read"):
        Manifest.from_json(orjson.dumps(content))


@pytest.mark.parametrize("text", (b"", b"{", b"[]", b"null", MANIFEST.to_json()[:-10]))
def test_what_is_no_manifest_is_a_defect(text: bytes) -> None:
    with pytest.raises(DefectError, match="a format that this version does not read"):
        Manifest.from_json(text)


def test_a_manifest_stands_behind_its_last_segment() -> None:
    assert MANIFEST.cursor is None
    grown = _with_segments(MANIFEST, 3)
    assert grown.cursor == {"page": 2}
    assert not MANIFEST.segments


@pytest.mark.parametrize(
    ("since", "until", "covers", "moves"),
    (
        (None, None, True, True),
        (None, "2026-03-05T00:00:00Z", False, True),
        ("2026-03-05T00:00:00Z", None, False, False),
    ),
)
def test_a_narrowed_read_covers_less(
    since: str | None, until: str | None, *, covers: bool, moves: bool
) -> None:
    content = orjson.loads(MANIFEST.to_json()) | {"since": since, "until": until}
    manifest = Manifest.from_json(orjson.dumps(content))
    assert manifest.covers_window is covers
    assert manifest.moves_cursor is moves


def test_segments_of_two_syncs_never_share_a_path() -> None:
    one = _with_segments(MANIFEST, 12)
    other = Manifest.from_json(MANIFEST.to_json().replace(b"y0123456789abcde", b"y0123456789abcdf"))
    other = _with_segments(other, 12)
    paths = {
        path(manifest, segment)
        for manifest in (one, other)
        for segment in manifest.segments
        for path in (segment_path, keys_path)
    }
    assert len(paths) == 48


def test_after_a_discard_nothing_of_the_window_is_left_and_all_of_the_others() -> None:
    store = MemorySegmentStore()
    _store(store, _with_segments(MANIFEST, 3))
    others = [
        Manifest.from_json(MANIFEST.to_json().replace(old, new))
        for old, new in ((b"public.orders", b"public.order"), (b"2026-03-01", b"2026-04-01"))
    ]
    for other in others:
        _store(store, _with_segments(other, 2))
    kept = dict(store.objects)
    discard(store, STREAM, WINDOW)
    discard(store, STREAM, WINDOW)
    assert load_manifest(store, STREAM, WINDOW) is None
    assert all(load_manifest(store, other.stream, other.window) for other in others)
    assert len(store.objects) == len(kept) - 4


@pytest.mark.parametrize("changes", range(4))
def test_a_crash_while_discarding_leaves_no_manifest_that_names_a_missing_object(
    changes: int,
) -> None:
    store = _CountingStore(changes=-1)
    _store(store, _with_segments(MANIFEST, 3))
    store.changes_left = changes
    with suppress(KeyboardInterrupt):
        discard(store, STREAM, WINDOW)
    _require_whole(store)
    store.changes_left = -1
    discard(store, STREAM, WINDOW)
    assert not store.objects


def test_a_discard_removes_the_leftovers_of_a_sync_that_never_saved_its_manifest() -> None:
    store = MemorySegmentStore()
    grown = _with_segments(MANIFEST, 1)
    with store.write(segment_path(grown, grown.segments[0])) as target:
        target.write(b"x")
    discard(store, STREAM, WINDOW)
    assert not store.objects


def _with_segments(manifest: Manifest, count: int) -> Manifest:
    for ordinal in range(count):
        manifest = manifest.with_segment(
            Segment(
                name=segment_name(ordinal),
                blocks=1,
                documents=1,
                deletions=0,
                raw_bytes=1,
                stored_bytes=1,
                counts=Counts(read=1),
                cursor={"page": ordinal},
            )
        )
    return manifest


def _store(store: MemorySegmentStore, manifest: Manifest) -> None:
    for segment in manifest.segments:
        with store.write(segment_path(manifest, segment)) as target:
            target.write(b"x")
    save_manifest(store, manifest)


def _require_whole(store: MemorySegmentStore) -> None:
    manifest = load_manifest(store, STREAM, WINDOW)
    if manifest is not None:
        assert all(segment_path(manifest, one) in store.objects for one in manifest.segments)
