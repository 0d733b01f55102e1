"""What a selection takes out is removed from what is stored.

The order is the selection itself: a version without ``applied_at`` is one whose removal is
not done. A tenant who says *keep* gets a version that is applied from the start.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from sqlalchemy import delete, func, select, update

from coworker_pipelines.activities.derivation import derive_pending
from coworker_pipelines.connections.derivations import derivation_lock
from coworker_pipelines.connections.holds import keep_holds_still, standing_over
from coworker_pipelines.connections.message_numbers import last_published, publish
from coworker_pipelines.connections.rows import (
    DecisionRound,
    PendingDerivation,
    RejectedRecord,
    Selection,
    StreamState,
)
from coworker_pipelines.connections.selections import (
    Deselection,
    Streams,
    plan_deselection,
    selected_streams,
)
from coworker_pipelines.connections.stream_states import fence
from coworker_pipelines.documents.aging import out_of_use
from coworker_pipelines.documents.indices import create_documents_index, delete_stream_index
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.kernel.slug import stream_slug
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.privacy.holds import refuse_under_holds
from coworker_pipelines.privacy.rewriting import remove_fields
from coworker_pipelines.sdk.stream import Catalog

log = get_logger(__name__)

LOCK_WAIT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What a deselection removes of one stream, or would; ``fields`` is empty for all of it.

    ``documents`` are removed, or rewritten without the fields; ``activities`` are removed and,
    where the stream stays, ``activities_made`` anew from what is left.
    """

    stream: str
    fields: frozenset[str] = frozenset()
    documents: int = 0
    activities: int = 0
    activities_made: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionVersion:
    """``applied`` says that what this version took out is gone, or was to be kept."""

    version: int
    streams: Streams
    applied: bool


def preview_deselection(holdings: Holdings, deselection: Deselection) -> list[Removal]:
    """What would be removed, by the counts of now; changes nothing."""
    whole = [_extent(holdings, stream, frozenset()) for stream in sorted(deselection.streams)]
    parts = [
        _extent(holdings, stream, fields) for stream, fields in sorted(deselection.fields.items())
    ]
    return whole + parts


def apply_deselections(holdings: Holdings, *, now: datetime) -> list[Removal]:
    """Carry out every removal that was ordered and is not done; after this none is open.

    Doing it again changes nothing. After a crash, the counts are those of the last try.

    Raises:
        RetryLaterError: a run holds the connection; the order stays, to be tried again.
        RefusedError: the connection was deleted or started anew, or a hold lies over what is to
            go; the order stays.
    """
    with holdings.database.connection_lock(holdings.scope.connection, wait_s=LOCK_WAIT_S):
        versions = _versions(holdings)
        deselection = plan_removals(versions, holdings.catalog)
        removals = []
        for stream in sorted(deselection.streams):
            with _outside_holds(holdings, stream):
                removals.append(_remove_stream(holdings, stream))
        for stream, fields in sorted(deselection.fields.items()):
            with _outside_holds(holdings, stream):
                removals.append(_remove_fields(holdings, stream, fields, now))
        _mark_applied(holdings, versions, now)
    return removals


def plan_removals(versions: Sequence[SelectionVersion], catalog: Catalog) -> Deselection:
    """What all versions that are not applied took out and the latest does not let in again.

    ``versions`` are in order and start with the first, or with one that is applied.
    """
    if not versions:
        return Deselection(streams=frozenset(), fields={})
    latest = versions[-1].streams
    streams: set[str] = set()
    fields: dict[str, frozenset[str]] = {}
    for before, version in pairwise(versions):
        if version.applied:
            continue
        order = plan_deselection(before.streams, version.streams, catalog)
        streams |= order.streams - latest.keys()
        for stream in sorted((order.streams & latest.keys()) | order.fields.keys()):
            gone = _gone(before.streams, latest, stream, catalog)
            if stream in order.fields:
                gone &= order.fields[stream]
            fields[stream] = fields.get(stream, frozenset()) | gone
    return Deselection(
        streams=frozenset(streams),
        fields={name: gone for name, gone in fields.items() if gone and name not in streams},
    )


def _gone(before: Streams, latest: Streams, stream: str, catalog: Catalog) -> frozenset[str]:
    """Fields of a stream that were let in before and are not now; a stream that went has none."""
    now = latest.get(stream, frozenset())
    order = plan_deselection({stream: before[stream]}, {stream: now}, catalog)
    return order.fields.get(stream, frozenset())


@contextmanager
def _outside_holds(holdings: Holdings, stream: str) -> Iterator[None]:
    """Nothing of the stream is under a hold, and no hold is placed while this lasts."""
    scope = holdings.scope
    extent = Extent(tenant=scope.tenant, connection=scope.connection, stream=stream)
    with holdings.database.tenant(scope.tenant) as session:
        keep_holds_still(session, scope.tenant)
        refuse_under_holds(session, extent)
        yield


def _remove_stream(holdings: Holdings, stream: str) -> Removal:
    _discard_segments(holdings, stream)
    rejected = holdings.rejected.delete_stream(stream)
    # Made first, because a crash may have come between the index's deletion and its making.
    _make_index(holdings, stream)
    documents = holdings.reader.count(stream)
    delete_stream_index(holdings.admin, holdings.scope, stream)
    _make_index(holdings, stream)
    activities = holdings.activities.delete_stream(stream)
    _forget_states(holdings, stream)
    log.info(
        "stream_removed",
        connection=holdings.scope.connection,
        stream=stream,
        documents=documents,
        activities=activities,
    )
    return Removal(stream=stream, documents=documents, activities=activities, rejected=rejected)


def _remove_fields(holdings: Holdings, name: str, fields: frozenset[str], now: datetime) -> Removal:
    stream = holdings.catalog.stream(name)
    _discard_segments(holdings, name)
    # A rejected record is kept whole, so it may hold the field.
    rejected = holdings.rejected.delete_stream(name)
    documents = remove_fields(holdings, stream, fields)
    # Attributes may have come from the field: only what the documents still say is said again.
    with holdings.database.connection_lock(
        derivation_lock(holdings.scope.connection), wait_s=LOCK_WAIT_S
    ):
        with holdings.database.tenant(holdings.scope.tenant) as session:
            policy, holds = standing_over(session, holdings.scope, name)
            after = last_published(session, holdings.scope)
        activities = holdings.activities.delete_stream(name)
        made = derive_pending(
            connector_class=holdings.connector_class,
            stream=stream,
            window=None,
            sync=None,
            scope=holdings.scope,
            kind=holdings.kind,
            subject_key=holdings.subject_key,
            reader=holdings.reader,
            store=holdings.activities,
            without=out_of_use(policy, holds, now),
            after=after,
        )
        with holdings.database.tenant(holdings.scope.tenant) as session:
            publish(session, holdings.scope, made.last_sequence)
    log.info(
        "fields_removed",
        connection=holdings.scope.connection,
        stream=name,
        documents=documents,
        activities=activities,
    )
    return Removal(
        stream=name,
        fields=fields,
        documents=documents,
        activities=activities,
        activities_made=made.created,
        rejected=rejected,
    )


def _extent(holdings: Holdings, stream: str, fields: frozenset[str]) -> Removal:
    with holdings.database.tenant(holdings.scope.tenant) as session:
        rejected = session.scalar(
            select(func.count())
            .select_from(RejectedRecord)
            .where(
                RejectedRecord.connection_id == holdings.scope.connection,
                RejectedRecord.stream == stream,
            )
        )
    return Removal(
        stream=stream,
        fields=fields,
        documents=holdings.reader.count(stream),
        activities=holdings.activities.count(stream),
        rejected=rejected or 0,
    )


def _discard_segments(holdings: Holdings, stream: str) -> None:
    """After this nothing of the stream waits to be stored, in any window."""
    for path in tuple(holdings.segments.list(stream_slug(stream))):
        holdings.segments.delete(path)


def _make_index(holdings: Holdings, stream: str) -> None:
    create_documents_index(holdings.admin, holdings.scope, stream, replicas=holdings.replicas)


def _versions(holdings: Holdings) -> list[SelectionVersion]:
    with holdings.database.tenant(holdings.scope.tenant) as session:
        fence(session, holdings.scope)
        rows = session.scalars(
            select(Selection)
            .where(Selection.connection_id == holdings.scope.connection)
            .order_by(Selection.version)
        )
        return [
            SelectionVersion(
                version=row.version,
                streams=selected_streams(row),
                applied=row.applied_at is not None,
            )
            for row in rows
        ]


def _forget_states(holdings: Holdings, stream: str) -> None:
    """The stream begins anew if it is ever selected again."""
    with holdings.database.control() as session:
        for row in (StreamState, PendingDerivation, DecisionRound):
            session.execute(
                delete(row).where(
                    row.connection_id == holdings.scope.connection, row.stream == stream
                )
            )


def _mark_applied(holdings: Holdings, versions: Sequence[SelectionVersion], now: datetime) -> None:
    """Only versions that were looked at: an order that came meanwhile stays open."""
    with holdings.database.control() as session:
        session.execute(
            update(Selection)
            .where(
                Selection.connection_id == holdings.scope.connection,
                Selection.version.in_([entry.version for entry in versions]),
                Selection.applied_at.is_(None),
            )
            .values(applied_at=now)
        )
