"""Estates on real servers, and the environment that leads to each."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.local import Endpoints
from coworker_pipelines.settings import BucketAddress, Settings
from tests.database_fixtures import made_database, named_url
from tests.privacy.bucket import Bucket
from tests.privacy.deletion.estate import Estate, leading_environment, made_estate


@pytest.fixture
def estate(
    tmp_path: Path,
    endpoints: Endpoints,
    migrated_template: str,
    elasticsearch_address: ElasticsearchAddress,
) -> Iterator[Estate]:
    """Of a test's own: two tenants whose connections were synced through Dagster."""
    with _estate(tmp_path, endpoints, migrated_template, elasticsearch_address) as made:
        yield made


@pytest.fixture(scope="module")
def shared_estate(
    tmp_path_factory: pytest.TempPathFactory,
    endpoints: Endpoints,
    migrated_template: str,
    elasticsearch_address: ElasticsearchAddress,
) -> Iterator[Estate]:
    """Of a module: each of its tests takes a connection of its own away."""
    folder = tmp_path_factory.mktemp("estate")
    with _estate(folder, endpoints, migrated_template, elasticsearch_address, bare=True) as made:
        yield made


@pytest.fixture
def estate_in_a_bucket(
    tmp_path: Path,
    endpoints: Endpoints,
    migrated_template: str,
    elasticsearch_address: ElasticsearchAddress,
    bucket: Bucket,
) -> Iterator[Estate]:
    """A bare one whose segments rest in a bucket."""
    with _estate(
        tmp_path,
        endpoints,
        migrated_template,
        elasticsearch_address,
        bare=True,
        segments=bucket.address,
    ) as made:
        yield made


@contextmanager
def _estate(
    folder: Path,
    endpoints: Endpoints,
    template: str,
    address: ElasticsearchAddress,
    *,
    bare: bool = False,
    segments: BucketAddress | None = None,
) -> Iterator[Estate]:
    server = endpoints.database_url
    with (
        made_database(server, template) as ours,
        made_database(server) as dagsters,
        pytest.MonkeyPatch.context() as patch,
    ):
        settings = Settings(
            state=folder / "state",
            database_url=named_url(server, ours),
            elasticsearch=address,
            segments=segments or folder / "state" / "segments",
        )
        dagster_url = named_url(server, dagsters).replace("+psycopg", "+psycopg2")
        environment = leading_environment(settings, folder / "environment", dagster_url)
        for name, value in environment.items():
            patch.setenv(name, value)
        with made_estate(folder, settings, dagster_url, bare=bare) as made:
            yield made
