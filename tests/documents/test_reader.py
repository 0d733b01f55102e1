from typing import Any

import pytest

from coworker_pipelines.documents import reader as reader_module
from coworker_pipelines.documents.reader import PAGE_MAX, StoredDocument
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.segments.manifest import WriteMode
from tests.documents.place import STREAM, Place, Source, blocks, sources


def put(place: Place, documents: list[Source]) -> None:
    list(place.writer().write(blocks(documents, WriteMode.VERSIONED), WriteMode.VERSIONED))


def test_a_document_comes_back_whole(place: Place) -> None:
    source = Source(key="a/b c+%é", payload={"x": [1, {"y": None}]}, subject_keys=("s1", "s2"))
    put(place, [source])
    assert place.reader.get(STREAM, source.key) == StoredDocument(
        key=source.key,
        version=1,
        content_hash=source.content_hash,
        occurred_at="2026-01-02T03:04:05Z",
        extracted_at="2026-02-01T00:00:00Z",
        window="2026-01-01",
        sync="y0",
        subject_keys=("s1", "s2"),
        payload={"x": [1, {"y": None}]},
    )
    assert place.reader.get(STREAM, "a") is None


def test_a_missing_index_is_not_a_missing_document(place: Place) -> None:
    for ask in (
        lambda: place.reader.get("orders", "a"),
        lambda: place.reader.count("orders"),
        lambda: list(place.reader.scan("orders")),
    ):
        with pytest.raises(RefusedError, match="gone"):
            ask()


def test_filters_narrow_counts_and_scans(place: Place) -> None:
    put(place, sources(5, sync="y1", window="2026-01-01", subject_keys=("s1",)))
    put(place, sources(3, start=5, sync="y2", window="2026-01-01", subject_keys=("s1", "s2")))
    put(place, sources(2, start=8, sync="y2", window="2026-02-01"))
    cases: list[tuple[dict[str, Any], int]] = [
        ({}, 10),
        ({"sync": "y2"}, 5),
        ({"window": Window(2026, 2)}, 2),
        ({"sync": "y2", "window": Window(2026, 1)}, 3),
        ({"subject_keys": ["s2"]}, 3),
        ({"subject_keys": ["s1", "s2"]}, 8),
        ({"subject_keys": []}, 0),
        ({"sync": "y9"}, 0),
    ]
    for filters, expected in cases:
        assert place.reader.count(STREAM, **filters) == expected
        assert sum(len(page) for page in place.reader.scan(STREAM, **filters)) == expected


def test_the_latest_come_first_and_those_without_a_time_last(place: Place) -> None:
    put(
        place,
        [
            Source(key="none", payload={}, occurred_at=None),
            Source(key="old", payload={}, occurred_at="1969-07-20T20:17:40Z"),
            Source(key="new", payload={}, occurred_at="2026-01-02T03:04:05.000000002Z"),
            Source(key="newer", payload={}, occurred_at="2026-01-02T03:04:06Z"),
        ],
    )
    keys = [document.key for document in place.reader.page(STREAM, limit=10)]
    assert keys == ["newer", "new", "old", "none"]
    assert len(place.reader.page(STREAM, limit=2)) == 2


def test_keys_come_in_the_order_of_texts(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "KEYS_PAGE", 7)
    keys = ["", *[chr(point) * 2 for point in (0x20, 0x41, 0x7F, 0xE9, 0xFFFD, 0x1F600)]]
    keys = [f"k{key}" for key in keys] + [f"k{number}" for number in range(100)]
    put(place, [Source(key=key, payload={}) for key in keys])
    assert list(place.reader.keys_sorted(STREAM)) == sorted(keys)


def test_a_scan_sees_what_was_there_when_it_began(place: Place) -> None:
    put(place, sources(1_000))
    pages = place.reader.scan(STREAM)
    seen = len(next(pages))
    put(place, sources(500, start=1_000))
    assert seen + sum(len(page) for page in pages) == 1_000


def test_pages_of_large_documents_are_small() -> None:
    def hits(size: int) -> list[dict[str, Any]]:
        return [{"_source": {"payload": "x" * size}}] * 200

    assert reader_module._page_size(hits(1_000)) == PAGE_MAX
    assert reader_module._page_size(hits(2**20)) == 7
    assert reader_module._page_size(hits(2**24)) == 1
