"""A tenant of many documents, from its confirmation to the end of its order."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter, sleep
from typing import Final

import psycopg
import pytest

from coworker_pipelines.connections.rows import StreamState, Sync
from coworker_pipelines.connections.syncs import SyncStatus
from coworker_pipelines.database.migrations import migrate
from coworker_pipelines.documents import names
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.segments.manifest import WriteMode
from coworker_pipelines.settings import Settings
from tests.benchmarks.documents_limit import blocks_of_operations, make_operations
from tests.benchmarks.frame import Figures, Given, Round
from tests.database_fixtures import made_database, named_url
from tests.integration.world import NOW
from tests.privacy.deletion.estate import Estate, leading_environment, made_estate, put_aside

CONNECTIONS: Final = 13
"""Each has two indices of documents and one of messages; with one more stream that makes 40."""
INDICES_MIN: Final = 39
MULTIPLE: Final = 5
"""Of the documents that a benchmark is given: a million where it is given 200,000."""
RUNS: Final = 500
EVENTS_OF_A_RUN: Final = 40
SYNCS_OF_A_CONNECTION: Final = 100
WINDOWS: Final = tuple(Window(2024, 1).until(Window(2026, 2)))
BYTES: Final = 1_000


@contextmanager
def deletion(given: Given) -> Iterator[Round]:
    """Seconds from the confirmation to the receipt, of a tenant that is made anew each time."""

    def measured() -> Figures:
        with _stocked(given) as estate:
            order = _previewed(estate)
            started = perf_counter()
            with estate.deletions() as made:
                made.confirm(order, typed=estate.goes, confirmed_by="bob")
            with estate.work(sleep=sleep) as work:
                work.carry_out(order, lambda _: None)
            seconds = perf_counter() - started
            gone = estate.outcomes(order)
            assert gone["documents"][0] >= given.documents * MULTIPLE
            assert gone["indices"][0] >= INDICES_MIN
            return {"deletion_s": seconds, "deletion_documents": float(gone["documents"][0])}

    yield measured


def _previewed(estate: Estate) -> str:
    with estate.deletions() as made:
        order = made.request(estate.extent(estate.goes), reason="bench", requested_by="ann")
        made.preview(order)
        return order


@contextmanager
def _stocked(given: Given) -> Iterator[Estate]:
    folder = Path(mkdtemp(dir=given.folder))
    server = given.endpoints.database_url
    with ExitStack() as stack:
        ours, dagsters = (
            named_url(server, stack.enter_context(made_database(server))) for _ in range(2)
        )
        migrate(ours)
        settings = Settings(
            state=folder / "state",
            database_url=ours,
            elasticsearch=given.endpoints.elasticsearch,
            segments=folder / "state" / "segments",
        )
        dagster_url = dagsters.replace("+psycopg", "+psycopg2")
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        environment = leading_environment(settings, folder / "environment", dagster_url)
        for name, value in environment.items():
            patch.setenv(name, value)
        estate = stack.enter_context(made_estate(folder, settings, dagster_url, bare=True))
        _fill(estate, given.documents * MULTIPLE)
        yield estate


def _fill(estate: Estate, documents: int) -> None:
    handles = [estate.connection(f"shop-{number}", synced=False) for number in range(CONNECTIONS)]
    estate.sync(handles[0])
    share = -(-documents // CONNECTIONS)
    blocks = list(blocks_of_operations(make_operations(share, BYTES)))
    for handle in handles:
        with estate.platform() as platform, platform.open_holdings(handle) as holdings:
            writer = holdings.writer(names.documents_alias(holdings.scope, "orders"))
            for outcome in writer.write(blocks, WriteMode.VERSIONED):
                assert not outcome.rejected
            _add_rows(estate, holdings.scope.tenant, holdings.scope.connection)
        put_aside(estate, handle)
    _multiply_runs(estate)


def _add_rows(estate: Estate, tenant: str, connection: str) -> None:
    with estate.platform() as platform, platform.database.tenant(tenant) as session:
        session.add_all(
            Sync(
                id=new_id(IdPrefix.SYNC),
                tenant_id=tenant,
                connection_id=connection,
                run_id=f"{connection}-{number}",
                windows=["2026-01-01"],
                status=SyncStatus.SUCCEEDED,
                started_at=NOW,
            )
            for number in range(SYNCS_OF_A_CONNECTION)
        )
        session.add_all(
            StreamState(
                tenant_id=tenant,
                connection_id=connection,
                stream="orders",
                window=window.start_at.date(),
                complete=True,
                selection_version=1,
                segments_confirmed=0,
            )
            for window in WINDOWS
        )


def _multiply_runs(estate: Estate) -> None:
    """The one run that there is, with some of its events, many times under other ids."""
    plain = estate.dagster_url.replace("+psycopg2", "")
    with psycopg.connect(plain) as connection:
        connection.execute(
            "CREATE TEMPORARY TABLE others AS SELECT run_id AS one, gen_random_uuid()::text AS id "
            "FROM runs, generate_series(1, %s)",
            [RUNS],
        )
        connection.execute(
            "INSERT INTO runs (run_id, snapshot_id, pipeline_name, status, run_body, partition) "
            "SELECT others.id, snapshot_id, pipeline_name, status, run_body, partition "
            "FROM runs JOIN others ON run_id = one"
        )
        connection.execute(
            "INSERT INTO run_tags (run_id, key, value) "
            "SELECT others.id, key, value FROM run_tags JOIN others ON run_id = one"
        )
        connection.execute(
            "INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, asset_key, "
            "partition) SELECT others.id, event, dagster_event_type, timestamp, asset_key, "
            "partition FROM (SELECT * FROM event_logs ORDER BY id LIMIT %s) "
            "JOIN others ON run_id = one",
            [EVENTS_OF_A_RUN],
        )
