"""Two tenants on real servers with something in every place, whose names hold each other."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from dagster import DagsterInstance
from sqlalchemy import select

from coworker_pipelines.assembly.deleting import deletion_work, deletions
from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.cli.syncing import open_instance, run_sync
from coworker_pipelines.connections.connections import find_connection, list_connections
from coworker_pipelines.connections.rejected import RejectedEntry, RejectReason
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.defs.partitions import Span
from coworker_pipelines.defs.traces.remover import TraceRemover
from coworker_pipelines.defs.traces.stopping import InstanceRuns
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.deletion.carrying_out import DeletionWork
from coworker_pipelines.privacy.deletion.deletions import Deletions
from coworker_pipelines.privacy.deletion.record import Progress
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.orders import find_order
from coworker_pipelines.privacy.rows import OrderTarget
from coworker_pipelines.settings import Settings
from coworker_pipelines.syncs.context import Step
from tests.environment import environment_of
from tests.integration.shop import Shop
from tests.integration.world import World

MARCH = Window(2026, 3)
CANARY = "kanarienvogel7f3a"
"""Stands in the records and the settings of the tenant that goes, and nowhere else."""
ORDERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """``goes`` is a tenant with two connections, ``stays`` one whose slug begins alike."""

    world: World
    instance: DagsterInstance
    dagster_url: str
    shop: Shop
    goes: str = "acme"
    stays: str = "acme-corp"
    handles: tuple[str, ...] = ("acme.shop", "acme.shop-2")
    other: str = "acme-corp.shop"
    slept: list[float] = field(default_factory=list)

    @contextmanager
    def deletions(self) -> Iterator[Deletions]:
        with self.platform() as platform:
            yield deletions(platform, self.world.settings, traces=self.traces)

    @contextmanager
    def work(self, sleep: Callable[[float], None] | None = None) -> Iterator[DeletionWork]:
        """Nobody sleeps unless he is told how: what he would have is noted."""
        with self.platform() as platform:
            yield deletion_work(
                platform,
                self.world.settings,
                traces=self.traces,
                runs=InstanceRuns(self.instance),
                sleep=sleep or self.slept.append,
            )

    @contextmanager
    def platform(self) -> Iterator[Platform]:
        with Platform(self.world.settings, clock=SystemClock()) as platform:
            yield platform

    @property
    def traces(self) -> TraceRemover:
        return TraceRemover(self.instance, self.dagster_url)

    def extent(self, what: str, stream: str | None = None) -> Extent:
        with self.platform() as platform, platform.database.control() as session:
            if "." not in what:
                return Extent(tenant=find_tenant(session, what).id)
            found = find_connection(session, what)
            return Extent(tenant=found.tenant_id, connection=found.id, stream=stream)

    def confirmed(self, extent: Extent) -> str:
        """An order that somebody has asked for, looked at and confirmed."""
        with self.deletions() as made:
            order = made.request(extent, reason="contract ended", requested_by="ann")
            made.preview(order)
            made.confirm(order, typed=self.goes, confirmed_by="bob")
        return order

    def carry_out(self, order: str, told: Callable[[Progress], None] = lambda _: None) -> None:
        with self.work() as work:
            work.carry_out(order, told)

    def outcomes(self, order: str) -> dict[str, tuple[int, int, int | None, int | None]]:
        """Matched, deleted and both counts of each target."""
        with self.platform() as platform, platform.database.control() as session:
            rows = session.scalars(select(OrderTarget).where(OrderTarget.order_id == order))
            return {
                row.target: (row.matched, row.deleted, row.left_first, row.left_second)
                for row in rows
            }

    def connection(self, name: str, *, synced: bool = True) -> str:
        """A new connection of the tenant that goes, with something in every place."""
        handle = self.world.add_connection(self.shop.form, tenant=self.goes, name=name)
        if synced:
            self.world.sync(handle, run=f"run of {name}")
            put_aside(self, handle)
        return handle

    def state_of(self, order: str) -> tuple[str, str | None]:
        """The order's state, and what it says of it."""
        with self.platform() as platform, platform.database.control() as session:
            row = find_order(session, order)
            return row.state, row.detail

    def sync(self, handle: str) -> None:
        """Through Dagster, as the command does it."""

        def unwatched(_: Step) -> None:
            pass

        result = run_sync("sql", Span(connection=handle, windows=(MARCH,)), unwatched)
        assert result.success

    def remove_indices(self) -> None:
        with self.platform() as platform, platform.database.control() as session:
            for connection in list_connections(session):
                platform.keys.indices.remove(connection.scope)


@contextmanager
def made_estate(
    folder: Path, settings: Settings, dagster_url: str, *, bare: bool
) -> Iterator[Estate]:
    """The environment has to lead to the same places: Dagster's runs open them by it.

    A ``bare`` one has the tenant that goes, and no connection yet.
    """
    world = World(settings=settings)
    shop = Shop(folder / f"{CANARY}.sqlite", orders=ORDERS, products=5)
    other = Shop(folder / "other.sqlite", orders=ORDERS, products=5)
    with shop.opened() as source:
        source.execute("UPDATE orders SET note = ?", (CANARY,))
    with ExitStack() as stack:
        instance = stack.enter_context(open_instance())
        estate = Estate(world=world, instance=instance, dagster_url=dagster_url, shop=shop)
        world.add_tenant(estate.goes)
        stack.callback(estate.remove_indices)
        if not bare:
            world.add_tenant(estate.stays)
            for handle in (estate.other, *estate.handles):
                tenant, _, name = handle.partition(".")
                form = other.form if handle == estate.other else shop.form
                world.add_connection(form, tenant=tenant, name=name)
                # The one that goes comes last: what Dagster keeps as the latest is then its own.
                estate.sync(handle)
        yield estate


def put_aside(estate: Estate, handle: str) -> None:
    """Something in the places that a sync which ended well leaves empty."""
    with estate.platform() as platform, platform.open_holdings(handle) as holdings:
        for path in ("orders/2026-03-01/manifest.json", "orders/2026-03-01/y0/0.segment"):
            with holdings.segments.write(path) as target:
                target.write(CANARY.encode())
        holdings.rejected.put(
            [
                RejectedEntry(
                    stream="orders",
                    window=MARCH,
                    sync="y0123456789abcde",
                    key=CANARY,
                    reason=RejectReason.TOO_LARGE,
                    detail="too large",
                    payload=CANARY.encode(),
                )
            ]
        )


def rows_naming(url: str, words: tuple[str, ...]) -> dict[str, int]:
    """How many rows of each table hold any of the words in any column, read as text."""
    found: dict[str, int] = {}
    with psycopg.connect(url.replace("+psycopg2", "").replace("+psycopg", "")) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f'SELECT t::text FROM "{table}" t').fetchall()  # noqa: S608
            hits = sum(any(word in text for word in words) for (text,) in rows)
            if hits:
                found[table] = hits
    return found


def tables_in(url: str) -> set[str]:
    with psycopg.connect(url.replace("+psycopg2", "").replace("+psycopg", "")) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in found}


def files_naming(folders: tuple[Path, ...], words: tuple[bytes, ...]) -> list[str]:
    """Files in whose bytes any of the words stands."""
    return sorted(
        str(path)
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and any(word in path.read_bytes() for word in words)
    )


def leading_environment(settings: Settings, folder: Path, dagster_url: str) -> dict[str, str]:
    """All that a process needs to find the same places."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        **environment_of(settings, folder),
        "COWORKER_DAGSTER_DATABASE_URL": dagster_url,
    }


def places_there(estate: Estate, extent: Extent) -> set[str]:
    """Where anything of the extent is, as the registry writes places: asked of every server.

    ``ours`` is what an id stands in: the connection's, or else the tenant's.
    """
    ours = extent.connection or extent.tenant
    with estate.platform() as platform:
        indices = platform.admin.indices.get(
            index=f"cw.{extent.tenant}.*", expand_wildcards="all", features="aliases"
        )
        keys = platform.admin.security.get_api_key(name=f"cw.{extent.tenant}.*", active_only=True)
        references = [
            reference for reference in platform.file_secrets.references() if ours in reference
        ]
        aliases = [alias for found in indices.values() for alias in found["aliases"]]
    state = estate.world.settings.state
    files = [
        f"state:{path.relative_to(state).as_posix()}"
        for path in state.rglob("*")
        if ours in str(path) or (path.is_file() and ours.encode() in path.read_bytes())
    ]
    return {
        *(f"index:{index}" for index in (*indices, *aliases) if ours in index),
        *(f"key:{key['name']}" for key in keys["api_keys"] if ours in key["name"]),
        *(f"secret:{reference}" for reference in references),
        *files,
    }
