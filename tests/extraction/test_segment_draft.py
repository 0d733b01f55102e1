"""A segment that is being filled: where its blocks end."""

import io
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.extraction.prepare import Documents
from coworker_pipelines.extraction.segment_draft import SegmentDraft
from coworker_pipelines.segments.block import (
    BLOCK_BYTES_MAX,
    BLOCK_OPERATIONS_MAX,
    Block,
    blocks_of,
    delete_line,
    read_blocks,
)

PAYLOADS = st.sampled_from((b"1", b'"%b"' % (b"x" * (BLOCK_BYTES_MAX // 3)), b"[]"))
PAGES = st.lists(st.lists(PAYLOADS, max_size=8), max_size=4)


@given(PAGES)
def test_a_block_ends_where_one_would_that_was_filled_one_by_one(pages: list[list[bytes]]) -> None:
    documents = [_documents(page) for page in pages]
    lines = [line for page in documents for line in page.lines()]
    assert _bodies(_drafted(documents)) == _bodies(list(blocks_of(lines)))


@pytest.mark.parametrize("sizes", ((BLOCK_OPERATIONS_MAX,), (3_000, 3_000, 3_000), (8_001,)))
def test_a_block_holds_so_many_operations(sizes: tuple[int, ...]) -> None:
    blocks = _drafted([_documents([b"{}"] * size) for size in sizes])
    counts = [block.header.operations for block in blocks]
    assert sum(counts) == sum(sizes)
    assert set(counts[:-1]) <= {BLOCK_OPERATIONS_MAX}
    assert counts[-1] <= BLOCK_OPERATIONS_MAX


def test_a_compared_block_tells_the_keys_and_hashes_of_its_own_documents() -> None:
    blocks = _drafted([_documents([b"{}"] * 6_000)], compared=True)
    keys = [block.header.keys for block in blocks]
    assert [len(one) for one in keys] == [BLOCK_OPERATIONS_MAX, 6_000 - BLOCK_OPERATIONS_MAX]
    assert [key for one in keys for key in one] == [str(number) for number in range(6_000)]
    assert [block.header.content_hashes for block in blocks] == [
        tuple(f"hash-{key}" for key in one) for one in keys
    ]


def test_a_delete_stands_behind_what_was_added_before_it() -> None:
    target = io.BytesIO()
    first, second = _documents([b"1"]), _documents([b"2"])
    with ThreadPoolExecutor(1) as worker, _draft(target, worker) as draft:
        draft.add(first)
        draft.delete(delete_line("gone"))
        draft.add(second)
    target.seek(0)
    (block,) = read_blocks(target)
    expected = [*first.lines(), delete_line("gone"), *second.lines()]
    assert block.body == b"".join(expected)
    places = [block.body.index(line) for line in expected]
    assert all(before < behind for before, behind in pairwise(places))
    assert (draft.documents, draft.deletions, draft.raw_bytes) == (2, 1, len(block.body))


def _documents(payloads: list[bytes]) -> Documents:
    numbers = range(len(payloads))
    return Documents(
        keys=[str(number) for number in numbers],
        content_hashes=[f"hash-{number}" for number in numbers],
        heads=[b'{"index":{"_id":"%d"}}\n{"payload":' % number for number in numbers],
        payloads=payloads,
    )


def _drafted(pages: list[Documents], *, compared: bool = False) -> list[Block]:
    target = io.BytesIO()
    with ThreadPoolExecutor(1) as worker, _draft(target, worker, compared=compared) as draft:
        for page in pages:
            draft.add(page)
    target.seek(0)
    return list(read_blocks(target))


def _draft(
    target: io.BytesIO, worker: ThreadPoolExecutor, *, compared: bool = False
) -> SegmentDraft:
    return SegmentDraft(target, zstandard.ZstdCompressor(level=1), worker, compared=compared)


def _bodies(blocks: list[Block]) -> list[tuple[int, bytes]]:
    return [(block.header.operations, block.body) for block in blocks]
