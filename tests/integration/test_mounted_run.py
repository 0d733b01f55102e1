"""A run that was given nothing but the mount of its own connection."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from elasticsearch import ApiError

from coworker_pipelines.assembly import RunPlatform
from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.access import DATABASE_PASS, DATABASE_URL
from coworker_pipelines.secrets.references import access_reference, source_reference
from coworker_pipelines.settings import Settings
from tests.integration.shop import Shop
from tests.integration.world import MARCH, NOW, World

ROWS = 200


@pytest.fixture
def runner_url(world: World) -> Iterator[str]:
    """The world's database, for a login that owns nothing and may be a run and no more."""
    owner_url = world.settings.database_url
    assert owner_url is not None
    name = f"runner_{abs(hash(owner_url)):x}"
    with psycopg.connect(owner_url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'runner' IN ROLE coworker_run".encode())
        try:
            yield re.sub(r"//[^@]*@", f"//{name}:runner@", owner_url)
        finally:
            owner.execute(f"DROP ROLE {name}".encode())


def mounted(world: World, handle: str, runner_url: str, folder: Path) -> Settings:
    """What the launcher lays out for a run of the connection, and the settings of its pod."""
    with world.opened() as platform:
        scope = platform.scope_of(handle)
        parts = {
            "source": platform.file_secrets.get(source_reference(scope)),
            "access": platform.file_secrets.get(access_reference(scope))
            | {DATABASE_URL: Secret(runner_url)},
        }
    for part, values in parts.items():
        (folder / part).mkdir(parents=True)
        for name, value in values.items():
            (folder / part / name).write_text(value.get_secret_value(), encoding="utf-8")
            (folder / part / name).chmod(0o400)
    address = world.settings.elasticsearch
    assert address is not None
    return replace(
        world.settings,
        state=folder / "state",
        database_url=None,
        elasticsearch=replace(address, user=None, password=None),
        mount=folder,
    )


def opened(settings: Settings) -> RunPlatform:
    assert settings.mount is not None
    return RunPlatform(settings, settings.mount, clock=FixedClock(NOW))


def test_a_run_syncs_with_its_mount_alone(world: World, runner_url: str, tmp_path: Path) -> None:
    handle = world.add_connection(Shop(tmp_path / "shop.db", orders=ROWS, products=3).form)
    settings = mounted(world, handle, runner_url, tmp_path / "mount")
    with opened(settings) as platform, platform.open_sync(handle, "run", (MARCH,)) as sync:
        for phase in (sync.extract, sync.store, sync.derive):
            for stream in sync.streams:
                phase(stream, MARCH)
            assert platform.balance_of_last_sync(handle, "orders").passed
        assert platform.index_owner(handle, "orders").passed
    world.require_equal_to_source(handle, "orders", "products")


def test_a_run_has_no_way_to_another_tenant(world: World, runner_url: str, tmp_path: Path) -> None:
    form = Shop(tmp_path / "shop.db", orders=ROWS, products=3).form
    own = world.add_connection(form)
    world.add_tenant("acme-corp")
    other = world.add_connection(form, tenant="acme-corp")
    settings = mounted(world, own, runner_url, tmp_path / "mount")
    with world.opened() as control:
        foreign = control.scope_of(other)
        own_access = control.file_secrets.get(access_reference(control.scope_of(own)))
    with opened(settings) as platform:
        with (
            pytest.raises(RefusedError, match=f"given the secrets of {own}"),
            platform.open_sync(other, "run", (MARCH,)),
        ):
            pass
        with pytest.raises(RefusedError, match="not its connection's"):
            platform._secrets.get(access_reference(foreign))
        with (
            pytest.raises(RefusedError, match="pass of one tenant"),
            platform._database.tenant(foreign.tenant),
        ):
            pass
        # And if its code tried: the pass is the other tenant's to give, and the key opens nothing.
        platform._database._passes = lambda _: own_access[DATABASE_PASS]
        with (
            pytest.raises(RefusedError, match="does not open this tenant's rows"),
            platform._database.tenant(foreign.tenant) as session,
        ):
            session.connection()
        address = platform._syncing.elasticsearch
        key = own_access["elasticsearch_api_key"]
        with open_client(replace(address, api_key=key)) as client, pytest.raises(ApiError) as no:
            client.search(index=names.documents_alias(foreign, "orders"))
        assert no.value.status_code == 403


def test_a_run_without_a_mount_says_so(world: World, tmp_path: Path) -> None:
    settings = replace(world.settings, mount=tmp_path / "nothing")
    with (
        opened(settings) as platform,
        pytest.raises(RefusedError, match="nothing is mounted"),
        platform.open_sync("acme.shop", "run", (MARCH,)),
    ):
        pass


def test_a_connection_that_is_gone_is_told(world: World, runner_url: str, tmp_path: Path) -> None:
    handle = world.add_connection(Shop(tmp_path / "shop.db", orders=ROWS, products=3).form)
    settings = mounted(world, handle, runner_url, tmp_path / "mount")
    (tmp_path / "mount" / "access" / "connection").write_text("c" + "0" * 15, encoding="utf-8")
    with (
        opened(settings) as platform,
        pytest.raises(TenantActionError, match="no connection"),
        platform.open_sync(handle, "run", (MARCH,)),
    ):
        pass
