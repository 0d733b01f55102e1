"""The writer and the reader before a cluster that misbehaves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from coworker_pipelines.documents.client import open_client
from coworker_pipelines.documents.endpoint import Endpoint
from coworker_pipelines.documents.patience import Patience
from coworker_pipelines.documents.reader import DocumentsReader, refresh
from coworker_pipelines.documents.writer import WriterLimits
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.segments.manifest import WriteMode
from tests.documents.place import STREAM, Place, blocks, sources
from tests.fakes.unruly_proxy import Temper, Trouble, UnrulyProxy

TWICE = WriterLimits(patience=Patience(attempts=2, delay_s=0.001))


@contextmanager
def before(place: Place, temper: Temper, seed: int = 1) -> Iterator[tuple[UnrulyProxy, Endpoint]]:
    with UnrulyProxy(place.address.url, seed=seed, temper=temper) as proxy:
        endpoint = Endpoint(replace(place.address, url=proxy.url))
        try:
            yield proxy, endpoint
        finally:
            endpoint.close()


@pytest.mark.parametrize("mode", (WriteMode.VERSIONED, WriteMode.COMPARED, WriteMode.CREATED))
def test_20000_documents_arrive_whatever_happens_on_the_way(place: Place, mode: WriteMode) -> None:
    documents = sources(20_000)
    with before(place, Temper(share=0.4)) as (proxy, endpoint):
        writer = place.writer(endpoint=endpoint)
        outcomes = list(writer.write(blocks(documents, mode, 200), mode))
        assert len(proxy.met) >= len(Trouble) - 2
    assert all(
        outcome.indexed + outcome.unchanged == outcome.operations == 200 for outcome in outcomes
    )
    assert place.stored() == {entry.key: entry.payload_bytes for entry in documents}


def test_a_lost_answer_makes_documents_unchanged_and_nothing_twice(place: Place) -> None:
    with before(place, Temper(share=0.5, troubles=(Trouble.CUT_AFTER,))) as (_, endpoint):
        writer = place.writer(endpoint=endpoint)
        outcomes = list(
            writer.write(blocks(sources(2_000), WriteMode.VERSIONED), WriteMode.VERSIONED)
        )
    assert sum(outcome.unchanged for outcome in outcomes) > 0
    assert {hit["_version"] for hit in _hits(place)} == {1}


def _hits(place: Place) -> list[dict[str, int]]:
    refresh(place.client, place.alias)
    answer = place.client.search(index=place.alias, size=2_000, version=True, source=False)
    return list(answer["hits"]["hits"])


def test_only_the_items_that_were_not_taken_are_sent_again(place: Place) -> None:
    temper = Temper(share=0.5, troubles=(Trouble.ITEMS_REFUSED,))
    with before(place, temper) as (proxy, endpoint):
        writer = place.writer(endpoint=endpoint)
        outcomes = list(
            writer.write(blocks(sources(2_000), WriteMode.VERSIONED), WriteMode.VERSIONED)
        )
        assert proxy.met[Trouble.ITEMS_REFUSED] > 0
    assert sum(outcome.indexed for outcome in outcomes) == 2_000
    assert sum(outcome.unchanged for outcome in outcomes) == 0


@pytest.mark.parametrize("trouble", (Trouble.REFUSED, Trouble.ITEMS_REFUSED, Trouble.CUT_BEFORE))
def test_patience_ends_with_a_verdict(place: Place, trouble: Trouble) -> None:
    with before(place, Temper(share=1, troubles=(trouble,))) as (proxy, endpoint):
        writer = place.writer(TWICE, endpoint)
        with pytest.raises(RetryLaterError):
            list(writer.write(blocks(sources(500), WriteMode.VERSIONED), WriteMode.VERSIONED))
        assert proxy.met[trouble] == 2


def test_a_scan_goes_on_after_broken_answers(place: Place) -> None:
    documents = sources(5_000)
    list(place.writer().write(blocks(documents, WriteMode.VERSIONED), WriteMode.VERSIONED))
    with UnrulyProxy(place.address.url, seed=3, temper=Temper(share=0.3)) as proxy:
        with open_client(replace(place.address, url=proxy.url)) as client:
            reader = DocumentsReader(client, place.scope)
            read = [entry.key for page in reader.scan(STREAM) for entry in page]
            assert list(reader.keys_sorted(STREAM)) == [entry.key for entry in documents]
        assert proxy.met
    assert sorted(read) == [entry.key for entry in documents]
