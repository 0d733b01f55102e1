"""What it costs to know a million erased people, and to know who each record is about."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Final

import psycopg

from coworker_pipelines.assembly import Platform
from coworker_pipelines.connections.suppression import SuppressionLists
from tests.benchmarks.frame import Figures, Given, Round
from tests.benchmarks.pipeline import (
    TENANT,
    add_connection,
    made_settings,
    opened,
    remove,
    sync_once,
)
from tests.benchmarks.source import STREAM, make_source

KEYS: Final = 1_000_000
_SUPPRESS: Final = """
WITH suppression AS (
    INSERT INTO suppressions (id, tenant_id, generation, reason, made_by, made_at)
    SELECT 'u0123456789abcde', id, 1, 'benchmark', 'bench', now() FROM tenants WHERE slug = %(slug)s
    RETURNING id, tenant_id
)
INSERT INTO suppressed_keys (tenant_id, kind, connection_id, stream, key, suppression_id)
SELECT tenant_id, 'person', '', '', decode(md5(number::text), 'hex'), id
FROM suppression, generate_series(1, %(count)s) AS number
"""
WITH_PEOPLE: Final = "acme-with-people"


@contextmanager
def suppression(given: Given) -> Iterator[Round]:
    """Documents a second with subject keys and a million suppressed ones, and without both.

    Two tenants take turns: one whose rows name people and who has erased a million others, and
    one whose rows are as long and name nobody.
    """
    people, nobody = given.folder / "people.db", given.folder / "nobody.db"
    make_source(people, given.documents)
    make_source(nobody, given.documents)
    _name_nobody(nobody)
    with made_settings(given, "suppression") as settings, opened(settings) as platform:
        platform.tenants.make(slug=WITH_PEOPLE, name="Acme")
        _suppress(str(settings.database_url))
        numbers = count()

        def measured() -> Figures:
            number = next(numbers)
            plain = _documents_per_s(platform, nobody, TENANT, number, given.documents)
            screened = _documents_per_s(platform, people, WITH_PEOPLE, number, given.documents)
            return {
                "suppression_plain_documents_per_s": plain,
                "suppression_screened_documents_per_s": screened,
                "suppression_cost": 1 - screened / plain,
                **_list_figures(platform, people, number),
            }

        measured()
        yield measured


def _documents_per_s(
    platform: Platform, source: Path, tenant: str, number: int, documents: int
) -> float:
    handle = add_connection(platform, source, f"notes-{number}", tenant=tenant)
    try:
        times = sync_once(platform, handle, handle)
    finally:
        remove(platform, handle)
    assert times.indexed == documents
    return documents / times.stored_s


def _list_figures(platform: Platform, source: Path, number: int) -> Figures:
    """Seconds to read the list, once for each run, and what it takes in memory."""
    handle = add_connection(platform, source, f"list-{number}", tenant=WITH_PEOPLE)
    try:
        scope = platform.scope_of(handle)
        with platform.database.tenant(scope.tenant) as session:
            started = perf_counter()
            found = SuppressionLists().current(session, scope, STREAM)
            seconds = perf_counter() - started
    finally:
        remove(platform, handle)
    size = sum(keys.size_bytes for keys in found.people)
    assert size == KEYS * 16
    return {"suppression_list_s": seconds, "suppression_list_mib": size / 2**20}


def _suppress(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(_SUPPRESS, {"slug": WITH_PEOPLE, "count": KEYS})
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE suppressed_keys")


def _name_nobody(path: Path) -> None:
    """The column has another name, and what stands in it is no address."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE notes RENAME COLUMN author_email TO colour")
        connection.execute("UPDATE notes SET colour = replace(colour, '@', '.')")
        connection.commit()
