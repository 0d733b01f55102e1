"""A connection's part of Elasticsearch: its indices, its aliases and its key."""

from collections.abc import Sequence
from dataclasses import dataclass

from elasticsearch import Elasticsearch

from coworker_pipelines.activities.mapping import ACTIVITY_PROPERTIES
from coworker_pipelines.documents.access import MintedKey, mint_key, revoke_key, revoke_keys
from coworker_pipelines.documents.indices import (
    create_activities_index,
    create_documents_index,
    delete_connection_indices,
)
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionIndices:
    """With the control plane's rights, which no run has."""

    client: Elasticsearch
    replicas: int

    def make(self, scope: Scope, streams: Sequence[str]) -> None:
        """After this every stream has its index and alias, and the connection its activities'."""
        for stream in streams:
            create_documents_index(self.client, scope, stream, replicas=self.replicas)
        create_activities_index(self.client, scope, ACTIVITY_PROPERTIES, replicas=self.replicas)

    def mint_key(self, scope: Scope) -> MintedKey:
        return mint_key(self.client, scope)

    def revoke_key(self, key: MintedKey) -> None:
        revoke_key(self.client, key)

    def revoke_others(self, scope: Scope, key: Secret, *, also_the_one_before: bool) -> None:
        """After this the connection has this key, and the one before it if that may stay."""
        revoke_keys(self.client, scope, but=key, and_before=0 if also_the_one_before else 1)

    def remove(self, scope: Scope) -> None:
        """After this the connection has no key, no role and no index."""
        revoke_keys(self.client, scope)
        delete_connection_indices(self.client, scope)
