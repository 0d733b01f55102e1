import time
from collections.abc import Iterator

import orjson
import pytest
from elasticsearch import Elasticsearch

from coworker_pipelines.connections.rejected import RejectReason
from coworker_pipelines.documents.access import revoke_keys
from coworker_pipelines.documents.endpoint import Answer, Endpoint
from coworker_pipelines.documents.indices import delete_stream_index
from coworker_pipelines.documents.patience import ONCE
from coworker_pipelines.documents.removal import delete_matching
from coworker_pipelines.documents.writer import BlockOutcome, WriterLimits
from coworker_pipelines.kernel.errors import DefectError, RefusedError
from coworker_pipelines.segments.block import Block
from coworker_pipelines.segments.manifest import WriteMode
from tests.documents.place import STREAM, Place, Source, block, blocks, raw_block, sources

VERSIONED = [WriteMode.VERSIONED, WriteMode.REWRITE]


def counts(outcomes: list[BlockOutcome]) -> tuple[int, int, int, int, int]:
    """Indexed, unchanged, deleted, missing, rejected."""
    return (
        sum(outcome.indexed for outcome in outcomes),
        sum(outcome.unchanged for outcome in outcomes),
        sum(outcome.deleted for outcome in outcomes),
        sum(outcome.missing for outcome in outcomes),
        sum(len(outcome.rejected) for outcome in outcomes),
    )


def write(place: Place, documents: list[Source], mode: WriteMode) -> tuple[int, ...]:
    return counts(list(place.writer().write(blocks(documents, mode), mode)))


@pytest.mark.parametrize("mode", list(WriteMode))
def test_what_is_written_comes_back_byte_for_byte(place: Place, mode: WriteMode) -> None:
    odd = {"é\u0000 \U0001f600": [1.0, 1e300, -0.0, 2**63, None, {"a.b": {"": 1}}], "a": "\u2028"}
    documents = [*sources(1_200), Source(key="odd", payload=odd)]
    assert write(place, documents, mode) == (1_201, 0, 0, 0, 0)
    assert place.stored() == {entry.key: entry.payload_bytes for entry in documents}


@pytest.mark.parametrize("mode", (WriteMode.VERSIONED, WriteMode.COMPARED, WriteMode.CREATED))
def test_what_is_there_counts_as_unchanged_and_stays(place: Place, mode: WriteMode) -> None:
    write(place, sources(700), mode)
    assert write(place, sources(700, sync="y1"), mode) == (0, 700, 0, 0, 0)
    assert place.reader.count(STREAM, sync="y0") == 700


def test_an_older_version_never_overwrites(place: Place) -> None:
    write(place, sources(10, version=5, sync="new"), WriteMode.VERSIONED)
    for mode in VERSIONED:
        assert write(place, sources(10, version=4, sync="old"), mode) == (0, 10, 0, 0, 0)
    assert place.reader.count(STREAM, sync="new") == 10


def test_a_rewrite_overwrites_the_same_version(place: Place) -> None:
    write(place, sources(10, sync="y0"), WriteMode.VERSIONED)
    assert write(place, sources(10, sync="y1"), WriteMode.REWRITE) == (10, 0, 0, 0, 0)


def test_only_changed_documents_are_sent_when_hashes_are_compared(place: Place) -> None:
    before = sources(600)
    write(place, before, WriteMode.COMPARED)
    after = [
        Source(key=entry.key, payload={"now": 1}, sync="y1") if number % 7 == 0 else entry
        for number, entry in enumerate(before)
    ]
    assert write(place, after, WriteMode.COMPARED) == (86, 514, 0, 0, 0)
    assert place.stored() == {entry.key: entry.payload_bytes for entry in after}


def test_deletes_among_compared_documents_are_kept(place: Place) -> None:
    write(place, sources(10), WriteMode.COMPARED)
    documents = [sources(1)[0], Source(key="new", payload={})]
    delete = orjson.dumps({"delete": {"_id": "k00000005"}}) + b"\n"
    mixed = raw_block(
        documents[0].operation(WriteMode.COMPARED)
        + delete
        + documents[1].operation(WriteMode.COMPARED),
        3,
        documents,
    )
    outcomes = list(place.writer().write([mixed], WriteMode.COMPARED))
    assert counts(outcomes) == (1, 1, 1, 0, 0)
    assert place.reader.get(STREAM, "k00000005") is None


def test_a_delete_that_finds_nothing_is_counted(place: Place) -> None:
    only_deletes = block([], WriteMode.VERSIONED, deletes=["a", "b"])
    outcomes = list(place.writer().write([only_deletes], WriteMode.VERSIONED))
    assert counts(outcomes) == (0, 0, 0, 2, 0)


def test_deletes_keep_their_place_among_blocks(place: Place) -> None:
    documents = sources(4_000)
    gone = [entry.key for entry in documents[:2_000]]

    def ordered() -> Iterator[Block]:
        yield from blocks(documents, WriteMode.COMPARED, 1_000)
        yield block([], WriteMode.COMPARED, deletes=gone)
        yield from blocks(documents[:1_000], WriteMode.COMPARED, 1_000)

    list(place.writer().write(ordered(), WriteMode.COMPARED))
    assert place.reader.count(STREAM) == 3_000


def test_a_removed_document_can_be_taken_in_again(place: Place) -> None:
    write(place, sources(10), WriteMode.VERSIONED)
    query = {"term": {"sync": "y0"}}
    assert delete_matching(place.client, place.writer(), place.alias, query) == 10
    assert place.reader.count(STREAM) == 0
    time.sleep(0.5)  # the node's clock ticks five times a second
    assert write(place, sources(10), WriteMode.VERSIONED) == (10, 0, 0, 0, 0)


def test_outcomes_come_in_the_order_of_blocks(place: Place) -> None:
    sizes = [500, 1, 300, 2, 100, 3]
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    given = (
        block(sources(size, start=start), WriteMode.VERSIONED)
        for size, start in zip(sizes, starts, strict=True)
    )
    outcomes = place.writer().write(given, WriteMode.VERSIONED)
    assert [outcome.operations for outcome in outcomes] == sizes


def test_blocks_are_taken_as_they_are_needed(place: Place) -> None:
    taken = 0

    def counted() -> Iterator[Block]:
        nonlocal taken
        for given in blocks(sources(1_000), WriteMode.VERSIONED, 10):
            taken += 1
            yield given

    outcomes = place.writer().write(counted(), WriteMode.VERSIONED)
    for answered, _ in enumerate(outcomes, start=1):
        assert taken <= answered + WriterLimits().in_flight


def test_a_document_that_is_refused_is_told_and_the_others_are_stored(place: Place) -> None:
    bad = Source(key="bad", payload={}, occurred_at="a secret value")
    documents = [*sources(3), bad, *sources(3, start=3)]
    (outcome,) = place.writer().write([block(documents, WriteMode.VERSIONED)], WriteMode.VERSIONED)
    assert (outcome.indexed, len(outcome.rejected)) == (6, 1)
    (item,) = outcome.rejected
    assert (item.key, item.reason) == ("bad", RejectReason.REFUSED)
    assert item.body == bad.envelope()
    assert item.detail == "document_parsing_exception, illegal_argument_exception"


@pytest.mark.parametrize(
    "bad",
    (Source(key="k" * 513, payload={}), Source(key="negative", payload={}, version=-1)),
    ids=["a key that is too long", "a version below zero"],
)
def test_a_document_that_spoils_its_request_is_found(place: Place, bad: Source) -> None:
    documents = [*sources(50), bad, *sources(50, start=50)]
    (outcome,) = place.writer().write([block(documents, WriteMode.VERSIONED)], WriteMode.VERSIONED)
    assert (outcome.indexed, [item.key for item in outcome.rejected]) == (100, [bad.key])


class NarrowEndpoint(Endpoint):
    """As a cluster with a small ``http.max_content_length``."""

    def post(self, path: str, body: bytes, *, content_type: str = "application/json") -> Answer:
        if len(body) > 3_000:
            return Answer(413, b"")
        return super().post(path, body, content_type=content_type)


def test_a_request_that_is_too_large_is_halved_until_it_fits(place: Place) -> None:
    documents = [*sources(50), Source(key="huge", payload={"text": "x" * 3_000}), *sources(9)]
    writer = place.writer(endpoint=NarrowEndpoint(place.address))
    (outcome,) = writer.write([block(documents, WriteMode.VERSIONED)], WriteMode.VERSIONED)
    assert (outcome.indexed, outcome.unchanged) == (50, 9)
    assert [(item.key, item.reason) for item in outcome.rejected] == [
        ("huge", RejectReason.TOO_LARGE)
    ]


def test_a_block_that_counts_wrong_is_a_defect(place: Place) -> None:
    wrong = raw_block(block(sources(3), WriteMode.VERSIONED).body, 4)
    with pytest.raises(DefectError, match="3 answers came for 4 operations"):
        list(place.writer().write([wrong], WriteMode.VERSIONED))


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_late_writer_finds_no_index_to_write_to(
    place: Place, admin: Elasticsearch, mode: WriteMode
) -> None:
    delete_stream_index(admin, place.scope, STREAM)
    with pytest.raises(RefusedError, match="index is gone"):
        write(place, sources(1), mode)
    assert not admin.indices.exists(index=place.alias)


def test_a_writer_with_a_revoked_key_is_refused(place: Place, admin: Elasticsearch) -> None:
    revoke_keys(admin, place.scope)
    with pytest.raises(RefusedError, match="revoked"):
        write(place, sources(1), WriteMode.VERSIONED)


def test_a_writer_that_is_left_in_the_middle_ends(place: Place) -> None:
    outcomes = place.writer(WriterLimits(patience=ONCE)).write(
        blocks(sources(1_000), WriteMode.VERSIONED, 10), WriteMode.VERSIONED
    )
    next(outcomes)
    outcomes.close()
