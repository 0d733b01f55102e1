"""An office for each test; what it made in Elasticsearch is removed after it."""

from collections.abc import Iterator

import psycopg
import pytest
from elasticsearch import Elasticsearch

from coworker_pipelines.database.database import Database
from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.access import RunAddresses
from coworker_pipelines.provisioning.connections import ConnectionMaker, ConnectionOrder
from coworker_pipelines.provisioning.indices import ConnectionIndices
from coworker_pipelines.provisioning.keys import KeyMaker
from coworker_pipelines.secrets.store import (
    MemorySecretStore,
    OpenHouse,
)
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.database_fixtures import MASTER
from tests.provisioning.office import CLOCK, STREAMS, Office, tenant_maker


@pytest.fixture(scope="module")
def admin(elasticsearch_address: ElasticsearchAddress) -> Iterator[Elasticsearch]:
    with open_client(elasticsearch_address) as client:
        yield client


@pytest.fixture
def office(
    database: Database,
    database_url: str,
    admin: Elasticsearch,
    elasticsearch_address: ElasticsearchAddress,
) -> Iterator[Office]:
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as source:
        for stream in STREAMS:
            source.execute(f"CREATE TABLE {stream} (id integer PRIMARY KEY)".encode())
    store = MemorySecretStore()
    tenant = tenant_maker(database, OpenHouse(store)).make(slug="acme", name="Acme Ltd")
    keys = KeyMaker(
        database=database,
        secrets=store,
        indices=ConnectionIndices(client=admin, replicas=0),
        master=MASTER,
        clock=CLOCK,
        addresses=RunAddresses(),
    )
    maker = ConnectionMaker(database=database, keys=keys, reader=store, clock=CLOCK)
    user, _, rest = database_url.removeprefix("postgresql+psycopg://").partition("@")
    name, _, password = user.partition(":")
    order = ConnectionOrder(
        tenant="acme",
        name="shop",
        kind="sql",
        form={"url": f"postgresql://{name}@{rest}", "password": Secret(password)},
        schedule=None,
        streams=None,
        ordered_by="ann",
    )
    made = Office(
        maker=maker,
        store=store,
        address=elasticsearch_address,
        tenant=tenant,
        order=order,
        password=password,
    )
    yield made
    for index in made.indices():
        admin.indices.delete(index=index)
    admin.security.invalidate_api_key(name=f"{names.PREFIX}.{tenant}.*")
