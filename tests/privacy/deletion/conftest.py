"""An estate for each test, and the environment that leads to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.settings import Settings
from tests.privacy.deletion.estate import Estate, environment_of, made_estate


@pytest.fixture
def estate(
    tmp_path: Path,
    migrated_url: str,
    database_url: str,
    elasticsearch_address: ElasticsearchAddress,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Estate]:
    settings = Settings(
        state=tmp_path / "state",
        database_url=migrated_url,
        elasticsearch=elasticsearch_address,
        segments=tmp_path / "state" / "segments",
    )
    dagster_url = database_url.replace("+psycopg", "+psycopg2")
    for name, value in environment_of(settings, tmp_path, dagster_url).items():
        monkeypatch.setenv(name, value)
    with made_estate(tmp_path, settings, dagster_url) as made:
        yield made
