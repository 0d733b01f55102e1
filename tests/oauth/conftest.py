from collections.abc import Iterator

import pytest

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.secrets.store import MemorySecretStore
from tests.oauth.authorization_server import AuthorizationServer, authorization_server
from tests.oauth.house import House


@pytest.fixture(scope="session")
def server() -> Iterator[AuthorizationServer]:
    """Strict: a refresh token is good once, and using it again ends its grant."""
    with authorization_server() as running:
        yield running


@pytest.fixture
def house(database: Database) -> House:
    return House(database=database, secrets=MemorySecretStore(), clock=SystemClock())
