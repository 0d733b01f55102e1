"""Databases with few and with many connections, for what must not depend on their number."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import create_engine, insert, text

from coworker_pipelines.connections.rows import Connection, Tenant
from coworker_pipelines.connections.schedules import Schedule
from coworker_pipelines.database.migrations import migrate
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from tests.database_fixtures import made_database, named_url

FEW: Final = 10
MANY: Final = 10_000
DUE: Final = 10
MONTHS: Final = 12
NOW: Final = datetime(2026, 3, 15, 12, tzinfo=UTC)
_SCHEDULE: Final = Schedule(interval_s=3600)
_STATES: Final = text(
    'INSERT INTO stream_states (tenant_id, connection_id, stream, "window", complete, '
    "selection_version, segments_confirmed, read, indexed, unchanged, rejected, suppressed, "
    "filtered) "
    "SELECT c.tenant_id, c.id, 'orders', date '2026-03-01' - make_interval(months => m), m > 1, "
    "1, 0, 0, 0, 0, 0, 0, 0 FROM connections c, generate_series(0, :months - 1) m"
)


def handles(count: int) -> list[str]:
    return [f"acme.shop-{number}" for number in range(count)]


@contextmanager
def populated(server_url: str, count: int) -> Iterator[str]:
    """The URL of a migrated database: so many connections, a year of states each, ten due."""
    with made_database(server_url) as name:
        url = named_url(server_url, name)
        migrate(url)
        _fill(url, count)
        yield url


def _fill(url: str, count: int) -> None:
    """With the owner's rights, and statistics as a vacuum would leave them."""
    tenant = new_id(IdPrefix.TENANT)
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(
                insert(Tenant), {"id": tenant, "slug": "acme", "name": "Acme", "created_at": NOW}
            )
            connection.execute(insert(Connection), _rows(tenant, count))
            connection.execute(_STATES, {"months": MONTHS})
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE)"))
    finally:
        engine.dispose()


def _rows(tenant: str, count: int) -> list[dict[str, object]]:
    return [
        {
            "id": new_id(IdPrefix.CONNECTION),
            "tenant_id": tenant,
            "name": handle.partition(".")[2],
            "handle": handle,
            "kind": "sql",
            "settings": {},
            "epoch": 1,
            "schedule": _SCHEDULE.to_json(),
            "due_at": NOW + timedelta(seconds=number - DUE + 1),
            "catalog": {},
            "limits": {},
            "created_at": NOW,
        }
        for number, handle in enumerate(handles(count))
    ]
