"""The control plane's client of a real node."""

from collections.abc import Iterator

import pytest
from elasticsearch import Elasticsearch

from coworker_pipelines.documents.client import open_client
from coworker_pipelines.services.address import ElasticsearchAddress


@pytest.fixture(scope="session")
def admin(elasticsearch_address: ElasticsearchAddress) -> Iterator[Elasticsearch]:
    with open_client(elasticsearch_address) as client:
        yield client
