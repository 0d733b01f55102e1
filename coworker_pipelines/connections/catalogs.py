"""A catalog at rest: JSON in the connection's row."""

from dataclasses import asdict
from typing import Any

from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.sdk.stream import Catalog, Field, IdentifierKind, Stream, SyncMode


def catalog_to_json(catalog: Catalog) -> dict[str, Any]:
    return {"streams": [asdict(stream) for stream in catalog]}


def catalog_from_json(content: dict[str, Any]) -> Catalog:
    return Catalog(tuple(_stream(entry) for entry in content["streams"]))


def catalog_of(connection: Connection) -> Catalog:
    """What the connection's source offers, as last discovered; each stream has its namespace."""
    return catalog_from_json(connection.catalog).in_namespace(connection.id)


def stream_for(connection: Connection, name: str) -> Stream:
    """A stream of the connection, as last discovered.

    Raises:
        TenantActionError: there is none of that name.
    """
    return catalog_of(connection).stream(name)


def _stream(content: dict[str, Any]) -> Stream:
    return Stream(
        **{
            **content,
            "fields": tuple(_field(entry) for entry in content["fields"]),
            "primary_key": tuple(content["primary_key"]),
            "mode": SyncMode(content["mode"]),
        }
    )


def _field(content: dict[str, Any]) -> Field:
    identifier = content["identifier"]
    return Field(
        name=content["name"],
        type=content["type"],
        identifier=None if identifier is None else IdentifierKind(identifier),
        # A catalog that was discovered before this was declared does not have it.
        person=content.get("person"),
    )
