"""All our components at work, and a source for them, for the modules that ask for both."""

from collections.abc import Iterator

import pytest

from coworker_pipelines.cluster.names import CONTROL_PLANE
from coworker_pipelines.cluster.rights import Account
from coworker_pipelines.services.local import Endpoints
from tests.cluster.components import deployed
from tests.cluster.control_plane import ControlPlane
from tests.cluster.deployed import Deployed
from tests.cluster.logins import made_logins
from tests.cluster.source import Orders
from tests.database_fixtures import made_database, named_url


@pytest.fixture(scope="module")
def world(
    control_plane: ControlPlane,
    control_plane_account: Account,
    endpoints: Endpoints,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployed]:
    """All our components, and two tenants without connections."""
    assert control_plane_account.name == CONTROL_PLANE
    folder = tmp_path_factory.mktemp("deployed")
    with deployed(control_plane, endpoints, migrated_template, folder) as running:
        for slug in ("acme", "rival"):
            running.coworker("tenants", "add", slug)
        yield running


@pytest.fixture
def orders(endpoints: Endpoints) -> Iterator[Orders]:
    """A source of the test's own."""
    with (
        made_database(endpoints.database_url) as name,
        made_logins(named_url(endpoints.database_url, name)) as logins,
    ):
        yield Orders(logins)
