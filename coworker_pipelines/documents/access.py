"""A connection's own role and key: rights on its indices alone."""

from typing import Any, Final

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import translated
from coworker_pipelines.kernel.scope import Scope

PRIVILEGES: Final = ("read", "write", "maintenance", "view_index_metadata")
"""Documents are read and written and indices refreshed; none is made, closed or deleted."""


def mint_key(client: Elasticsearch, scope: Scope) -> SecretStr:
    """A new key of the connection, as the ``ApiKey`` header wants it; older ones end.

    The role of the same name is for people who look; the key carries its rights itself, and
    can never have more than they.
    """
    rights = _rights(scope)
    with translated():
        revoke_keys(client, scope)
        client.security.put_role(name=names.role(scope), **rights)
        answer = client.security.create_api_key(
            name=names.role(scope),
            role_descriptors={names.role(scope): rights},
            metadata={"connection": scope.connection, "tenant": scope.tenant},
        )
    return SecretStr(answer["encoded"])


def revoke_keys(client: Elasticsearch, scope: Scope) -> None:
    """After this no key of the connection opens anything, and its role is gone."""
    with translated():
        client.options(ignore_status=404).security.invalidate_api_key(name=names.role(scope))
        client.options(ignore_status=404).security.delete_role(name=names.role(scope))


def _rights(scope: Scope) -> dict[str, Any]:
    return {
        "cluster": [],
        "indices": [{"names": [names.connection_pattern(scope)], "privileges": list(PRIVILEGES)}],
    }
