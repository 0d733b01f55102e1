"""Rows that tell of people: counted and taken out by whom they are about."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select, true, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from coworker_pipelines.connections.holds import Hold

Emptied = Callable[[datetime], Mapping[str, Any]]
"""What stands instead of all that is personal, from now on."""


@dataclass(frozen=True, slots=True)
class SubjectRows:
    """A table with ``tenant_id``, ``connection_id``, ``stream`` and ``subject_keys``.

    ``personal`` is a column that is empty where nothing personal is left. Without ``emptied`` the
    rows are deleted whole.
    """

    row: Any
    personal: InstrumentedAttribute[Any] | None = None
    emptied: Emptied | None = None

    @property
    def table(self) -> str:
        name: str = self.row.__tablename__
        return name

    def erase(
        self,
        session: Session,
        tenant: str,
        keys: Sequence[str],
        *,
        now: datetime,
        holds: Sequence[Hold] = (),
    ) -> int:
        """After this no row tells anything of these people; of how many that was.

        Rows on a stream that one of the holds reaches stay as they are.
        """
        where = (*self._of(tenant, keys), *(~self._under(hold) for hold in holds))
        if self.emptied is None:
            statement: Any = delete(self.row).where(*where)
        else:
            statement = update(self.row).where(*where).values(**self.emptied(now))
        erased = statement.returning(self.row.connection_id)
        return len(session.execute(erased, execution_options={"synchronize_session": False}).all())

    def count(
        self, session: Session, tenant: str, keys: Sequence[str], *, holds: Sequence[Hold] = ()
    ) -> int:
        """How many rows ``erase`` would reach."""
        statement = select(func.count()).where(
            *self._of(tenant, keys), *(~self._under(hold) for hold in holds)
        )
        return session.scalar(statement) or 0

    def has_under(self, session: Session, tenant: str, keys: Sequence[str], hold: Hold) -> bool:
        """Whether the hold keeps a row that tells of these people."""
        statement = select(self.row.connection_id).where(*self._of(tenant, keys), self._under(hold))
        return session.scalar(statement.limit(1)) is not None

    def _of(self, tenant: str, keys: Sequence[str]) -> Iterator[ColumnElement[bool]]:
        yield self.row.tenant_id == tenant
        yield self.row.subject_keys.overlap(keys)
        if self.personal is not None:
            yield self.personal.is_not(None)

    def _under(self, hold: Hold) -> ColumnElement[bool]:
        reached: list[ColumnElement[bool]] = [true()]
        if hold.connection is not None:
            reached.append(self.row.connection_id == hold.connection)
        if hold.stream is not None:
            reached.append(self.row.stream == hold.stream)
        return and_(*reached)
