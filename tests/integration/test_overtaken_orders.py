"""Orders that a larger one overtakes: they end, know nothing any more, and hold up nobody."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coworker_pipelines.assembly.deleting import NothingHere, deletion_work, deletions
from coworker_pipelines.assembly.erasing import erasure_work, erasures
from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.privacy.deletion.carrying_out import DeletionWork
from coworker_pipelines.privacy.deletion.shutting_out import NoRuns
from coworker_pipelines.privacy.erasure.identifying import read_identifiers
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.orders import OrderState, find_order
from coworker_pipelines.privacy.restore.journal import frontier, last_number
from tests.integration.shop import ORDERS, Shop
from tests.integration.world import World


def test_a_deletion_ends_that_a_larger_one_has_overtaken(world: World, tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop.sqlite", orders=20, products=2)
    handle = world.add_connection(shop.form)
    world.sync(handle, run="before")
    with _opened(world) as (platform, work):
        scope = platform.scope_of(handle)
        tenant = Extent(tenant=scope.tenant)
        stream = Extent(tenant=scope.tenant, connection=scope.connection, stream=ORDERS)
        smaller, larger = _confirmed(world, platform, stream), _confirmed(world, platform, tenant)
        for order in (larger, smaller):
            assert work.carry_out(order, lambda _: None) == OrderState.DONE
        with platform.database.control() as session:
            done = find_order(session, smaller)
            # Of a tenant that is gone, no word stays that somebody wrote.
            assert (done.reason, done.stream, done.detail) == ("", None, None)


def test_an_erasure_ends_with_its_tenant(world: World) -> None:
    tenant = world.add_tenant("gone")
    with _opened(world) as (platform, work):
        control = erasures(platform)
        named = read_identifiers(["email ann@example.org"])
        erasure = control.request(tenant, named, reason="by letter", requested_by="ann")
        control.preview(erasure)
        control.confirm(erasure, typed="gone", same_person=False, confirmed_by="bob")
        erasing = erasure_work(platform, world.settings, sleep=_nobody_sleeps)
        erasing.keep_out(erasure)
        deletion = _confirmed(world, platform, Extent(tenant=tenant), typed="gone")
        work.carry_out(deletion, lambda _: None)
        erasing.carry_out(erasure)
        with platform.database.privacy() as session:
            ended = find_order(session, erasure)
            assert ended.state == OrderState.WITHDRAWN
            assert (ended.reason, ended.sealed, ended.reach, ended.due_at) == ("", None, None, None)
            # Otherwise no copy of Elasticsearch would ever be asked for what was removed since.
            assert frontier(session) == last_number(session)


@contextmanager
def _opened(world: World) -> Iterator[tuple[Platform, DeletionWork]]:
    with world.opened() as platform:
        yield (
            platform,
            deletion_work(
                platform,
                world.settings,
                traces=NothingHere(),
                runs=NoRuns(),
                sleep=_nobody_sleeps,
            ),
        )


def _confirmed(world: World, platform: Platform, extent: Extent, *, typed: str = "acme") -> str:
    control = deletions(platform, world.settings, traces=NothingHere())
    order = control.request(extent, reason="contract ended", requested_by="ann")
    control.preview(order)
    control.confirm(order, typed=typed, confirmed_by="bob")
    return order


def _nobody_sleeps(_: float) -> None:
    """Nobody writes."""
