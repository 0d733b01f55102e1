"""A connection's own key: rights on its indices alone.

Decided: the rights stand in the key itself. A role of the same name would give nobody anything,
and would be one more thing for each connection that has to be deleted.
"""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from elasticsearch import BadRequestError, Elasticsearch

from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import translated
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret

PRIVILEGES: Final = ("read", "write", "maintenance", "view_index_metadata")
"""Documents are read and written and indices refreshed; none is made, changed or deleted."""


KEY_LIFE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class MintedKey:
    """``value`` as the ``ApiKey`` header wants it."""

    id: str
    value: Secret
    expires_at: datetime


def mint_key(
    client: Elasticsearch,
    scope: Scope,
    *,
    life: timedelta = KEY_LIFE,
    privileges: Sequence[str] = PRIVILEGES,
) -> MintedKey:
    """A further key of the connection, which expires by itself.

    Raises:
        RefusedError: the control plane itself came with an API key.
    """
    rights = {"names": [names.connection_pattern(scope)], "privileges": list(privileges)}
    with translated():
        try:
            answer = client.security.create_api_key(
                name=names.role(scope),
                role_descriptors={names.role(scope): {"cluster": [], "indices": [rights]}},
                metadata={"connection": scope.connection, "tenant": scope.tenant},
                expiration=f"{int(life.total_seconds())}s",
                refresh="true",  # else it answers at the next refresh, a second later
            )
        except BadRequestError as error:
            raise RefusedError(
                "Elasticsearch mints no key for a caller that has only an API key itself: give "
                "the control plane a user and a password."
            ) from error
    return MintedKey(
        id=answer["id"],
        value=Secret(answer["encoded"]),
        expires_at=datetime.fromtimestamp(answer["expiration"] / 1000, UTC),
    )


def revoke_key(client: Elasticsearch, key: MintedKey) -> None:
    with translated():
        client.security.invalidate_api_key(ids=[key.id])


def revoke_keys(
    client: Elasticsearch, scope: Scope, *, but: Secret | None = None, and_before: int = 0
) -> None:
    """After this no key of the connection opens anything, save what is to stay.

    ``but`` is one that stays, and with it so many of those that were minted ``and_before``.
    """
    staying = None if but is None else _id(but)
    with translated():
        found = client.security.get_api_key(name=names.role(scope), active_only=True)
        keys = sorted(found["api_keys"], key=lambda key: key["creation"], reverse=True)
        others = [key["id"] for key in keys if key["id"] != staying]
        if ending := others[and_before:]:
            client.security.invalidate_api_key(ids=ending)


def _id(key: Secret) -> str:
    return b64decode(key.get_secret_value()).decode().partition(":")[0]
