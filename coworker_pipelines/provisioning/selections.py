"""Changing what is let in: planned, previewed, then carried out everywhere."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from coworker_pipelines.connections.catalogs import catalog_of
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.selections import (
    Deselection,
    Streams,
    add_selection,
    current_selection,
    plan_deselection,
    selected_streams,
)
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.privacy.deselection import (
    Removal,
    apply_deselections,
    preview_deselection,
)
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.privacy.orders import refuse_under_order
from coworker_pipelines.provisioning.indices import ConnectionIndices
from coworker_pipelines.sdk.stream import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionChange:
    """A new selection of a connection, and what it takes out of what is stored."""

    handle: str
    new: Streams
    deselection: Deselection


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionMaker:
    """``holdings`` opens all of a connection's data, with the rights to remove it."""

    database: Database
    indices: ConnectionIndices
    holdings: Callable[[str], AbstractContextManager[Holdings]]
    clock: Clock

    def plan(self, handle: str, *, add: Sequence[str], without: Sequence[str]) -> SelectionChange:
        """What would hold; ``add`` names streams, ``without`` streams or ``STREAM:FIELD``.

        Raises:
            TenantActionError: a stream or field does not exist, or cannot be left out.
        """
        with self.database.control() as session:
            connection = find_connection(session, handle)
            catalog = catalog_of(connection)
            old = selected_streams(current_selection(session, connection.id))
        new = dict(old)
        for name in add:
            new[catalog.stream(name).name] = None
        for entry in without:
            _leave_out(new, entry, catalog)
        return SelectionChange(
            handle=handle, new=new, deselection=plan_deselection(old, new, catalog)
        )

    def preview(self, change: SelectionChange) -> list[Removal]:
        """What would be removed; changes nothing."""
        if not change.deselection:
            return []
        with self.holdings(change.handle) as holdings:
            return preview_deselection(holdings, change.deselection)

    def apply(self, change: SelectionChange, *, keep: bool, ordered_by: str) -> list[Removal]:
        """After this the selection holds, and what it takes out is gone, unless it is kept.

        Raises:
            RetryLaterError: a run holds the connection; the order stands, and the same command
                carries it out later.
        """
        now = self.clock.now()
        with self.database.control() as session:
            connection = find_connection(session, change.handle)
            scope = connection.scope
            for stream in change.new:
                extent = Extent(tenant=scope.tenant, connection=scope.connection, stream=stream)
                refuse_under_order(session, extent)
            if change.new != selected_streams(current_selection(session, connection.id)):
                self.indices.make(connection.scope, sorted(change.new))
                selection = add_selection(
                    session, connection, change.new, made_by=ordered_by, now=now
                )
                selection.applied_at = now if keep else None
        with self.holdings(change.handle) as holdings:
            return apply_deselections(holdings, now=now)


def _leave_out(streams: dict[str, frozenset[str] | None], entry: str, catalog: Catalog) -> None:
    # A stream's name may hold a colon itself, so a stream of that very name comes first.
    if entry in {stream.name for stream in catalog} or ":" not in entry:
        name = catalog.stream(entry).name
        streams.pop(name, None)
        return
    name, _, field = entry.rpartition(":")
    stream = catalog.stream(name)
    if name not in streams:
        raise TenantActionError(f"{name!r} is not taken in, so no field of it can be left out.")
    if field not in stream.field_names:
        known = ", ".join(sorted(stream.field_names))
        raise TenantActionError(f"{name!r} has no field {field!r}; it has: {known}.")
    if field in stream.required_fields:
        raise TenantActionError(
            f"The field {field!r} of {name!r} cannot be left out: it says which document a record "
            "is, or when it was."
        )
    selected = streams[name]
    streams[name] = (stream.field_names if selected is None else selected) - {field}
