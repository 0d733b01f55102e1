"""The whole way: from rows in a database to documents in Elasticsearch, and their activities.

The platform is opened as a run opens it; the connection is made as an engineer makes it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Final

from coworker_pipelines.assembly import Platform
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.database.migrations import migrate
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.provisioning.connections import ConnectionOrder
from coworker_pipelines.settings import Settings
from coworker_pipelines.syncs.context import Bounds
from tests.benchmarks.frame import Figures, Given, Round
from tests.benchmarks.memory import Process, measure_memory
from tests.benchmarks.source import FIRST, STREAM, make_source
from tests.database_fixtures import made_database, named_url
from tests.environment import environment_of

WINDOW: Final = Window.of(FIRST)
TENANT: Final = "acme"
NOW: Final = FIRST + timedelta(days=19)
AGAIN: Final = Bounds(since=WINDOW.start_at, until=WINDOW.end_at)
"""A span that somebody asked for is read whole, wherever the cursor stands."""


@contextmanager
def end_to_end(given: Given) -> Iterator[Round]:
    """Documents a second from the source into the index; and of the same, sent once more.

    Every round has a connection, and so an index, of its own. The activities that follow are
    counted apart: nobody whom we compare with makes any.
    """
    source = given.folder / "source.db"
    make_source(source, given.documents)
    with made_settings(given, "end-to-end") as settings, opened(settings) as platform:
        numbers = count()

        def measured() -> Figures:
            handle = add_connection(platform, source, f"notes-{next(numbers)}")
            try:
                return _two_syncs(platform, handle, given.documents)
            finally:
                remove(platform, handle)

        measured()
        yield measured


@contextmanager
def memory(given: Given) -> Iterator[Round]:
    """Peak of a process that syncs a million documents, and of one that syncs a tenth."""
    with made_settings(given, "memory") as settings, opened(settings) as platform:
        numbers = count()

        @contextmanager
        def process(documents: int) -> Iterator[Process]:
            source = given.folder / f"source-{documents}.db"
            make_source(source, documents)
            handle = add_connection(platform, source, f"notes-{next(numbers)}")
            command = [sys.executable, "-m", "tests.benchmarks.sync_process", handle]
            try:
                yield Process(command=command, environment=environment_of(settings, given.folder))
            finally:
                remove(platform, handle)
                source.unlink()

        def measured() -> Figures:
            peaks = measure_memory(process)
            return {
                "memory_few_mib": peaks.few_mib,
                "memory_many_mib": peaks.many_mib,
                "memory_growth_mib": peaks.growth_mib,
            }

        yield measured


def opened(settings: Settings) -> Platform:
    """At a moment in the month that all rows are of."""
    return Platform(settings, clock=FixedClock(NOW))


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncTimes:
    """Seconds of each phase, and what became of the documents."""

    extract_s: float
    store_s: float
    derive_s: float
    indexed: int
    unchanged: int

    @property
    def stored_s(self) -> float:
        return self.extract_s + self.store_s


def sync_once(platform: Platform, handle: str, run: str, bounds: Bounds | None = None) -> SyncTimes:
    """The three phases over the one stream, as a run calls them."""
    with platform.open_sync(handle, run, (WINDOW,)) as sync:
        started = perf_counter()
        sync.extract(STREAM, WINDOW, bounds)
        extracted = perf_counter()
        stored = sync.store(STREAM, WINDOW).metadata
        confirmed = perf_counter()
        sync.derive(STREAM, WINDOW)
        derived = perf_counter()
    return SyncTimes(
        extract_s=extracted - started,
        store_s=confirmed - extracted,
        derive_s=derived - confirmed,
        indexed=int(stored["indexed"]),
        unchanged=int(stored["unchanged"]),
    )


def _two_syncs(platform: Platform, handle: str, documents: int) -> Figures:
    new = sync_once(platform, handle, f"{handle}-new")
    assert new.indexed == documents
    same = sync_once(platform, handle, f"{handle}-same", AGAIN)
    assert same.unchanged == documents
    return {
        "end_to_end_documents_per_s": documents / new.stored_s,
        "end_to_end_with_activities_documents_per_s": documents / (new.stored_s + new.derive_s),
        "extract_documents_per_s": documents / new.extract_s,
        "store_documents_per_s": documents / new.store_s,
        "derive_documents_per_s": documents / new.derive_s,
        "unchanged_documents_per_s": documents / same.stored_s,
    }


@contextmanager
def made_settings(given: Given, name: str) -> Iterator[Settings]:
    """A platform of its own on the given servers, with one tenant."""
    folder = given.folder / name
    with made_database(given.endpoints.database_url) as database:
        url = named_url(given.endpoints.database_url, database)
        migrate(url)
        settings = Settings(
            state=folder / "state",
            database_url=url,
            elasticsearch=given.endpoints.elasticsearch,
            segments=folder / "segments",
        )
        with opened(settings) as platform:
            platform.tenants.make(slug=TENANT, name="Acme")
        yield settings


def add_connection(platform: Platform, source: Path, name: str, *, tenant: str = TENANT) -> str:
    return platform.maker.make(
        ConnectionOrder(
            tenant=tenant,
            name=name,
            kind="sql",
            form={"url": f"sqlite:///{source}"},
            schedule=None,
            streams=None,
            ordered_by="bench",
        )
    )


def remove(platform: Platform, handle: str) -> None:
    with platform.database.control() as session:
        scope = find_connection(session, handle).scope
    platform.keys.indices.remove(scope)
