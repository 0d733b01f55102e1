"""Holds and policies that a restored database does not know, made again."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.retention_rows import PlacedHold, PolicyOrder
from coworker_pipelines.connections.rows import Connection, Tenant
from coworker_pipelines.database.database import Database
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import HoldOrder, apply_hold, apply_release
from coworker_pipelines.privacy.restore.entries import Entry
from coworker_pipelines.privacy.restore.replay import Replayer
from coworker_pipelines.privacy.retention.policies import apply_policy


@dataclass(frozen=True, slots=True)
class HoldReplayer(Replayer):
    database: Database

    def replay(self, entry: Entry) -> None:
        """The hold stands as it was placed, also over what is being deleted.

        One that the database knows stays as it is: it may be released.
        """
        content = entry.content
        order = HoldOrder(
            extent=_extent_of(entry),
            since=_moment(content["since"]),
            until=_moment(content["until"]),
            matter=content["matter"],
            owner=content["owner"],
            reason=content["reason"],
            review_at=date.fromisoformat(content["review_at"]),
            placed_by=content["placed_by"],
        )
        with self.database.control() as session:
            is_known = session.get(PlacedHold, entry.order_id) is not None
            if not is_known and _is_there(session, order.extent):
                apply_hold(session, order, hold_id=entry.order_id, now=entry.made_at)


@dataclass(frozen=True, slots=True)
class ReleaseReplayer(Replayer):
    database: Database

    def replay(self, entry: Entry) -> None:
        """The hold is released, and what had waited for that goes on."""
        content = entry.content
        with self.database.control() as session:
            row = session.get(PlacedHold, entry.order_id)
            if row is not None and row.released_at is None:
                apply_release(
                    session,
                    row,
                    reason=content["reason"],
                    released_by=content["released_by"],
                    now=entry.made_at,
                )


@dataclass(frozen=True, slots=True)
class PolicyReplayer(Replayer):
    database: Database

    def replay(self, entry: Entry) -> None:
        """It stands in the history once, behind what the database knew of before."""
        content: dict[str, Any] = {**entry.content, "made_at": entry.made_at}
        extent = _extent_of(entry)
        connection, stream = content.pop("connection"), content.pop("stream")
        with self.database.control() as session:
            same = {"connection_id": connection, "stream": stream, **content}
            known = select(PolicyOrder.id).where(
                PolicyOrder.tenant_id == entry.tenant,
                *(
                    getattr(PolicyOrder, name).is_not_distinct_from(value)
                    for name, value in same.items()
                ),
            )
            if session.scalars(known).first() is None and _is_there(session, extent):
                apply_policy(session, extent, PolicyOrder(**content))


def _extent_of(entry: Entry) -> Extent:
    return Extent(
        tenant=entry.tenant,
        connection=entry.content["connection"],
        stream=entry.content["stream"],
    )


def _is_there(session: Session, extent: Extent) -> bool:
    """A tenant or connection that was deleted, or is newer than the backup, has nothing to keep."""
    if extent.connection is None:
        return session.get(Tenant, extent.tenant) is not None
    return session.get(Connection, extent.connection) is not None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
