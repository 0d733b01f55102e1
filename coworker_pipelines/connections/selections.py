"""What a tenant lets in: which streams, and which fields of them. Versioned."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from coworker_pipelines.connections.catalogs import catalog_of
from coworker_pipelines.connections.naming import unknown
from coworker_pipelines.connections.rows import Connection, Selection, StreamState
from coworker_pipelines.kernel.errors import DefectError, TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.sdk.stream import Catalog, Stream

Streams = Mapping[str, frozenset[str] | None]
"""Stream to its selected fields; ``None`` means all, also those discovered later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deselection:
    """What a new selection takes out: whole streams, and fields of streams that stay."""

    streams: frozenset[str]
    fields: Mapping[str, frozenset[str]]

    def __bool__(self) -> bool:
        return bool(self.streams or self.fields)


def current_selection(session: Session, connection_id: str) -> Selection:
    """The latest version.

    Raises:
        DefectError: the connection has none, so nothing may be taken in.
    """
    selection = session.scalar(
        select(Selection)
        .where(Selection.connection_id == connection_id)
        .order_by(Selection.version.desc())
        .limit(1)
    )
    if selection is None:
        raise DefectError("A connection has no selection: nothing is taken in.")
    return selection


def selected_streams(selection: Selection) -> dict[str, frozenset[str] | None]:
    return {
        name: None if entry["fields"] is None else frozenset(entry["fields"])
        for name, entry in selection.streams.items()
    }


def selected_fields(selection: Selection, stream: Stream) -> frozenset[str] | None:
    """The fields of a stream that are taken in; ``None`` where the stream is not selected."""
    streams = selected_streams(selection)
    if stream.name not in streams:
        return None
    fields = streams[stream.name]
    return stream.field_names if fields is None else fields & stream.field_names


def add_selection(
    session: Session, connection: Connection, streams: Streams, *, made_by: str, now: datetime
) -> Selection:
    """A new version, made by the control plane.

    States of streams that now let in more are opened to be read again; those of streams that
    went are closed, so that no tick asks for their windows.

    Raises:
        TenantActionError: a stream or field is unknown, or one that a record cannot be without.
    """
    # Two who select at once follow one another, each on the catalog and version that hold then.
    session.refresh(connection, with_for_update=True)
    catalog = catalog_of(connection)
    for name, fields in streams.items():
        _check(catalog.stream(name), fields)
    version = session.scalar(
        select(func.max(Selection.version)).where(Selection.connection_id == connection.id)
    )
    if version is not None:
        old = selected_streams(current_selection(session, connection.id))
        _mark_states(session, connection, widened(old, streams, catalog), complete=False)
        _mark_states(session, connection, old.keys() - streams.keys(), complete=True)
    selection = Selection(
        id=new_id(IdPrefix.SELECTION),
        tenant_id=connection.tenant_id,
        connection_id=connection.id,
        version=(version or 0) + 1,
        streams=_to_json(streams),
        made_by=made_by,
        made_at=now,
    )
    session.add(selection)
    session.flush()
    return selection


def plan_deselection(old: Streams, new: Streams, catalog: Catalog) -> Deselection:
    """What is stored under the old selection and would not be under the new one."""
    fields = {
        name: gone
        for name in old.keys() & new.keys()
        if (gone := _fields(catalog, name, old[name]) - _fields(catalog, name, new[name]))
    }
    return Deselection(streams=frozenset(old) - frozenset(new), fields=fields)


def widened(old: Streams, new: Streams, catalog: Catalog) -> frozenset[str]:
    """Streams of which the new selection lets in a field that the old one kept out."""
    return frozenset(
        name
        for name in new
        if name not in old or _fields(catalog, name, new[name]) - _fields(catalog, name, old[name])
    )


def has_widened_since(session: Session, selection: Selection, version: int, stream: Stream) -> bool:
    """Whether a stream lets in more than it did under an earlier version, or one in between.

    The versions in between count, because what they took out was removed from what is stored.
    """
    now = selected_fields(selection, stream)
    if version == selection.version or now is None:
        return False
    earlier = session.scalars(
        select(Selection)
        .where(
            Selection.connection_id == selection.connection_id,
            Selection.version >= version,
            Selection.version < selection.version,
        )
        .order_by(Selection.version)
    ).all()
    if not earlier or earlier[0].version > version:
        return True
    return any(not now <= (selected_fields(then, stream) or frozenset()) for then in earlier)


def _check(stream: Stream, fields: frozenset[str] | None) -> None:
    if fields is None:
        return
    if foreign := fields - stream.field_names:
        raise unknown(f"field of {stream.name!r} named", min(foreign), stream.field_names)
    if missing := stream.required_fields - fields:
        raise TenantActionError(
            f"The field {min(missing)!r} of {stream.name!r} cannot be left out: it says which "
            "record it is or when it belongs."
        )


def _fields(catalog: Catalog, name: str, fields: frozenset[str] | None) -> frozenset[str]:
    known = {stream.name: stream.field_names for stream in catalog}
    return known.get(name, frozenset()) if fields is None else fields


def _mark_states(
    session: Session, connection: Connection, streams: Collection[str], *, complete: bool
) -> None:
    session.execute(
        update(StreamState)
        .where(StreamState.connection_id == connection.id, StreamState.stream.in_(streams))
        .values(complete=complete)
    )


def _to_json(streams: Streams) -> dict[str, Any]:
    return {
        name: {"fields": None if fields is None else sorted(fields)}
        for name, fields in streams.items()
    }
