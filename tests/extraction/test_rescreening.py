"""Blocks that were prepared before an erasure become what preparing them after it makes."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.connections.suppressed_keys import KeySet
from coworker_pipelines.connections.suppression import SuppressionList, document_token
from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.extraction.prepare import Documents, Preparation
from coworker_pipelines.extraction.rescreening import rescreened
from coworker_pipelines.extraction.screening import Screen
from coworker_pipelines.sdk.stream import IdentifierKind
from coworker_pipelines.segments.block import Block, BlockHeader, delete_line
from coworker_pipelines.segments.manifest import WriteMode
from tests.extraction.shop import (
    ORDERS,
    SUBJECT_KEY,
    manifest_for,
    order,
    request_for,
    screen_for,
)

ANN = str(subject_key_of(IdentifierKind.EMAIL, "ann@example.org", SUBJECT_KEY))
RECORDS = st.lists(
    st.builds(
        order,
        st.integers(0, 10**6),
        email=st.sampled_from(("ann@example.org", "ANN@example.org", "bob@example.org", None)),
        note=st.sampled_from(
            ("nothing", "by ann@example.org", "joann@example.org", {"ann@example.org": ["x"]})
        ),
        login=st.sampled_from((7, "ann@example.org", None)),
    ),
    max_size=8,
    unique_by=lambda record: record["id"],
)


@given(RECORDS, st.sampled_from((WriteMode.VERSIONED, WriteMode.COMPARED)))
def test_the_second_look_makes_what_the_first_one_would_make_now(
    records: list[dict[str, Any]], mode: WriteMode
) -> None:
    before = _prepared(records, screen_for(ORDERS), mode)
    after = _prepared(records, screen_for(ORDERS, [ANN]), mode)
    block, left_out = rescreened(_block(before, mode), screen_for(ORDERS, [ANN]))
    assert block == _block(after, mode)
    assert left_out == len(before.keys) - len(after.keys)


@given(RECORDS)
def test_a_block_that_names_nobody_stays_as_it_is(records: list[dict[str, Any]]) -> None:
    block = _block(_prepared(records, screen_for(ORDERS), WriteMode.VERSIONED), WriteMode.VERSIONED)
    assert rescreened(block, screen_for(ORDERS, ["0" * 32])) == (block, 0)


def test_deletes_stay_in_their_place() -> None:
    prepared = _prepared(
        [order(1, email="ann@example.org"), order(2)], screen_for(ORDERS), WriteMode.VERSIONED
    )
    first, second = prepared.lines()
    body = delete_line("a") + first + delete_line("b") + second
    header = BlockHeader(operations=4, raw_bytes=len(body), stored_bytes=1)
    block, left_out = rescreened(Block(header=header, body=body), screen_for(ORDERS, [ANN]))
    assert block.body == delete_line("a") + delete_line("b") + second
    assert (block.header.operations, left_out) == (3, 1)


@pytest.mark.parametrize("handle", ("acme.shop", "acme.other"))
def test_a_document_that_was_masked_meanwhile_stays_out(handle: str) -> None:
    token = document_token(SUBJECT_KEY, "acme.shop", "orders", "1")
    screen = Screen(
        SuppressionList(generation=1, documents=KeySet.of([token])),
        ORDERS,
        SUBJECT_KEY,
        handle=handle,
    )
    block = _block(
        _prepared([order(1), order(2)], screen_for(ORDERS), WriteMode.VERSIONED),
        WriteMode.VERSIONED,
    )
    taken, left_out = rescreened(block, screen)
    assert left_out == (handle == "acme.shop")
    assert taken.header.operations == 2 - left_out


def _prepared(records: list[dict[str, Any]], screen: Screen, mode: WriteMode) -> Documents:
    preparation = Preparation(
        request_for(ORDERS), manifest_for(ORDERS, mode), subject_key=SUBJECT_KEY, screen=screen
    )
    return preparation.prepare(records).documents


def _block(documents: Documents, mode: WriteMode) -> Block:
    body = b"".join(documents.lines())
    compared = mode is WriteMode.COMPARED
    header = BlockHeader(
        operations=len(documents.keys),
        raw_bytes=len(body),
        stored_bytes=0,
        keys=tuple(documents.keys) if compared else (),
        content_hashes=tuple(documents.content_hashes) if compared else (),
    )
    assert all(orjson.loads(line) for line in body.splitlines())
    return Block(header=header, body=body)
