"""Making and removing a connection's indices: the control plane's work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from elasticsearch import BadRequestError, Elasticsearch

from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import translated
from coworker_pipelines.documents.mapping import DOCUMENT_PROPERTIES, index_body
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.scope import Scope

SHARDS_PER_NODE_DEFAULT: Final = 1_000
"""Elasticsearch's own limit where none is set."""
_SHARDS_PER_NODE: Final = "cluster.max_shards_per_node"
_EXISTS: Final = "resource_already_exists_exception"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStatistics:
    """``deleted`` documents still take their bytes, until they are merged away."""

    documents: int
    deleted: int
    stored_bytes: int


def create_documents_index(
    client: Elasticsearch, scope: Scope, stream: str, *, replicas: int
) -> None:
    """After this the stream has its index and its alias, whether it had them before or not.

    Raises:
        RefusedError: the cluster has no room for another index.
    """
    _create(
        client,
        names.documents_index(scope, stream),
        names.documents_alias(scope, stream),
        DOCUMENT_PROPERTIES,
        replicas,
    )


def create_activities_index(
    client: Elasticsearch, scope: Scope, properties: Mapping[str, Any], *, replicas: int
) -> None:
    """After this the connection has the index and alias of its activities.

    One that is there learns the fields that it lacks, for what is written from now on.
    """
    _create(
        client,
        names.activities_index(scope),
        names.activities_alias(scope),
        dict(properties),
        replicas,
    )


def delete_stream_index(client: Elasticsearch, scope: Scope, stream: str) -> None:
    """After this the stream has no documents, and nowhere to write any; bytes go at once."""
    with translated():
        client.indices.delete(index=names.documents_index(scope, stream), ignore_unavailable=True)


def delete_connection_indices(client: Elasticsearch, scope: Scope) -> None:
    """After this the connection has no index in any epoch."""
    with translated():
        found = client.indices.get(
            index=names.connection_pattern(scope), expand_wildcards="all", features="aliases"
        )
        for name in found:
            client.indices.delete(index=name, ignore_unavailable=True)


def stream_statistics(client: Elasticsearch, scope: Scope, stream: str) -> IndexStatistics:
    """What the stream's index holds, as of its last refresh."""
    with translated():
        answer = client.indices.stats(
            index=names.documents_index(scope, stream), metric=["docs", "store"]
        )
    primaries = answer["_all"]["primaries"]
    return IndexStatistics(
        documents=primaries["docs"]["count"],
        deleted=primaries["docs"]["deleted"],
        stored_bytes=primaries["store"]["size_in_bytes"],
    )


def _create(
    client: Elasticsearch, index: str, alias: str, properties: dict[str, Any], replicas: int
) -> None:
    with translated():
        if client.indices.exists_alias(name=alias):
            client.indices.put_mapping(index=alias, properties=properties)
            return
        shard_budget(client).refuse_over(1 + replicas)
        body = index_body(properties, replicas=replicas)
        try:
            client.indices.create(index=index, aliases={alias: {"is_write_index": True}}, **body)
        except BadRequestError as error:
            if error.error != _EXISTS:
                raise
            client.indices.put_alias(index=index, name=alias, is_write_index=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardBudget:
    """How many shards the cluster has, and how many it may have."""

    used: int
    room: int

    def refuse_over(self, shards: int) -> None:
        """Return if that many more fit.

        Raises:
            RefusedError: they do not.
        """
        if self.used + shards > self.room:
            raise RefusedError(
                f"Elasticsearch has {self.used} of its {self.room} shards in use and no room for "
                "another index: add a data node, raise cluster.max_shards_per_node, or take in "
                "fewer streams."
            )


def shard_budget(client: Elasticsearch) -> ShardBudget:
    """By the cluster's own rule: a limit for each data node, and every open shard counts."""
    states = ("active", "initializing", "unassigned")
    health = client.cluster.health(
        filter_path=["number_of_data_nodes", *(f"{state}_shards" for state in states)]
    )
    # A dot in a filter is a step into an object, and a flat setting's name has none to step into.
    settings = client.cluster.get_settings(
        include_defaults=True,
        flat_settings=True,
        filter_path=f"*.{_SHARDS_PER_NODE.replace('.', '*')}",
    )
    limits = (
        settings.get(level, {}).get(_SHARDS_PER_NODE)
        for level in ("transient", "persistent", "defaults")
    )
    limit = next((int(limit) for limit in limits if limit is not None), SHARDS_PER_NODE_DEFAULT)
    return ShardBudget(
        used=sum(int(health[f"{state}_shards"]) for state in states),
        room=limit * int(health["number_of_data_nodes"]),
    )
