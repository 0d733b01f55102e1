"""One person among many: until nobody can read of them, until no file holds them, and who is found.

A tenant with an index for each table of some small databases, full of other people; planted are an
address in twelve spellings, and addresses that only look like it.
"""

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import orjson
from elasticsearch import Elasticsearch

from coworker_pipelines.assembly.erasing import erasure_work, erasures
from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.connections.rows import Tenant
from coworker_pipelines.connections.tenants import tenant_keys
from coworker_pipelines.database.migrations import migrate
from coworker_pipelines.documents import names
from coworker_pipelines.documents.across import change, count_across
from coworker_pipelines.documents.reader import EVERYTHING
from coworker_pipelines.extraction.payload import canonical_payload, content_hash_of
from coworker_pipelines.extraction.subjects import subject_keys_of
from coworker_pipelines.privacy.erasure.erasures import Erasures
from coworker_pipelines.privacy.erasure.identifying import read_identifiers
from coworker_pipelines.privacy.erasure.places import Place, places_of
from coworker_pipelines.privacy.names import ERASED_FIRST, READ_BY_ALL
from coworker_pipelines.privacy.order_record import target_rows
from coworker_pipelines.provisioning.connections import ConnectionOrder
from coworker_pipelines.settings import Settings
from tests.benchmarks.frame import Figures, Given, Round
from tests.database_fixtures import made_database, named_url
from tests.extraction.spellings import LOOK_ALIKES, SPELLINGS

TABLES: Final = 20
"""Of each connection."""
PERSON: Final = ("ann.lee", "acme.org")
PLANTED_SHARE: Final = 50
"""One of so many documents holds the person, and as many one that looks like them."""
BATCH: Final = 1_000
FILLER: Final = "nothing that names anybody stands in this text. " * 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    connections: int
    documents: int


def size_of(given: Given) -> Size:
    """The whole size where as many documents are asked for, else a share of it."""
    return Size(connections=max(1, given.documents // 100_000), documents=given.documents)


@contextmanager
def erasure(given: Given) -> Iterator[Round]:
    """Seconds from the begin of the work to both moments, and the share of plants found."""
    with (
        tempfile.TemporaryDirectory(prefix="coworker-bench-erasure-") as name,
        made_database(given.endpoints.database_url) as database,
    ):
        url = named_url(given.endpoints.database_url, database)
        migrate(url)
        settings = Settings(
            state=Path(name) / "state",
            database_url=url,
            elasticsearch=given.endpoints.elasticsearch,
            segments=Path(name) / "segments",
        )
        with Platform(settings) as platform:
            tenant = platform.tenants.make(slug=f"erasure-{time.time_ns()}", name="erasure")
            try:
                yield lambda: _round(platform, settings, tenant, Path(name), size_of(given))
            finally:
                for index in _indices(platform.admin, names.tenant_pattern(tenant)):
                    platform.admin.indices.delete(index=index)


def _round(
    platform: Platform, settings: Settings, tenant: str, folder: Path, size: Size
) -> Figures:
    planted, alike = _fill(
        platform, tenant, _places(platform, tenant, folder, size.connections), size.documents
    )
    pattern = names.tenant_pattern(tenant)
    before = count_across(platform.admin, pattern, EVERYTHING)
    order = _confirmed(erasures(platform), tenant, _slug(platform, tenant))
    work = erasure_work(platform, settings, sleep=time.sleep)
    started = time.perf_counter()
    work.keep_out(order)
    for name in ERASED_FIRST:
        if name in READ_BY_ALL:
            work.clear(order, name)
    unreadable = time.perf_counter() - started
    for name in ERASED_FIRST:
        if name not in READ_BY_ALL:
            work.clear(order, name)
    work.expunge(order)
    gone = time.perf_counter() - started
    taken = _taken(platform, order)
    work.settle(order)
    left = count_across(platform.admin, pattern, EVERYTHING)
    deleted = before - left
    return {
        "erasure_unreadable_s": unreadable,
        "erasure_bytes_gone_s": gone,
        "erasure_recall": taken / planted,
        "erasure_false_deletions_count": float(deleted + max(0, taken - planted)),
        "erasure_look_alikes_count": float(alike),
    }


def _places(platform: Platform, tenant: str, folder: Path, connections: int) -> list[Place]:
    slug = _slug(platform, tenant)
    for number in range(connections):
        path = folder / f"{number}-{time.time_ns()}.sqlite"
        with sqlite3.connect(path) as database:
            for table in range(TABLES):
                database.execute(f"CREATE TABLE t{table} (id INTEGER PRIMARY KEY, note TEXT)")
        platform.maker.make(
            ConnectionOrder(
                tenant=slug,
                name=f"desk{number}-{time.time_ns() % 10**6}",
                kind="sql",
                form={"url": f"sqlite:///{path}"},
                schedule=None,
                streams=None,
                ordered_by="bench",
            )
        )
    with platform.database.control() as session:
        keys = tenant_keys(session, platform.master, tenant)
        return list(places_of(session, tenant, keys.subject).by_index.values())


def _fill(platform: Platform, tenant: str, places: list[Place], documents: int) -> tuple[int, int]:
    """Documents in all places; how many hold the person, and how many one that looks like them."""
    with platform.database.control() as session:
        key = tenant_keys(session, platform.master, tenant).subject
    spellings, doubles = cycle(SPELLINGS.values()), cycle(LOOK_ALIKES)
    planted = alike = 0
    turns = cycle(places)
    numbers = iter(range(documents))
    while batch := list(islice(numbers, BATCH)):
        place = next(turns)
        lines: list[bytes] = []
        for number in batch:
            record: dict[str, Any] = {"id": number, "note": FILLER}
            if number % PLANTED_SHARE == 0:
                record["note"] = next(spellings)(*PERSON)
                planted += 1
            elif number % PLANTED_SHARE == 1:
                record["note"] = f"see {next(doubles)} {FILLER}"
                alike += 1
            lines.append(_operation(place, record, key))
        change(platform.admin, lines)
    return planted, alike


def _operation(place: Place, record: dict[str, Any], key: bytes) -> bytes:
    payload = canonical_payload(record)
    action = {
        "_index": names.documents_index(place.scope, place.stream.name),
        "_id": str(record["id"]),
    }
    envelope = {
        "key": str(record["id"]),
        "content_hash": content_hash_of(payload),
        "extracted_at": "2026-03-01T00:00:00Z",
        "window": "2026-03-01",
        "sync": "bench",
        "subject_keys": subject_keys_of(place.stream, record, payload, key),
        "payload": orjson.Fragment(payload),
    }
    return orjson.dumps({"index": action}) + b"\n" + orjson.dumps(envelope) + b"\n"


def _confirmed(control: Erasures, tenant: str, slug: str) -> str:
    lines = [f"email {PERSON[0]}@{PERSON[1]}"]
    order = control.request(
        tenant, read_identifiers(lines), reason="a measurement", requested_by="bench"
    )
    control.preview(order)
    control.confirm(order, typed=slug, same_person=False, confirmed_by="bench")
    return order


def _taken(platform: Platform, order: str) -> int:
    with platform.database.privacy() as session:
        rows = {row.target: row.matched for row in target_rows(session, order)}
    return rows["documents"]


def _slug(platform: Platform, tenant: str) -> str:
    with platform.database.control() as session:
        return session.get_one(Tenant, tenant).slug


def _indices(client: Elasticsearch, pattern: str) -> list[str]:
    return sorted(client.indices.get(index=pattern, features="aliases"))
