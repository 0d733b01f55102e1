"""What every store of segments promises, held against each of them."""

import gc
import random
from contextlib import suppress

import pytest
import zstandard

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.segments.block import read_blocks, write_block
from coworker_pipelines.segments.gcs import CHUNK_BYTES
from coworker_pipelines.segments.store import SegmentStore
from tests.segments.conftest import Opener
from tests.segments.test_paths import BAD

PATH = "commits/2026-01-01/000001.zst"


def put(store: SegmentStore, path: str, content: bytes) -> None:
    with store.write(path) as stream:
        stream.write(content)


def get(store: SegmentStore, path: str) -> bytes:
    with store.read(path) as stream:
        return stream.read()


@pytest.mark.parametrize("content", (b"", b"x", bytes(range(256)) * 5), ids=len)
def test_what_was_written_comes_back(store: SegmentStore, content: bytes) -> None:
    put(store, PATH, content)
    assert get(store, PATH) == content


@pytest.mark.parametrize("extra", (-1, 0, 1, CHUNK_BYTES + 12_345))
def test_a_large_object_comes_back_piece_by_piece(store: SegmentStore, extra: int) -> None:
    content = random.Random(extra).randbytes(CHUNK_BYTES + extra)
    with store.write(PATH) as stream:
        for start in range(0, len(content), 1_000_003):
            stream.write(content[start : start + 1_000_003])
    with store.read(PATH) as stream:
        pieces = []
        while piece := stream.read(777_777):
            pieces.append(piece)
    assert b"".join(pieces) == content


def test_blocks_come_back_from_a_store(store: SegmentStore) -> None:
    compressor = zstandard.ZstdCompressor(level=1)
    bodies = [b'{"index":{}}\n{"n":%d}\n' % number * 100 for number in range(20)]
    with store.write(PATH) as stream:
        for body in bodies:
            write_block(stream, body, operations=100, compressor=compressor)
    with store.read(PATH) as stream:
        assert [block.body for block in read_blocks(stream)] == bodies


def test_an_object_is_replaced_whole(store: SegmentStore) -> None:
    put(store, PATH, b"a long first content")
    put(store, PATH, b"short")
    assert get(store, PATH) == b"short"


def test_an_object_that_is_being_written_is_not_there(store: SegmentStore) -> None:
    with store.write(PATH) as stream:
        stream.write(b"x" * (CHUNK_BYTES + 5))
        with pytest.raises(FileNotFoundError), store.read(PATH):
            pass
    assert list(store.list("commits")) == [PATH]


@pytest.mark.parametrize("size", (0, 5, CHUNK_BYTES * 2 + 5))
@pytest.mark.parametrize("error", (ValueError, KeyboardInterrupt, FileNotFoundError))
def test_a_write_that_raises_leaves_nothing(
    store: SegmentStore, size: int, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        _fail(store, b"x" * size, error)
    # A file that is forgotten is closed by Python, and closing may be finishing.
    gc.collect()
    assert not list(store.list("commits"))
    with pytest.raises(FileNotFoundError), store.read(PATH):
        pass


def test_a_write_that_raises_leaves_what_was_there(store: SegmentStore) -> None:
    put(store, PATH, b"before")
    with suppress(ValueError), store.write(PATH) as stream:
        stream.write(b"after")
        raise ValueError
    assert get(store, PATH) == b"before"


def test_a_missing_object_is_a_missing_file(store: SegmentStore) -> None:
    with pytest.raises(FileNotFoundError), store.read(PATH):
        pass


def test_after_a_deletion_there_is_none(store: SegmentStore) -> None:
    put(store, PATH, b"x")
    store.delete(PATH)
    store.delete(PATH)
    assert not list(store.list("commits"))
    with pytest.raises(FileNotFoundError), store.read(PATH):
        pass


def test_a_folder_lists_what_is_below_it_sorted(store: SegmentStore) -> None:
    below = ["a/2.x", "a/10.x", "a/b/c/d.x", "a/b-c", "a/B"]
    for path in (*below, "ab/1.x", "a.x", "b/a/1.x"):
        put(store, path, b"x")
    assert list(store.list("a")) == sorted(below)
    assert list(store.list("a/b")) == ["a/b/c/d.x"]
    assert not list(store.list("absent"))
    assert not list(store.list("a/2"))


def test_what_was_listed_may_be_deleted_on_the_way(store: SegmentStore) -> None:
    for number in range(5):
        put(store, f"a/{number}", b"x")
    for path in store.list("a"):
        store.delete(path)
    assert not list(store.list("a"))


def test_a_reader_keeps_what_it_has_opened(store: SegmentStore) -> None:
    put(store, PATH, b"a" * 100)
    with store.read(PATH) as stream:
        assert stream.read(10) == b"a" * 10
        put(store, PATH, b"b" * 100)
        assert stream.read(10) == b"a" * 10


def test_another_connection_sees_nothing(opener: Opener) -> None:
    mine, others = opener("c0000000000000aa"), opener("c0000000000000a")
    put(mine, PATH, b"x")
    assert not list(others.list("commits"))
    others.delete(PATH)
    with pytest.raises(FileNotFoundError), others.read(PATH):
        pass
    assert get(opener("c0000000000000aa"), PATH) == b"x"


@pytest.mark.parametrize("path", BAD)
def test_a_path_that_is_not_safe_is_refused(store: SegmentStore, path: str) -> None:
    for call in (_write, get, _delete, _list):
        with pytest.raises(DefectError):
            call(store, path)


def _write(store: SegmentStore, path: str) -> None:
    put(store, path, b"x")


def _delete(store: SegmentStore, path: str) -> None:
    store.delete(path)


def _list(store: SegmentStore, path: str) -> None:
    list(store.list(path))


def _fail(store: SegmentStore, content: bytes, error: type[BaseException]) -> None:
    with store.write(PATH) as stream:
        stream.write(content)
        raise error
