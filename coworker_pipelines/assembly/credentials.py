"""How one connection's data is entered: with its own key, or with one for a short visit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from elasticsearch import Elasticsearch

from coworker_pipelines.connections.tenants import tenant_keys
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents.access import mint_key
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.provisioning.access import Access
from coworker_pipelines.secrets.keys import MasterKey, TenantKeys
from coworker_pipelines.secrets.references import access_reference, source_reference
from coworker_pipelines.secrets.store import SecretReader

VISIT: Final = timedelta(minutes=15)
"""The life of a key that the control plane mints for itself where it cannot read a connection's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """One connection's way into Elasticsearch, and its tenant's keys."""

    api_key: Secret
    keys: TenantKeys


def own_credentials(reader: SecretReader, scope: Scope) -> Credentials:
    access = Access.of(reader.get(access_reference(scope)))
    return Credentials(api_key=access.elasticsearch_api_key, keys=access.keys)


def minted_credentials(
    database: Database, master: MasterKey, admin: Elasticsearch, scope: Scope
) -> Credentials:
    """With a key that expires by itself within ``VISIT``."""
    with database.control() as session:
        keys = tenant_keys(session, master, scope.tenant)
    return Credentials(api_key=mint_key(admin, scope, life=VISIT).value, keys=keys)


def source_secrets(reader: SecretReader | None, scope: Scope) -> Mapping[str, Secret]:
    """What a connection's source wants.

    Raises:
        RefusedError: whoever writes secrets here cannot read them.
    """
    if reader is None:
        raise RefusedError(
            "The control plane cannot read the secrets of connections: launch the sync, and "
            "it runs inside the cluster."
        )
    return reader.get(source_reference(scope))
