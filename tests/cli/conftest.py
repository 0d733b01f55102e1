"""The program, run in this process against a platform with a tenant and a synced connection."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from coworker_pipelines.cli.main import app, run
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.local import Endpoints
from coworker_pipelines.settings import Settings
from tests.database_fixtures import made_database, named_url
from tests.integration.shop import Shop
from tests.integration.world import World

HANDLE = "acme.shop"
WHY = ("--reason", "a test of ours")
LARGE = 10 * 2**20 + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


Coworker = Callable[..., Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocked:
    """``environment`` leads the program to the world."""

    world: World
    shop: Shop
    environment: Mapping[str, str]


@pytest.fixture(scope="module")
def stocked(
    endpoints: Endpoints,
    migrated_template: str,
    elasticsearch_address: ElasticsearchAddress,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stocked]:
    """A tenant whose shop was synced; three of its orders were rejected."""
    folder = tmp_path_factory.mktemp("cli")
    with made_database(endpoints.database_url, migrated_template) as name:
        world = World(
            settings=Settings(
                state=folder / "state",
                database_url=named_url(endpoints.database_url, name),
                elasticsearch=elasticsearch_address,
                segments=folder / "segments",
            )
        )
        shop = Shop(folder / "shop.sqlite", orders=60, products=5)
        with shop.opened() as source:
            source.execute("UPDATE orders SET note = ? WHERE id < 3", ("x" * LARGE,))
        world.add_tenant("acme")
        handle = world.add_connection(shop.form)
        assert handle == HANDLE
        world.sync(handle, run="first")
        yield Stocked(world=world, shop=shop, environment=_environment(folder, world.settings))
        world.remove(handle)


@pytest.fixture
def coworker(
    stocked: Stocked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Coworker:
    """Runs the program with arguments, as a shell would, and says how that ended."""
    for name, value in stocked.environment.items():
        monkeypatch.setenv(name, value)
    return running_here(capsys)


def running_here(capsys: pytest.CaptureFixture[str]) -> Coworker:
    """The program in this process; it finds its platform by the environment."""

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        try:
            status = run(partial(app, args=arguments))
        except SystemExit as end:
            status = int(end.code or 0)
        written = capsys.readouterr()
        return Outcome(status=status, out=written.out, err=written.err)

    return call


def _environment(folder: Path, settings: Settings) -> dict[str, str]:
    address = settings.elasticsearch
    assert address is not None
    assert address.password is not None
    password = folder / "password"
    password.write_text(address.password.get_secret_value(), encoding="utf-8")
    return {
        "COWORKER_STATE": str(settings.state),
        "COWORKER_SEGMENTS": str(settings.segments),
        "COWORKER_DATABASE_URL": str(settings.database_url),
        "COWORKER_ELASTICSEARCH_URL": address.url,
        "COWORKER_ELASTICSEARCH_USER": str(address.user),
        "COWORKER_ELASTICSEARCH_PASSWORD_FILE": str(password),
    }
