"""A deletion that a restored copy does not know, carried out again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.privacy.deletion.deletions import take_out
from coworker_pipelines.privacy.deletion.shutting_out import raise_epochs
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.names import CLEARED_FIRST, REGISTRATION
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.restore.entries import Entry
from coworker_pipelines.privacy.restore.replay import Replayer
from coworker_pipelines.privacy.targets import Remover, target

BY_HANDLE: Final = frozenset({"runs"})
"""Targets that know a connection by its handle, which another one may have by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionReplayer(Replayer):
    """With the same hands as the deletion itself; nobody runs while a copy is being put right."""

    database: Database
    removers: Mapping[str, Remover]

    def replay(self, entry: Entry) -> None:
        content = entry.content
        extent = Extent(
            tenant=entry.tenant, connection=content["connection"], stream=content["stream"]
        )
        reached = Reached.from_json(extent, content["reach"])
        self._shut_out(reached, entry)
        for name in self._targets(reached):
            remover = self.removers[name]
            remover.delete(reached)
            if left := remover.count(reached):
                raise RetryLaterError(
                    f"Of order {entry.order_id} {left} {target(name).counted_in} are left."
                )

    def _shut_out(self, reached: Reached, entry: Entry) -> None:
        if reached.extent.stream is None:
            with self.database.privacy() as session:
                raise_epochs(session, reached, now=entry.made_at)
            return
        with self.database.control() as session:
            take_out(session, reached, made_by=f"order {entry.order_id}", now=entry.made_at)

    def _targets(self, reached: Reached) -> Iterator[str]:
        with self.database.privacy() as session:
            others = select(Connection.id).where(
                Connection.handle.in_(reached.handles),
                Connection.id.not_in([connection.id for connection in reached.connections]),
            )
            has_heirs = session.scalars(others).first() is not None
        for name in (*CLEARED_FIRST, REGISTRATION):
            if target(name).is_reached_by(reached.extent) and not (has_heirs and name in BY_HANDLE):
                yield name
