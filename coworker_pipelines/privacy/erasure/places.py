"""Where a tenant's documents lie, and what is known of the people in each place."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.catalogs import catalog_of
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.documents import names
from coworker_pipelines.extraction.subjects import Subjects
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.sdk.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One stream of one connection."""

    scope: Scope
    handle: str
    stream: Stream
    subjects: Subjects

    @property
    def groups(self) -> dict[str, list[str]]:
        """Names of the fields that name one person together, by what they call that person."""
        found: dict[str, list[str]] = {}
        for entry in self.stream.fields:
            if entry.person is not None and entry.identifier is not None:
                found.setdefault(entry.person, []).append(entry.name)
        return {person: fields for person, fields in found.items() if len(fields) > 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """All of a tenant's, by what their indices' names begin with in every epoch."""

    tenant: str
    subject_key: bytes
    by_index: dict[str, Place]

    @property
    def connections(self) -> dict[str, str]:
        """Handles by id."""
        return {place.scope.connection: place.handle for place in self.by_index.values()}

    def of_index(self, index: str) -> Place:
        """The place of an index.

        Raises:
            RetryLaterError: its stream is not known: it has come or gone since.
        """
        place = self.by_index.get(_stem(index))
        if place is None:
            raise RetryLaterError(f"The index {index} belongs to a stream that nobody knows now.")
        return place

    def of_stream(self, connection: str, stream: str) -> Place | None:
        return next(
            (
                place
                for place in self.by_index.values()
                if place.scope.connection == connection and place.stream.name == stream
            ),
            None,
        )

    def in_connection(self, handle: str) -> Iterator[Place]:
        return (place for place in self.by_index.values() if place.handle == handle)


def places_of(session: Session, tenant: str, subject_key: bytes) -> Places:
    """Every stream that a source of the tenant's offers, be it taken in or not any more."""
    statement = select(Connection).where(Connection.tenant_id == tenant)
    found: dict[str, Place] = {}
    for connection in session.scalars(statement.order_by(Connection.handle)):
        scope = Scope(tenant=tenant, connection=connection.id, epoch=connection.epoch)
        for stream in catalog_of(connection):
            found[_stem(names.documents_index(scope, stream.name))] = Place(
                scope=scope,
                handle=connection.handle,
                stream=stream,
                subjects=Subjects(stream, subject_key),
            )
    return Places(tenant=tenant, subject_key=subject_key, by_index=found)


def _stem(index: str) -> str:
    return index.rpartition(".")[0]
