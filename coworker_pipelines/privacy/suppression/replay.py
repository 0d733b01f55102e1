"""Suppressions and lifts that a restored database does not know, made again."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from coworker_pipelines.connections.rows import Suppression, Tenant
from coworker_pipelines.database.database import Database
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.restore.entries import Entry
from coworker_pipelines.privacy.restore.replay import Replayer
from coworker_pipelines.privacy.suppression.suppressions import (
    SuppressionOrder,
    apply_lift,
    apply_suppression,
)


@dataclass(frozen=True, slots=True)
class SuppressionReplayer(Replayer):
    database: Database

    def replay(self, entry: Entry) -> None:
        """Nothing is added to one that was lifted since."""
        content = entry.content
        order = SuppressionOrder(
            order_id=entry.order_id,
            extent=Extent(
                tenant=entry.tenant, connection=content["connection"], stream=content["stream"]
            ),
            reason=content["reason"],
            made_by=content["made_by"],
            people=frozenset(content["people"]),
            documents={name: frozenset(keys) for name, keys in content["documents"].items()},
        )
        with self.database.privacy() as session:
            known = _find(session, entry)
            is_lifted = known is not None and known.lifted_at is not None
            if not is_lifted and session.get(Tenant, entry.tenant) is not None:
                apply_suppression(session, order, now=entry.made_at)


@dataclass(frozen=True, slots=True)
class LiftReplayer(Replayer):
    database: Database

    def replay(self, entry: Entry) -> None:
        with self.database.privacy() as session:
            row = _find(session, entry)
            if row is not None and row.lifted_at is None:
                apply_lift(
                    session,
                    row,
                    reason=entry.content["reason"],
                    lifted_by=entry.content["lifted_by"],
                    now=entry.made_at,
                )


def _find(session: Session, entry: Entry) -> Suppression | None:
    # One from before orders were kept is known by its own id.
    return session.scalar(
        select(Suppression)
        .where((Suppression.order_id == entry.order_id) | (Suppression.id == entry.order_id))
        .options(undefer("*"))
    )
