"""The segment's format: what was packed comes back, and half a block is noticed."""

import io
from collections.abc import Iterable

import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.segments.block import (
    BLOCK_BYTES_MAX,
    BLOCK_OPERATIONS_MAX,
    Block,
    BlockHeader,
    blocks_of,
    read_blocks,
    write_block,
)

COMPRESSOR = zstandard.ZstdCompressor(level=1, write_checksum=True)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
PACKED = st.tuples(
    st.binary(max_size=2_000),
    st.integers(min_value=0, max_value=BLOCK_OPERATIONS_MAX),
    st.lists(st.tuples(TEXTS, TEXTS), max_size=5),
)


@given(st.lists(PACKED, max_size=5))
def test_blocks_come_back_as_they_were_written(
    written: list[tuple[bytes, int, list[tuple[str, str]]]],
) -> None:
    target = io.BytesIO()
    stored = [
        _write(target, body, operations, documents) for body, operations, documents in written
    ]
    assert sum(stored) == len(target.getvalue())
    blocks = list(_read(target.getvalue()))
    assert [block.body for block in blocks] == [body for body, _, _ in written]
    for block, (body, operations, documents) in zip(blocks, written, strict=True):
        assert block.header.operations == operations
        assert block.header.raw_bytes == len(body)
        assert block.header.keys == tuple(key for key, _ in documents)
        assert block.header.content_hashes == tuple(digest for _, digest in documents)


@given(PACKED, PACKED, st.data())
def test_a_segment_that_was_cut_anywhere_but_between_blocks_is_a_defect(
    first: tuple[bytes, int, list[tuple[str, str]]],
    second: tuple[bytes, int, list[tuple[str, str]]],
    data: st.DataObject,
) -> None:
    target = io.BytesIO()
    border = _write(target, *first)
    _write(target, *second)
    whole = target.getvalue()
    cut = data.draw(
        st.integers(min_value=1, max_value=len(whole) - 1).filter(lambda n: n != border)
    )
    reader = read_blocks(io.BytesIO(whole[:cut]))
    if cut > border:
        assert next(reader).body == first[0]
    with pytest.raises(DefectError, match="in the middle of a block"):
        next(reader)


@pytest.mark.parametrize("place", ("header", "body"))
def test_a_segment_that_was_damaged_is_a_defect(place: str) -> None:
    target = io.BytesIO()
    _write(target, b"a document\n" * 100, 100, [])
    damaged = bytearray(target.getvalue())
    damaged[5 if place == "header" else -20] ^= 0xFF
    with pytest.raises(DefectError, match="damaged"):
        list(_read(bytes(damaged)))


def test_a_header_never_makes_the_reader_unpack_more_than_it_says() -> None:
    packed = COMPRESSOR.compress(b"x" * 10_000)
    header = orjson.dumps(BlockHeader(operations=1, raw_bytes=10, stored_bytes=len(packed)))
    with pytest.raises(DefectError, match="damaged"):
        list(_read(len(header).to_bytes(4) + header + packed))


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=30))
def test_operations_stay_in_order(operations: list[bytes]) -> None:
    blocks = list(blocks_of(operations))
    assert b"".join(block.body for block in blocks) == b"".join(operations)
    assert sum(block.header.operations for block in blocks) == len(operations)
    assert all(block.header.raw_bytes == len(block.body) for block in blocks)


@pytest.mark.parametrize(
    ("count", "sizes"),
    (
        (0, []),
        (1, [1]),
        (BLOCK_OPERATIONS_MAX, [BLOCK_OPERATIONS_MAX]),
        (BLOCK_OPERATIONS_MAX + 1, [BLOCK_OPERATIONS_MAX, 1]),
        (2 * BLOCK_OPERATIONS_MAX, [BLOCK_OPERATIONS_MAX] * 2),
    ),
)
def test_a_block_holds_so_many_operations_and_no_more(count: int, sizes: list[int]) -> None:
    assert _operations(blocks_of(b"x" for _ in range(count))) == sizes


def test_a_block_ends_with_the_operation_that_fills_it() -> None:
    half = b"x" * (BLOCK_BYTES_MAX // 2)
    assert _operations(blocks_of([half] * 5)) == [2, 2, 1]
    assert _operations(blocks_of([half, half[:-1], b"y", b"z"])) == [3, 1]
    assert _operations(blocks_of([half * 3, b"y"])) == [1, 1]


def _write(
    target: io.BytesIO, body: bytes, operations: int, documents: list[tuple[str, str]]
) -> int:
    return write_block(
        target,
        body,
        operations=operations,
        compressor=COMPRESSOR,
        keys=tuple(key for key, _ in documents),
        content_hashes=tuple(digest for _, digest in documents),
    )


def _read(content: bytes) -> list[Block]:
    return list(read_blocks(io.BytesIO(content)))


def _operations(blocks: Iterable[Block]) -> list[int]:
    return [block.header.operations for block in blocks]
