"""A world for each test."""

from pathlib import Path

import pytest

from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.settings import Settings
from tests.integration.world import World


@pytest.fixture
def world(tmp_path: Path, migrated_url: str, elasticsearch_address: ElasticsearchAddress) -> World:
    """A platform with the tenant ``acme`` in it."""
    made = World(
        settings=Settings(
            state=tmp_path / "state",
            database_url=migrated_url,
            elasticsearch=elasticsearch_address,
            segments=tmp_path / "segments",
        )
    )
    made.add_tenant("acme")
    return made
