"""Every name in Elasticsearch, and the only place that puts one together.

``cw.<tenant>.<connection>.documents.<stream>.e<epoch>`` is an index; the alias through which
it is written and read is the same name with ``alias`` before the epoch. The epoch is in both:
a writer that started before it was raised writes to a name that is gone.
"""

from typing import Final

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.ids import IdPrefix, is_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.slug import stream_slug

PREFIX: Final = "cw"


def documents_index(scope: Scope, stream: str) -> str:
    return f"{_root(scope)}.documents.{stream_slug(stream)}.e{scope.epoch}"


def documents_alias(scope: Scope, stream: str) -> str:
    return f"{_root(scope)}.documents.{stream_slug(stream)}.alias.e{scope.epoch}"


def activities_index(scope: Scope) -> str:
    return f"{_root(scope)}.activities.e{scope.epoch}"


def activities_alias(scope: Scope) -> str:
    return f"{_root(scope)}.activities.alias.e{scope.epoch}"


def instance_index(deployment: str) -> str:
    """No tenant's: it holds one number, by which a cluster shows that it was put back."""
    return f"{PREFIX}.instance.{deployment}"


def connection_pattern(scope: Scope) -> str:
    """Matches every index and alias of the connection, and nothing of any other.

    Ids have one length and no dot, so the dot behind the connection's id closes the pattern.
    """
    return f"{_root(scope)}.*"


def tenant_pattern(tenant: str) -> str:
    """Matches every index, alias and key of the tenant, and nothing of any other."""
    return f"{_tenant_root(tenant)}.*"


def pattern_of(tenant: str, connection: str | None, stream: str | None) -> str:
    """Matches all of a tenant, all of a connection, or one stream's documents in every epoch."""
    if connection is None:
        return tenant_pattern(tenant)
    root = _root(Scope(tenant=tenant, connection=connection, epoch=1))
    return f"{root}.*" if stream is None else f"{root}.documents.{stream_slug(stream)}.*"


def holds_documents(index: str) -> bool:
    return index.split(".")[3:4] == ["documents"]


def role(scope: Scope) -> str:
    """The name of the connection's API key, and of the role inside it."""
    return _root(scope)


def _root(scope: Scope) -> str:
    root = _tenant_root(scope.tenant)
    if not is_id(scope.connection, IdPrefix.CONNECTION):
        raise DefectError("A name in Elasticsearch was asked for with an id that is none.")
    return f"{root}.{scope.connection}"


def _tenant_root(tenant: str) -> str:
    if not is_id(tenant, IdPrefix.TENANT):
        raise DefectError("A name in Elasticsearch was asked for with an id that is none.")
    return f"{PREFIX}.{tenant}"
