"""This deployment as it stands: does it know everything that was ordered?"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from elasticsearch import Elasticsearch
from sqlalchemy import update
from sqlalchemy.orm import Session

from coworker_pipelines.database.database import Database, OpenSession
from coworker_pipelines.documents.marker import raise_marker, read_marker
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.privacy.restore.entries import REMOVING
from coworker_pipelines.privacy.restore.journal import (
    Journal,
    last_number,
    last_removal,
)
from coworker_pipelines.privacy.rows import JournalEntry

CLUSTER_BEHIND: Final = (
    "Elasticsearch was put back to an earlier state and may hold what was removed since: run "
    "`coworker restore replay` first."
)
DATABASE_BEHIND: Final = (
    "Elasticsearch has seen orders that neither the database nor the journal knows: put back the "
    "right database, or the folder or bucket of the segments."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Numbers of the journal.

    The database knows entries up to ``known``. A cluster must have seen the removals up to
    ``required``, and this one says that it has those up to ``seen``.
    """

    known: int
    required: int
    seen: int

    @property
    def is_cluster_behind(self) -> bool:
        return self.seen < self.required


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """``name`` is the deployment's own, since several may share a cluster.

    ``session`` and ``admin`` open database and Elasticsearch with the rights of who asks; what is
    done again is done with the privacy role's.
    """

    name: str
    database: Database
    session: OpenSession
    journal: Journal
    admin: Callable[[], Elasticsearch]
    replicas: int

    def require_current(self) -> None:
        """Return if nothing was put back to a state before something that was ordered.

        Raises:
            RefusedError: it was; neither may data be shown nor written until it is made up for.
        """
        with self.session() as session:
            self.journal.require_known(session)
            standing = self._standing(session)
        if standing.is_cluster_behind:
            raise RefusedError(CLUSTER_BEHIND)
        if standing.seen > standing.known:
            raise RefusedError(DATABASE_BEHIND)

    def standing(self) -> Standing:
        with self.session() as session:
            return self._standing(session)

    def finish(self, session: Session, order_ids: Collection[str], *, now: datetime) -> None:
        """These orders' removals are done and were counted: the cluster says so first, then we.

        A crash in between leaves a cluster that says more than is needed, and harms nothing. It
        says the number of a removal, which was published before it began: other entries may be
        newer, and not rest in the journal yet.
        """
        number = last_removal(session, except_orders=order_ids)
        if number:
            self.mark(number)
        session.execute(
            update(JournalEntry)
            .where(
                JournalEntry.order_id.in_(order_ids),
                JournalEntry.kind.in_(REMOVING),
                JournalEntry.done_at.is_(None),
            )
            .values(done_at=now)
        )

    def mark(self, number: int) -> None:
        """After this the cluster says that it has seen all removals up to that number."""
        raise_marker(self.admin(), self.name, number, replicas=self.replicas)

    def _standing(self, session: Session) -> Standing:
        return Standing(
            known=last_number(session),
            required=last_removal(session),
            seen=read_marker(self.admin(), self.name),
        )
