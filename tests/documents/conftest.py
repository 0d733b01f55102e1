"""A connection of its own for each test, on a real node."""

from collections.abc import Iterator

import pytest
from elasticsearch import Elasticsearch

from coworker_pipelines.documents.client import open_client
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.documents.place import Place, made_place


@pytest.fixture(scope="session")
def admin(elasticsearch_address: ElasticsearchAddress) -> Iterator[Elasticsearch]:
    """The control plane's client."""
    with open_client(elasticsearch_address) as client:
        yield client


@pytest.fixture
def place(admin: Elasticsearch, elasticsearch_address: ElasticsearchAddress) -> Iterator[Place]:
    """A connection with indices, a key, a reader and an endpoint."""
    with made_place(admin, elasticsearch_address) as made:
        yield made
