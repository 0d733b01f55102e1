"""The writer against the node's limit, at two sizes of documents."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.documents_limit import make_operations, measure_limit, measure_writer
from tests.benchmarks.frame import Figures, Given, Round

KB = 1_000
LARGE_DIVISOR = 2
"""Ten times the bytes: half as many documents still take several seconds."""


@contextmanager
def documents_1kb(given: Given) -> Iterator[Round]:
    yield _compared(given, given.documents, KB, "1kb")


@contextmanager
def documents_10kb(given: Given) -> Iterator[Round]:
    yield _compared(given, given.documents // LARGE_DIVISOR, 10 * KB, "10kb")


def _compared(given: Given, count: int, document_bytes: int, size: str) -> Round:
    operations = make_operations(count, document_bytes)
    address = given.endpoints.elasticsearch
    # A node that has just started compiles itself: its first thousands would be a slow limit.
    measure_limit(address, operations)
    turns = _turns()

    def measured() -> Figures:
        if next(turns):
            limit = measure_limit(address, operations)
            writer = measure_writer(address, operations)
        else:
            writer = measure_writer(address, operations)
            limit = measure_limit(address, operations)
        return {
            f"limit_{size}_documents_per_s": limit,
            f"writer_{size}_documents_per_s": writer,
        }

    return measured


def _turns() -> Iterator[bool]:
    """Who goes first changes: neither side always meets the other's merges."""
    while True:
        yield True
        yield False
