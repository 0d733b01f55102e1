"""Making a tenant: its row, and where its connections' secrets will rest."""

from contextlib import ExitStack
from dataclasses import dataclass

from coworker_pipelines.connections.tenants import add_tenant
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.secrets.store import SecretHouse


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantMaker:
    """The control plane's hands for tenants; ``house`` is told of each before it is there."""

    database: Database
    master: MasterKey
    house: SecretHouse
    clock: Clock

    def make(self, *, slug: str, name: str) -> str:
        """The id of a new tenant; it exists with a place for its secrets, or not at all.

        Raises:
            TenantActionError: the slug is taken or malformed.
        """
        with ExitStack() as undo, self.database.control() as session:
            tenant = add_tenant(session, self.master, slug=slug, name=name, now=self.clock.now())
            tenant_id = tenant.id
            undo.callback(self.house.close, tenant_id)
            self.house.open(tenant_id)
            session.commit()
            undo.pop_all()
        return tenant_id
