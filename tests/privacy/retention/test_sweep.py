"""A sweep removes exactly what the pure rule says, on a real node and database."""

from collections.abc import Generator, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from coworker_pipelines.connections.holds import Hold
from coworker_pipelines.connections.retention import Basis, Policy
from coworker_pipelines.connections.retention_rows import PlacedHold, PolicyOrder, SweptDocument
from coworker_pipelines.connections.rows import RejectedRecord
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents.names import documents_index
from coworker_pipelines.documents.writer import BlockOutcome, DocumentsWriter
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.counts import Counts
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import HoldOrder, place_hold, release_hold
from coworker_pipelines.privacy.retention.judgement import Fate, Times, judge
from coworker_pipelines.privacy.retention.policies import set_policy
from coworker_pipelines.privacy.retention.preview import preview_stream
from coworker_pipelines.privacy.retention.sweep import sweep_stream
from coworker_pipelines.privacy.retention.truth import Truth, as_check, measure
from coworker_pipelines.segments.manifest import Manifest, Segment, WriteMode
from coworker_pipelines.segments.manifests import load_manifest, save_manifest
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.privacy.receipts.claims import journal
from tests.privacy.retention.kept import STREAM, Kept, kept, stored
from tests.privacy.retention.worlds import CONNECTIONS, NOW, STREAMS, RandomTenant, random_tenant

ROUNDS = 8
DOCUMENTS = 120


@pytest.fixture
def connection(elasticsearch_address: ElasticsearchAddress, database: Database) -> Iterator[Kept]:
    with kept(elasticsearch_address, database) as connection:
        yield connection


def aged(*days: float) -> list[Times]:
    return [
        Times(
            connection=CONNECTIONS[0],
            stream=STREAMS[0],
            occurred_at=NOW - timedelta(days=age),
            extracted_at=NOW,
        )
        for age in days
    ]


def put_aged(connection: Kept, *days: float) -> None:
    connection.put([stored(number, times) for number, times in enumerate(aged(*days), start=1)])


def test_on_real_stores_a_sweep_does_what_the_rule_says(connection: Kept) -> None:
    fates: set[Fate] = set()
    for seed in range(ROUNDS):
        tenant = _here(random_tenant(seed, documents=DOCUMENTS), connection)
        _order(connection, tenant)
        numbered = list(enumerate(tenant.documents, start=1 + seed * DOCUMENTS))
        connection.put([stored(number, times) for number, times in numbered])
        judged = {
            str(number): judge(times, tenant.policies, tenant.holds, now=NOW).fate
            for number, times in numbered
        }
        preview = preview_stream(connection.holdings, STREAM, now=NOW)
        assert preview.documents == DOCUMENTS
        going = [fate for fate in judged.values() if fate is Fate.SWEPT]
        due = [fate for fate in judged.values() if fate is Fate.DUE]
        assert (preview.going, preview.due) == (len(going), len(due)), seed
        if preview.policy is not None:
            swept = connection.sweep()
            assert (swept.deleted, swept.held) == (len(going), preview.held), seed
        left = {key for key, fate in judged.items() if fate is not Fate.SWEPT}
        assert connection.documents().keys() == left, seed
        assert connection.activities_of() == left, seed
        fates |= set(judged.values())
        _empty(connection)
    assert fates == set(Fate)


def _here(tenant: RandomTenant, connection: Kept) -> RandomTenant:
    """The same rules, over the connection that there is; all its documents are of one stream."""
    names = {CONNECTIONS[0]: connection.scope.connection, None: None}
    streams = {STREAMS[0]: STREAM, None: None}
    return RandomTenant(
        policies=tuple(
            replace(one, connection=names[one.connection], stream=streams[one.stream])
            for one in tenant.policies
            if one.connection in names and one.stream in streams
        ),
        holds=tuple(
            replace(
                one,
                tenant=connection.scope.tenant,
                connection=names[one.connection],
                stream=streams[one.stream],
            )
            for one in tenant.holds
            if one.connection in names and one.stream in streams
        ),
        documents=tuple(
            replace(one, connection=connection.scope.connection, stream=STREAM)
            for one in tenant.documents
        ),
    )


def _order(connection: Kept, tenant: RandomTenant) -> None:
    with connection.holdings.database.control() as session:
        for policy in tenant.policies:
            set_policy(
                session,
                journal(),
                _extent(connection, policy),
                basis=policy.basis,
                age=policy.age,
                grace_days=policy.grace_days,
                made_by="ann",
                now=NOW,
            )
        for hold in tenant.holds:
            order = replace(connection.order(), review_at=hold.review_at)
            place_hold(session, journal(), _over(order, connection, hold), now=NOW)


def _extent(connection: Kept, place: Policy | Hold) -> Extent:
    return Extent(tenant=connection.scope.tenant, connection=place.connection, stream=place.stream)


def _over(order: HoldOrder, connection: Kept, hold: Hold) -> HoldOrder:
    return replace(order, extent=_extent(connection, hold), since=hold.since, until=hold.until)


def _empty(connection: Kept) -> None:
    alias = f"cw.{connection.scope.tenant}.{connection.scope.connection}.*"
    connection.connection.admin.indices.refresh(index=alias)
    for hit in connection.connection.admin.search(index=alias, size=10_000)["hits"]["hits"]:
        connection.connection.admin.delete(index=hit["_index"], id=hit["_id"])
    with connection.holdings.database.privacy() as session:
        for row in (PolicyOrder, PlacedHold, SweptDocument):
            session.execute(delete(row).where(row.tenant_id == connection.scope.tenant))


def test_a_sweep_that_is_done_again_finds_nothing(connection: Kept) -> None:
    put_aged(connection, 1, 20, 30)
    connection.keep(days=10)
    assert connection.sweep().removed == 4
    assert connection.sweep().removed == 0
    assert connection.documents().keys() == connection.activities_of() == {"1"}


def test_without_a_policy_all_stays(connection: Kept) -> None:
    put_aged(connection, 1, 9_000)
    assert sweep_stream(connection.holdings, STREAM, clock=FixedClock(NOW)) is None
    assert len(connection.documents()) == 2


class WritingBetween(DocumentsWriter):
    """A sync stores a newer version between the judgement and the removal."""

    def __init__(self, connection: Kept, alias: str) -> None:
        super().__init__(connection.connection.endpoint, alias)
        self._connection = connection

    def write(self, blocks: Any, mode: Any) -> Generator[BlockOutcome, None, None]:
        (fresh,) = aged(0.5)
        self._connection.connection.put(STREAM, [stored(2, fresh, version=99)])
        yield from super().write(blocks, mode)


def test_a_document_that_a_sync_has_just_written_stays(connection: Kept) -> None:
    put_aged(connection, 20, 30, 1)
    connection.keep(days=10)
    holdings = replace(connection.holdings, writer=lambda alias: WritingBetween(connection, alias))
    swept = sweep_stream(holdings, STREAM, clock=FixedClock(NOW))
    assert swept is not None
    assert swept.deleted == 1
    assert {key: one.version for key, one in connection.documents().items()} == {"2": 99, "3": 3}


class Crash(Exception):  # noqa: N818 - a power cut is no error
    """The process ends here."""


class CrashingWriter(DocumentsWriter):
    def write(self, blocks: Any, mode: Any) -> Generator[BlockOutcome, None, None]:
        yield from super().write(blocks, mode)
        raise Crash


class CrashingAtOnce(DocumentsWriter):
    def write(self, blocks: Any, mode: Any) -> Generator[BlockOutcome, None, None]:
        if blocks:
            raise Crash
        yield from super().write(blocks, mode)


@pytest.mark.parametrize("writer", (CrashingWriter, CrashingAtOnce))
@pytest.mark.parametrize("basis", tuple(Basis))
def test_a_sweep_that_broke_off_is_finished_by_the_next(
    connection: Kept, basis: Basis, writer: type[DocumentsWriter]
) -> None:
    old = [replace(one, extracted_at=NOW - timedelta(days=90)) for one in aged(80, 80, 1)]
    old[2] = replace(old[2], extracted_at=NOW)
    connection.put([stored(number, one) for number, one in enumerate(old, start=1)])
    connection.keep(days=10, basis=basis)
    endpoint = connection.connection.endpoint
    breaking = replace(connection.holdings, writer=lambda alias: writer(endpoint, alias))
    with pytest.raises(Crash):
        sweep_stream(breaking, STREAM, clock=FixedClock(NOW))
    connection.sweep()
    assert connection.documents().keys() == connection.activities_of() == {"3"}
    with connection.holdings.database.control() as session:
        marks = session.scalars(select(SweptDocument.mark)).all()
    assert len(marks) == (2 if basis is Basis.INGESTION else 0)


def test_the_worst_age_is_measured_from_the_data(connection: Kept) -> None:
    put_aged(connection, 1, 12, 40)
    connection.keep(days=10)
    connection.hold(until=NOW - timedelta(days=35))

    def truth(at: datetime = NOW) -> Truth:
        own = connection.connection
        return measure(own.client, connection.holdings.database.control, own.scope, STREAM, now=at)

    before = truth()
    assert (before.worst_age_days, before.holds_true, before.held) == (12.0, False, 1)
    assert not as_check(before).passed
    connection.sweep()
    after = truth()
    assert (after.worst_age_days, after.holds_true, after.documents) == (1.0, True, 2)
    assert as_check(after).passed
    assert truth(NOW + timedelta(days=10)).holds_true
    assert not truth(NOW + timedelta(days=11)).holds_true


def test_an_empty_stream_is_true(connection: Kept) -> None:
    connection.keep(days=10)
    own = connection.connection
    found = measure(own.client, connection.holdings.database.control, own.scope, STREAM, now=NOW)
    assert (found.worst_at, found.holds_true) == (None, True)


def rejected(number: int, at: datetime, window: Window) -> RejectedRecord:
    return RejectedRecord(
        id=f"r{number}",
        stream=STREAM,
        window=window.start_at.date(),
        sync_id="y0123456789abcde",
        reason="too_large",
        sealed=b"sealed",
        at=at,
    )


def test_rejected_records_and_forgotten_segments_go_along(connection: Kept) -> None:
    scope, database = connection.scope, connection.holdings.database
    old, current = Window(2026, 1), Window(2026, 3)
    with database.tenant(scope.tenant) as session:
        for row in (rejected(1, NOW, old), rejected(2, NOW, current)):
            row.tenant_id, row.connection_id = scope.tenant, scope.connection
            session.add(row)
    for window, made in ((old, "2026-01-20T00:00:00Z"), (current, "2026-03-30T00:00:00Z")):
        _forgotten(connection, window, made)
    connection.keep(days=30)
    preview = preview_stream(connection.holdings, STREAM, now=NOW)
    assert (preview.rejected, preview.segments) == (1, 1)
    held = connection.hold(since=old.start_at, until=old.end_at)
    swept = connection.sweep()
    assert (swept.rejected, swept.segments) == (0, 0)
    with database.control() as session:
        release_hold(
            session, journal(), held, reason="the case is over", released_by="ann", now=NOW
        )
    swept = connection.sweep()
    assert (swept.rejected, swept.segments) == (1, 1)
    with database.control() as session:
        assert session.scalars(select(RejectedRecord.id)).all() == ["r2"]
    assert load_manifest(connection.holdings.segments, STREAM, old) is None
    assert load_manifest(connection.holdings.segments, STREAM, current) is not None


def _forgotten(connection: Kept, window: Window, made: str) -> None:
    manifest = Manifest(
        stream=STREAM,
        window=window,
        sync="y0123456789abcde",
        selection=1,
        epoch=1,
        write_mode=WriteMode.VERSIONED,
        extracted_at=made,
    ).with_segment(
        Segment(
            name="00000.segment",
            blocks=0,
            documents=0,
            deletions=0,
            raw_bytes=0,
            stored_bytes=0,
            counts=Counts(),
            cursor={},
        )
    )
    save_manifest(connection.holdings.segments, manifest)


def uuid_of(connection: Kept) -> str:
    index = documents_index(connection.scope, STREAM)
    settings = connection.connection.admin.indices.get_settings(index=index)
    uuid: str = settings[index]["settings"]["index"]["uuid"]
    return uuid


@pytest.mark.parametrize("stays", ("nothing", "a document", "under a hold", "undated", "at work"))
def test_where_everything_goes_the_index_goes_whole(connection: Kept, stays: str) -> None:
    put_aged(connection, 20, 30, *((1,) if stays == "a document" else ()))
    connection.keep(days=10)
    match stays:
        case "under a hold":
            connection.hold(until=NOW - timedelta(days=29))
        case "undated":
            undated = replace(aged(1)[0], occurred_at=None, extracted_at=NOW - timedelta(days=50))
            connection.put([stored(9, undated)])
    before = uuid_of(connection)
    database = connection.holdings.database
    lock = database.connection_lock(connection.scope.connection, wait_s=1)
    with lock if stays == "at work" else nullcontext():
        swept = connection.sweep()
    assert swept.deleted == {"under a hold": 1, "undated": 3}.get(stays, 2)
    assert (uuid_of(connection) != before) is (stays == "nothing")
    assert connection.documents().keys() == connection.activities_of()
    (outcome, *_) = swept.outcomes()
    assert ("index" in outcome.method) is (stays == "nothing")
    (young,) = aged(2)
    connection.put([stored(50, young)])
    assert "50" in connection.documents()


def test_a_sweep_reports_what_it_did_to_each_place(connection: Kept) -> None:
    put_aged(connection, 20, 30, 1)
    connection.keep(days=10)
    outcomes = connection.sweep().outcomes()
    told = {one.target: (one.matched, one.deleted, one.left_first) for one in outcomes}
    assert told == {f"documents of {STREAM}": (2, 2, 0), f"activities of {STREAM}": (2, 2, 0)}
    assert not any(one.has_survivors for one in outcomes)
    assert connection.sweep().outcomes() == []
