"""All of a connection's data in one hand: of the control plane, or of who carries out orders."""

from collections.abc import Iterator
from contextlib import contextmanager

from elasticsearch import Elasticsearch

from coworker_pipelines.assembly.deployment import Deployment
from coworker_pipelines.assembly.stores import Stores, open_segments, open_stores
from coworker_pipelines.assembly.syncing import Configured, read_configured
from coworker_pipelines.connections.tenants import tenant_keys
from coworker_pipelines.connectors.registry import connector_class
from coworker_pipelines.database.database import Database
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.settings import Settings


@contextmanager
def open_for_removal(deployment: Deployment, settings: Settings, handle: str) -> Iterator[Holdings]:
    """With the rights to remove: as the privacy role, and as our own user of Elasticsearch.

    That user may make no keys, so the connection's stores are entered as it, and not with a key
    of the connection's. ``handle`` may be the connection's id.
    """
    database = deployment.database
    with database.privacy() as session:
        configured = read_configured(session, handle)
        keys = tenant_keys(session, deployment.master, configured.scope.tenant)
    with open_stores(
        configured.scope,
        address=deployment.elasticsearch,
        keys=keys,
        segments=open_segments(settings.segments, configured.scope),
        database=database,
    ) as stores:
        yield holdings_of(
            configured,
            stores,
            database=database,
            admin=deployment.admin,
            replicas=settings.replicas,
        )


def holdings_of(
    configured: Configured,
    stores: Stores,
    *,
    database: Database,
    admin: Elasticsearch,
    replicas: int,
) -> Holdings:
    return Holdings(
        scope=configured.scope,
        kind=configured.kind,
        catalog=configured.catalog,
        connector_class=connector_class(configured.kind),
        subject_key=stores.subject_key,
        database=database,
        segments=stores.segments,
        rejected=stores.rejected,
        reader=stores.reader,
        writer=stores.writer,
        activities=stores.activities,
        admin=admin,
        replicas=replicas,
    )
