"""A connection with three streams, one for each mode."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from coworker_pipelines.connections.catalogs import catalog_to_json
from coworker_pipelines.connections.connections import add_connection
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.connections.schedules import Schedule
from coworker_pipelines.connections.selections import add_selection
from coworker_pipelines.connections.tenants import add_tenant, find_tenant
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.stream import Catalog, Field, IdentifierKind, Stream, SyncMode
from tests.database_fixtures import MASTER

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
WINDOW = Window.of(NOW)

ORDERS = Stream(
    name="orders",
    fields=(
        Field(name="id", type="integer"),
        Field(name="email", type="string", identifier=IdentifierKind.EMAIL),
        Field(name="note", type="string"),
        Field(name="changed_at", type="string"),
    ),
    primary_key=("id",),
    mode=SyncMode.WINDOW,
    cursor_field="changed_at",
    time_field="changed_at",
    description="What was bought.",
)
EVENTS = Stream(
    name="events",
    fields=(Field(name="number", type="integer"), Field(name="text", type="string")),
    primary_key=("number",),
    mode=SyncMode.SEQUENCE,
    cursor_field="number",
)
SHELVES = Stream(
    name="shelves",
    fields=(Field(name="hall", type="string"), Field(name="row", type="integer")),
    primary_key=("hall", "row"),
    mode=SyncMode.SNAPSHOT,
)
CATALOG = Catalog((ORDERS, EVENTS, SHELVES))
HOURLY = Schedule(interval_s=3600)


def make_shop(database: Database, slug: str = "acme", **changes: Any) -> Scope:
    """A tenant and its connection ``shop``, with all streams selected."""
    with database.control() as session:
        add_tenant(session, MASTER, slug=slug, name=slug.title(), now=NOW)
        return add_shop(session, slug, **changes).scope


def add_shop(session: Session, slug: str = "acme", **changes: Any) -> Connection:
    connection = add_connection(
        session,
        **{
            "tenant": find_tenant(session, slug),
            "name": "shop",
            "kind": "sql",
            "settings": {"host": "localhost"},
            "catalog": catalog_to_json(CATALOG),
            "schedule": HOURLY,
            "now": NOW,
            **changes,
        },
    )
    everything = dict.fromkeys(stream.name for stream in CATALOG)
    add_selection(session, connection, everything, made_by="ann", now=NOW)
    return connection
