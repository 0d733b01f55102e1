"""A backup that is put back is neither read nor written before what was ordered since is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.privacy.receipts.book import all_receipts
from coworker_pipelines.privacy.receipts.signing import PublicKeys
from coworker_pipelines.privacy.receipts.verify import verify
from coworker_pipelines.privacy.restore.replay import Replayed, replay
from coworker_pipelines.settings import Settings
from tests.database_fixtures import made_database, named_url
from tests.integration.erasing import Erasing, replaying
from tests.integration.shop import ORDERS, Shop
from tests.integration.test_retention import hold, keep, release, sweep
from tests.integration.world import NOW, World

ANN, BOB = "person7@example.org", "person8@example.org"
OF_ANN, OF_BOB = {"7", "407"}, {"8", "408"}
PUT_BACK = {
    "elasticsearch": "Elasticsearch was put back to an earlier state",
    "database": "The database was put back to an earlier state",
    "both": "The database was put back to an earlier state",
}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop.sqlite", orders=500, products=5)


@pytest.mark.parametrize("what", PUT_BACK)
def test_a_copy_from_before_an_order_is_served_only_when_the_order_was_done_again(
    world: World, shop: Shop, what: str
) -> None:
    erasing = Erasing(world=world, handle=world.add_connection(shop.form), stream=ORDERS)
    world.sync(erasing.handle, run="first")
    erasing.erase("o1", ANN)
    with _backup(world) as backup, _snapshot(world, erasing.handle) as put_back:
        erasing.erase("o2", BOB)
        _require(world, erasing.handle, OF_ANN | OF_BOB)
        if what != "database":
            put_back()
        restored = world if what == "elasticsearch" else replace(world, settings=backup)
        _require_closed(restored, erasing.handle, PUT_BACK[what])
        again = replace(erasing, world=restored)
        told: list[Replayed] = []
        with replaying(restored, again) as (platform, replayers):
            replay(platform.safeguards.instance, replayers, now=NOW, tell=told.append)
            platform.safeguards.require_current()
        assert [str(one.kind) for one in told] == ["erasure", "suppression", "receipt"]
        _require(restored, erasing.handle, OF_ANN | OF_BOB)
        shop.change("UPDATE orders SET amount = amount + 1, updated_at = '2026-03-19 10:00:00'")
        restored.sync(erasing.handle, run="after")
        _require(restored, erasing.handle, OF_ANN | OF_BOB)
        _require_one_chain(restored, again)


def test_a_replay_that_was_killed_is_gone_on_with(world: World, shop: Shop) -> None:
    erasing = Erasing(world=world, handle=world.add_connection(shop.form), stream=ORDERS)
    world.sync(erasing.handle, run="first")
    with _backup(world) as backup:
        erasing.erase("o1", ANN)
        restored = replace(world, settings=backup)
        again = replace(erasing, world=restored)

        def die(_: Replayed) -> None:
            raise KeyboardInterrupt

        with replaying(restored, again) as (platform, replayers):
            with pytest.raises(KeyboardInterrupt):
                replay(platform.safeguards.instance, replayers, now=NOW, tell=die)
            with pytest.raises(RefusedError, match="put back"):
                platform.safeguards.require_current()
            assert replay(platform.safeguards.instance, replayers, now=NOW, tell=print) == 2
            platform.safeguards.require_current()
            assert replay(platform.safeguards.instance, replayers, now=NOW, tell=print) == 0


def test_an_entry_that_nobody_can_carry_out_keeps_it_closed(world: World, shop: Shop) -> None:
    erasing = Erasing(world=world, handle=world.add_connection(shop.form), stream=ORDERS)
    world.sync(erasing.handle, run="first")
    with _backup(world) as backup:
        erasing.erase("o1", ANN)
        restored = replace(world, settings=backup)
        with restored.opened() as platform:
            safeguards = platform.safeguards
            with pytest.raises(RefusedError, match="Nobody here carries out"):
                replay(safeguards.instance, safeguards.replayers, now=NOW, tell=print)
        _require_closed(restored, erasing.handle, PUT_BACK["database"])


def test_without_orders_nothing_is_closed(world: World, shop: Shop) -> None:
    handle = world.add_connection(shop.form)
    world.sync(handle, run="first")
    with _backup(world) as backup:
        world.sync(handle, run="second")
        replace(world, settings=backup).sync(handle, run="third")


def test_a_hold_that_was_placed_after_the_backup_keeps_its_documents_from_a_sweep(
    world: World, shop: Shop
) -> None:
    handle = world.add_connection(shop.form)
    world.sync(handle, run="first")
    keep(world, handle, days=1)
    before = world.stored(handle, ORDERS)
    with _backup(world) as backup:
        hold(world, handle, until=datetime(2026, 3, 10, 12, tzinfo=UTC))
        restored = replace(world, settings=backup)
        _require_closed(restored, handle, PUT_BACK["database"])
        with pytest.raises(RefusedError, match=PUT_BACK["database"]):
            sweep(restored, handle)
        with pytest.raises(RefusedError, match=PUT_BACK["database"]):
            hold(restored, handle)
        assert world.stored(handle, ORDERS) == before
        assert _replayed(restored) == ["hold"]
        swept = sweep(restored, handle)[ORDERS]
        held = restored.stored(handle, ORDERS)
    assert held == {
        key: document
        for key, document in before.items()
        if document.occurred_at is not None and document.occurred_at < "2026-03-10T12"
    }
    assert (swept.held, swept.deleted) == (len(held), len(before) - len(held))
    assert 0 < len(held) < len(before)


def test_a_sweep_goes_by_what_was_released_and_set_after_the_backup(
    world: World, shop: Shop
) -> None:
    handle = world.add_connection(shop.form)
    world.sync(handle, run="first")
    keep(world, handle, days=900)
    placed = hold(world, handle)
    with _backup(world) as backup:
        release(world, placed)
        keep(world, handle, days=10)
        restored = replace(world, settings=backup)
        assert _replayed(restored) == ["release", "policy"]
        swept = sweep(restored, handle)[ORDERS]
        left = restored.stored(handle, ORDERS).values()
    assert (swept.held, str(swept.policy)) == (0, "10 days from event")
    assert left
    assert all((document.occurred_at or "") >= "2026-03-10T12" for document in left)


def _replayed(world: World) -> list[str]:
    told: list[Replayed] = []
    with world.opened() as platform:
        safeguards = platform.safeguards
        replay(safeguards.instance, safeguards.replayers, now=NOW, tell=told.append)
        safeguards.require_current()
    return [str(one.kind) for one in told]


def _require(world: World, handle: str, gone: set[str]) -> None:
    assert world.stored(handle, ORDERS).keys() == {str(n) for n in range(500)} - gone


def _require_closed(world: World, handle: str, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence):
        world.stored(handle, ORDERS)
    with pytest.raises(RefusedError, match=sentence):
        world.sync(handle, run="closed")


def _require_one_chain(world: World, erasing: Erasing) -> None:
    """The receipts are those from before, and the next one follows them."""
    assert erasing.erase("o3", "person9@example.org").number == 3
    with world.opened() as platform, platform.database.control() as session:
        export = b"".join(receipt.line() for receipt in all_receipts(session))
        keys = PublicKeys.of(platform.safeguards.receipts.key.public_pem())
    verified = verify(export, keys)
    assert (verified.last, verified.from_beginning) == (3, True)


@contextmanager
def _backup(world: World) -> Iterator[Settings]:
    """Settings that name a copy of the database as it is now."""
    url = str(world.settings.database_url)
    name = url.partition("?")[0].rpartition("/")[2]
    with made_database(url, name) as copy:
        yield replace(world.settings, database_url=named_url(url, copy))


@contextmanager
def _snapshot(world: World, handle: str) -> Iterator[Callable[[], None]]:
    """Takes a snapshot of all that is ours, and yields what puts it back."""
    with world.opened() as platform:
        scope = platform.scope_of(handle)
        patterns = f"cw.{scope.tenant}.*,cw.instance.{platform.safeguards.deployment_name}"
        client: Elasticsearch = platform.admin
        repository = f"r-{scope.connection}"
        client.snapshot.create_repository(
            name=repository, repository={"type": "fs", "settings": {"location": repository}}
        )
        client.snapshot.create(
            repository=repository,
            snapshot="before",
            indices=patterns,
            include_global_state=False,
            wait_for_completion=True,
        )

        def put_back() -> None:
            found = client.indices.get(index=patterns, filter_path="*.settings.index.uuid")
            client.indices.delete(index=list(found))
            client.snapshot.restore(
                repository=repository,
                snapshot="before",
                indices=patterns,
                include_global_state=False,
                wait_for_completion=True,
            )

        try:
            yield put_back
        finally:
            client.snapshot.delete(repository=repository, snapshot="before")
            client.snapshot.delete_repository(name=repository)
