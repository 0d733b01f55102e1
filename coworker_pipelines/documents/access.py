"""A connection's own key: rights on its indices alone.

Decided: the rights stand in the key itself. A role of the same name would give nobody anything,
and would be one more thing for each connection that has to be deleted.
"""

from base64 import b64decode
from typing import Final

from elasticsearch import BadRequestError, Elasticsearch

from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import translated
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret

PRIVILEGES: Final = ("read", "write", "maintenance", "view_index_metadata")
"""Documents are read and written and indices refreshed; none is made, changed or deleted."""


def mint_key(client: Elasticsearch, scope: Scope) -> Secret:
    """A further key of the connection, as the ``ApiKey`` header wants it.

    To rotate: mint, store, then ``revoke_keys`` but this one; so no run is ever without a key.

    Raises:
        RefusedError: the control plane itself came with an API key.
    """
    rights = {"names": [names.connection_pattern(scope)], "privileges": list(PRIVILEGES)}
    with translated():
        try:
            answer = client.security.create_api_key(
                name=names.role(scope),
                role_descriptors={names.role(scope): {"cluster": [], "indices": [rights]}},
                metadata={"connection": scope.connection, "tenant": scope.tenant},
                refresh="true",  # else it answers at the next refresh, a second later
            )
        except BadRequestError as error:
            raise RefusedError(
                "Elasticsearch mints no key for a caller that has only an API key itself: give "
                "the control plane a user and a password."
            ) from error
    return Secret(answer["encoded"])


def revoke_keys(client: Elasticsearch, scope: Scope, *, but: Secret | None = None) -> None:
    """After this no key of the connection opens anything, save the one that is to stay."""
    staying = None if but is None else _id(but)
    with translated():
        found = client.security.get_api_key(name=names.role(scope), active_only=True)
        ending = [key["id"] for key in found["api_keys"] if key["id"] != staying]
        if ending:
            client.security.invalidate_api_key(ids=ending)


def _id(key: Secret) -> str:
    return b64decode(key.get_secret_value()).decode().partition(":")[0]
