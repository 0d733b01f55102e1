"""The whole way: from rows in a database to documents in Elasticsearch, and their activities.

The platform is opened as a run opens it; the connection is made as an engineer makes it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Final

from coworker_pipelines.assembly import Platform
from coworker_pipelines.database.migrations import migrate
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.settings import Settings
from coworker_pipelines.syncs.context import Bounds
from tests.benchmarks.frame import Figures, Given, Round
from tests.benchmarks.memory import Process, measure_memory
from tests.benchmarks.source import FIRST, STREAM, make_source
from tests.database_fixtures import made_database, named_url
from tests.integration.world import World

WINDOW: Final = Window.of(FIRST)
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
    with _world(given, "end-to-end") as world:
        numbers = count()

        def measured() -> Figures:
            handle = _add_connection(world, source, f"notes-{next(numbers)}")
            try:
                return _two_syncs(world, handle, given.documents)
            finally:
                world.remove(handle)

        measured()
        yield measured


@contextmanager
def memory(given: Given) -> Iterator[Round]:
    """Peak of a process that syncs a million documents, and of one that syncs a tenth."""
    with _world(given, "memory") as world:

        def process(documents: int) -> Process:
            source = given.folder / f"source-{documents}.db"
            make_source(source, documents)
            handle = _add_connection(world, source, f"notes-{documents}")
            command = [sys.executable, "-m", "tests.benchmarks.sync_process", handle]
            return Process(command=command, environment=_variables(world.settings, given.folder))

        def measured() -> Figures:
            peaks = measure_memory(process)
            return {
                "memory_few_mib": peaks.few_mib,
                "memory_many_mib": peaks.many_mib,
                "memory_growth_mib": peaks.growth_mib,
            }

        yield measured


def sync_once(
    platform: Platform, handle: str, run: str, bounds: Bounds | None = None
) -> dict[str, float]:
    """Seconds of each phase over the one stream."""
    seconds = {}
    with platform.open_sync(handle, run, (WINDOW,)) as sync:
        started = perf_counter()
        sync.extract(STREAM, WINDOW, bounds)
        seconds["extract"] = perf_counter() - started
        started = perf_counter()
        sync.store(STREAM, WINDOW)
        seconds["store"] = perf_counter() - started
        started = perf_counter()
        sync.derive(STREAM, WINDOW)
        seconds["derive"] = perf_counter() - started
    return seconds


def _two_syncs(world: World, handle: str, documents: int) -> Figures:
    with world.opened() as platform:
        new = sync_once(platform, handle, f"{handle}-new")
        assert world.last_counts(handle)[STREAM].indexed == documents
        same = sync_once(platform, handle, f"{handle}-same", AGAIN)
        assert world.last_counts(handle)[STREAM].unchanged == documents
    stored_s = new["extract"] + new["store"]
    return {
        "end_to_end_documents_per_s": documents / stored_s,
        "end_to_end_with_activities_documents_per_s": documents / (stored_s + new["derive"]),
        "extract_documents_per_s": documents / new["extract"],
        "store_documents_per_s": documents / new["store"],
        "derive_documents_per_s": documents / new["derive"],
        "unchanged_documents_per_s": documents / (same["extract"] + same["store"]),
    }


@contextmanager
def _world(given: Given, name: str) -> Iterator[World]:
    """A platform of its own on the given servers, with one tenant."""
    folder = given.folder / name
    with made_database(given.endpoints.database_url) as database:
        url = named_url(given.endpoints.database_url, database)
        migrate(url)
        world = World(
            settings=Settings(
                state=folder / "state",
                database_url=url,
                elasticsearch=given.endpoints.elasticsearch,
                segments=folder / "segments",
            )
        )
        world.add_tenant("acme")
        yield world


def _add_connection(world: World, source: Path, name: str) -> str:
    return world.add_connection({"url": f"sqlite:///{source}"}, name=name)


def _variables(settings: Settings, folder: Path) -> dict[str, str]:
    """The environment that says the same as the settings."""
    address, segments = settings.elasticsearch, settings.segments
    assert address is not None
    assert address.user is not None
    assert address.password is not None
    assert settings.database_url is not None
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(address.password.get_secret_value(), encoding="utf-8")
    return {
        "COWORKER_STATE": str(settings.state),
        "COWORKER_SEGMENTS": str(segments),
        "COWORKER_DATABASE_URL": settings.database_url,
        "COWORKER_ELASTICSEARCH_URL": address.url,
        "COWORKER_ELASTICSEARCH_USER": address.user,
        "COWORKER_ELASTICSEARCH_PASSWORD_FILE": str(password),
    }
