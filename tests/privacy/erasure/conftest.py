"""A world for each test, with people in it."""

from pathlib import Path

import pytest

from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.settings import Settings
from tests.integration.world import World
from tests.privacy.erasure.people import Office


@pytest.fixture
def office(
    tmp_path: Path, migrated_url: str, elasticsearch_address: ElasticsearchAddress
) -> Office:
    """A platform with the tenant ``acme``, whose colleagues write commits."""
    world = World(
        settings=Settings(
            state=tmp_path / "state",
            database_url=migrated_url,
            elasticsearch=elasticsearch_address,
            segments=tmp_path / "state" / "segments",
        )
    )
    return Office(world=world, tenant=world.add_tenant("acme"), folder=tmp_path)
