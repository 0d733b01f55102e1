"""A hold and a sweep that run at once: what stands when the hold is placed stays."""

import random
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from coworker_pipelines.connections.holds import keep_holds_still
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents.writer import BlockOutcome, DocumentsWriter
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.privacy.holds import place_hold, release_hold
from coworker_pipelines.privacy.retention import sweep as module
from coworker_pipelines.privacy.retention.judgement import Times
from coworker_pipelines.privacy.retention.sweep import StreamSweep, sweep_stream
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.database_fixtures import opened_database
from tests.privacy.receipts.claims import journal
from tests.privacy.retention.kept import STREAM, Kept, kept, stored
from tests.privacy.retention.worlds import NOW

DOCUMENTS = 240
BULK = 20
ROUNDS = 3
YOUNG = 9_999


@pytest.fixture
def connection(
    elasticsearch_address: ElasticsearchAddress,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Kept]:
    """Spent documents, twelve bulks of them."""
    monkeypatch.setattr(module, "BULK", BULK)
    with kept(elasticsearch_address, database) as connection:
        connection.keep(days=10)
        # One that stays, or the index would go whole.
        connection.put([stored(YOUNG, times(connection, days=1))])
        yield connection


def times(connection: Kept, *, days: int) -> Times:
    return Times(
        connection=connection.scope.connection,
        stream=STREAM,
        occurred_at=NOW - timedelta(days=days),
        extracted_at=NOW,
    )


def put_spent(connection: Kept, *, first: int = 1) -> None:
    old = times(connection, days=30)
    connection.put([stored(number, old) for number in range(first, first + DOCUMENTS)])


class Gate:
    """Opens where a test lets a bulk go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()


class GatedWriter(DocumentsWriter):
    def __init__(self, connection: Kept, alias: str, gate: Gate) -> None:
        super().__init__(connection.connection.endpoint, alias)
        self._gate = gate

    def write(self, blocks: Any, mode: Any) -> Generator[BlockOutcome, None, None]:
        self._gate.reached.set()
        assert self._gate.open.wait(30)
        yield from super().write(blocks, mode)


def test_a_hold_waits_for_the_bulk_under_way_and_stops_the_next(connection: Kept) -> None:
    put_spent(connection)
    gate = Gate()
    holdings = replace(
        connection.holdings, writer=lambda alias: GatedWriter(connection, alias, gate)
    )
    with ThreadPoolExecutor(2) as pool:
        sweep = pool.submit(sweep_stream, holdings, STREAM, clock=FixedClock(NOW))
        assert gate.reached.wait(30)
        hold = pool.submit(connection.hold)
        with pytest.raises(TimeoutError):
            hold.result(timeout=0.5)
        gate.open.set()
        hold.result(timeout=30)
        swept = sweep.result(timeout=30)
    assert swept is not None
    assert swept.deleted == BULK
    assert len(connection.documents()) == DOCUMENTS - BULK + 1


def test_whenever_a_hold_comes_what_stands_then_stays(connection: Kept, migrated_url: str) -> None:
    choice = random.Random(7)
    swept_sizes: set[int] = set()
    for number in range(ROUNDS):
        put_spent(connection, first=1 + number * DOCUMENTS)
        with ThreadPoolExecutor(1) as pool, opened_database(migrated_url) as other:
            holdings = replace(connection.holdings, database=other)
            sweep = pool.submit(sweep_stream, holdings, STREAM, clock=FixedClock(NOW))
            threading.Event().wait(choice.uniform(0.02, 0.6))
            hold = connection.hold()
            standing = connection.documents().keys()
            swept = sweep.result(timeout=60)
        assert connection.documents().keys() == standing
        assert swept is not None
        swept_sizes.add(swept.deleted)
        _release(connection, hold)
        connection.sweep()
        assert connection.documents().keys() == {str(YOUNG)}
    assert any(0 < size < DOCUMENTS for size in swept_sizes), "no hold came in the middle"


def test_a_policy_that_is_taken_back_stops_a_sweep(connection: Kept) -> None:
    put_spent(connection)
    gate = Gate()
    holdings = replace(
        connection.holdings, writer=lambda alias: GatedWriter(connection, alias, gate)
    )
    with ThreadPoolExecutor(2) as pool:
        sweep = pool.submit(sweep_stream, holdings, STREAM, clock=FixedClock(NOW))
        assert gate.reached.wait(30)
        longer = pool.submit(connection.keep, days=900)
        gate.open.set()
        longer.result(timeout=30)
        swept: StreamSweep | None = sweep.result(timeout=30)
    assert swept is not None
    assert len(connection.documents()) == DOCUMENTS - swept.deleted + 1
    assert swept.deleted < DOCUMENTS


def test_a_hold_over_another_tenant_waits_for_nobody(connection: Kept) -> None:
    order = connection.order()
    with connection.holdings.database.privacy() as session:
        keep_holds_still(session, "t" + "0" * 15)
        with connection.holdings.database.control() as other:
            assert place_hold(other, journal(), order, now=NOW).id


def _release(connection: Kept, hold: str) -> None:
    with connection.holdings.database.control() as session:
        release_hold(
            session, journal(), hold, reason="the case is over", released_by="ann", now=NOW
        )
