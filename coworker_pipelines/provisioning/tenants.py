"""Making a tenant: its row, and the two keys that only its own data is worked with."""

import secrets as random
from contextlib import ExitStack

from coworker_pipelines.connections.tenants import add_tenant as add_tenant_row
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.store import SecretStore

SUBJECT_KEY = "subject_key"
DATA_KEY = "data_key"
_KEY_BYTES = 32


def tenant_reference(tenant_id: str) -> str:
    """Where the tenant's keys rest in the secret store."""
    return f"tenant/{tenant_id}"


def make_tenant(
    database: Database, store: SecretStore, clock: Clock, *, slug: str, name: str
) -> str:
    """The id of a new tenant; it exists with both keys or not at all.

    Raises:
        TenantActionError: the slug is taken or malformed.
    """
    with ExitStack() as undo, database.control() as session:
        tenant_id = add_tenant_row(session, slug=slug, name=name, now=clock.now()).id
        undo.callback(store.delete, tenant_reference(tenant_id))
        # The keys come before the commit: a tenant without keys could not take in anything,
        # keys without a tenant open nothing.
        store.put(
            tenant_reference(tenant_id),
            {key: Secret(random.token_hex(_KEY_BYTES)) for key in (SUBJECT_KEY, DATA_KEY)},
        )
        session.commit()
        undo.pop_all()
    return tenant_id


def tenant_keys(store: SecretStore, tenant_id: str) -> tuple[bytes, bytes]:
    """The tenant's subject key and data key, 32 bytes each."""
    values = store.get(tenant_reference(tenant_id))
    return (
        bytes.fromhex(values[SUBJECT_KEY].get_secret_value()),
        bytes.fromhex(values[DATA_KEY].get_secret_value()),
    )
