"""A small world on real servers, in which schedules are played one after the other."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields
from typing import Final

from coworker_pipelines.assembly import Platform
from coworker_pipelines.assembly.deleting import NothingHere, deletion_work, deletions
from coworker_pipelines.assembly.erasing import erasure_work, erasures
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.extraction.payload import canonical_payload
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.deletion.carrying_out import DeletionWork
from coworker_pipelines.privacy.deletion.deletions import Deletions
from coworker_pipelines.privacy.deletion.shutting_out import NoRuns
from coworker_pipelines.privacy.erasure.carrying_out import ErasureWork
from coworker_pipelines.privacy.erasure.erasures import Erasures
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.provisioning.connections import ConnectionOrder
from coworker_pipelines.sdk.page import ReadRequest
from coworker_pipelines.settings import Settings
from tests.integration.schedules.sources import ORDERS, STAFF, SmallSource

SOURCES: Final = {
    "acme.shop": (ORDERS, STAFF),
    "acme.desk": (ORDERS,),
    "acme-corp.shop": (ORDERS,),
}
"""Connections and their streams. The tenants' names begin alike, and their data is alike."""
LIMITS: Final = {"rejected_share_max": 1.0, "removal_share_max": 1.0}


@dataclass(slots=True, kw_only=True)
class Place:
    """A connection that is there, as an operator knows it."""

    handle: str
    tenant: str
    connection: str
    source: SmallSource
    streams: set[str]
    is_backfilled: bool = False
    has_rejected: bool = False
    is_interrupted: bool = False
    """A sync was cut off or stood still: its segments may hold what has changed since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableErasure(ErasureWork):
    """Takes out what can be read: files free their bytes after half a minute at the earliest."""

    def expunge_indices(self, indices: Sequence[str]) -> None:
        assert all(index.startswith("cw.") for index in indices)


@dataclass(slots=True, kw_only=True)
class Stage:
    """``places`` are the connections that are there and that no deletion reaches."""

    platform: Platform
    settings: Settings
    sources: dict[str, SmallSource]
    tenants: dict[str, str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)

    @property
    def deletions(self) -> Deletions:
        return deletions(self.platform, self.settings, traces=NothingHere())

    @property
    def deletion_work(self) -> DeletionWork:
        return deletion_work(
            self.platform,
            self.settings,
            traces=NothingHere(),
            runs=NoRuns(),
            sleep=_nobody_sleeps,
        )

    @property
    def erasures(self) -> Erasures:
        return erasures(self.platform)

    @property
    def erasure_work(self) -> ErasureWork:
        made = erasure_work(self.platform, self.settings, sleep=_nobody_sleeps)
        return ReadableErasure(**{one.name: getattr(made, one.name) for one in fields(made)})

    def make(self, handle: str) -> None:
        """After this the connection is there, and its tenant, with all streams let in."""
        tenant, _, name = handle.partition(".")
        if tenant not in self.tenants:
            self.platform.tenants.make(slug=tenant, name=tenant)
            with self.platform.database.control() as session:
                self.tenants[tenant] = find_tenant(session, tenant).id
        place = self.places.get(handle)
        if place is None:
            order = ConnectionOrder(
                tenant=tenant,
                name=name,
                kind="sql",
                form=self.sources[handle].form,
                schedule=None,
                streams=None,
                ordered_by="ann",
            )
            self.platform.maker.make(order)
            self.places[handle] = self._found(handle)
            return
        if missing := set(place.source.streams) - place.streams:
            change = self.platform.selections.plan(handle, add=sorted(missing), without=())
            self.platform.selections.apply(change, keep=False, ordered_by="ann")
            place.streams |= missing

    def missing(self) -> list[str]:
        """Connections that are not there, or of which a stream is not."""
        return [
            handle
            for handle, source in self.sources.items()
            if handle not in self.places or self.places[handle].streams != set(source.streams)
        ]

    def begin(self, seed: int) -> None:
        """All is there, and the sources hold rows of this schedule alone."""
        for source in self.sources.values():
            source.refill(seed)
        for handle in self.missing():
            self.make(handle)
        for place in self.places.values():
            place.is_backfilled = place.has_rejected = place.is_interrupted = False

    def forget(self, extent: Extent) -> None:
        """It is about to go, so nobody counts on it any more."""
        for place in list(self.places.values()):
            if place.tenant != extent.tenant or extent.connection not in {None, place.connection}:
                continue
            if extent.stream is None:
                del self.places[place.handle]
            else:
                place.streams.discard(extent.stream)
        if extent.connection is None:
            self.tenants = {slug: one for slug, one in self.tenants.items() if one != extent.tenant}

    def rows(self, place: Place, stream: str, windows: tuple[Window, ...]) -> dict[str, bytes]:
        """What the source holds now: payloads by key, asked without our pipeline."""
        with self.platform.database.control() as session:
            connector = self.platform.maker.open_connector(find_connection(session, place.handle))
        with closing(connector):
            known = connector.discover().stream(stream)
            return {
                str(record["id"]): canonical_payload(record)
                for window in windows
                for page in connector.read(
                    ReadRequest(
                        stream=known,
                        fields=known.field_names,
                        window=window,
                        since=window.start_at,
                        until=window.end_at,
                    )
                )
                for record in page.records
            }

    def close(self) -> None:
        """Free the node of all indices."""
        with self.platform.database.control() as session:
            scopes = [find_connection(session, handle).scope for handle in self.places]
        for scope in scopes:
            self.platform.keys.indices.remove(scope)

    def _found(self, handle: str) -> Place:
        with self.platform.database.control() as session:
            connection = find_connection(session, handle)
            connection.limits = dict(LIMITS)
            return Place(
                handle=handle,
                tenant=connection.tenant_id,
                connection=connection.id,
                source=self.sources[handle],
                streams=set(self.sources[handle].streams),
            )


def _nobody_sleeps(_: float) -> None:
    """Every writer is in this process, and has ended or stands still."""
