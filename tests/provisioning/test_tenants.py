"""A tenant exists whole, with keys and a place for its secrets, or not at all."""

import pytest
from sqlalchemy import select

from coworker_pipelines.connections.rows import Tenant
from coworker_pipelines.connections.tenants import find_tenant, tenant_keys
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import (
    TenantActionError,
)
from coworker_pipelines.secrets.store import (
    MemorySecretStore,
    OpenHouse,
    SecretHouse,
)
from tests.database_fixtures import MASTER
from tests.provisioning.office import FullDiskError, tenant_maker


def test_tenants_have_keys_of_their_own(database: Database) -> None:
    maker = tenant_maker(database, OpenHouse(MemorySecretStore()))
    tenants = [maker.make(slug=slug, name=slug) for slug in ("acme", "acme-corp")]
    with database.control() as session:
        found = [tenant_keys(session, MASTER, tenant) for tenant in tenants]
        again = [tenant_keys(session, MASTER, tenant) for tenant in tenants]
    assert found == again
    assert len({key for keys in found for key in (keys.subject, keys.data)}) == 4
    assert {len(keys.subject) for keys in found} == {len(keys.data) for keys in found} == {32}
    assert MASTER.database_pass(tenants[0]) != MASTER.database_pass(tenants[1])


class BrokenHouse(SecretHouse):
    """Has no room; what was let in until then is listed."""

    def __init__(self) -> None:
        self.tenants: set[str] = set()

    def open(self, tenant: str) -> None:
        self.tenants.add(tenant)
        raise FullDiskError

    def close(self, tenant: str) -> None:
        self.tenants.remove(tenant)


def test_a_tenant_without_a_place_for_its_secrets_is_not_there(database: Database) -> None:
    house = BrokenHouse()
    with pytest.raises(FullDiskError):
        tenant_maker(database, house).make(slug="acme", name="Acme")
    assert _tenants(database) == []
    assert not house.tenants


@pytest.mark.parametrize(
    ("slug", "sentence"), (("acme", "There is a tenant 'acme' already"), ("Acme", "is no name"))
)
def test_a_tenant_that_cannot_be_made_changes_nothing(
    database: Database, slug: str, sentence: str
) -> None:
    maker = tenant_maker(database, OpenHouse(MemorySecretStore()))
    maker.make(slug="acme", name="Acme")
    with pytest.raises(TenantActionError, match=sentence):
        maker.make(slug=slug, name="Another")
    assert _tenants(database) == ["acme"]
    with database.control() as session:
        assert find_tenant(session, "acme").name == "Acme"


def _tenants(database: Database) -> list[str]:
    with database.control() as session:
        return list(session.scalars(select(Tenant.slug)))
