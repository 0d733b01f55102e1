"""What our own database holds of an extent.

A table goes by the columns that it has: ``tenant_id``, ``connection_id`` and ``stream``. So one
that is added to a target's places needs nothing here, unless it is one of the exceptions below.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, delete, func, null, or_, select, update
from sqlalchemy.orm import Session

from coworker_pipelines.database.rows import Row
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.orders import ENDED, OrderKind, OrderState
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.targets import Remover, Target

TABLE_PLACE: Final = "table:"
_NOBODY: Final = {"subject_keys": [], "erased_at": func.now()}
_EMPTIED: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    # Who read stays known as long as the tenant does; which document it was does not.
    "document_readings": ("sealed_key", {"sealed_key": None}),
    # Their chain has to hold as long as the tenant is there, so each leaves its open half.
    "decisions": ("personal", {"personal": None, "salt": None, **_NOBODY}),
    # That something left, when and where to stays known; a hash of what it was does not.
    "sent": ("digest", {"digest": None, **_NOBODY}),
}
"""Tables whose rows outlive their connection: by a column that is empty afterwards, all that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Rows of one table; with ``instead`` these columns are emptied and the rows stay."""

    table: Table
    where: ColumnElement[bool]
    instead: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRemover(Remover):
    """All tables of a target, those first that refer to others.

    ``session`` opens a transaction that sees all tenants; of who only counts it is another's.
    """

    session: Callable[[], AbstractContextManager[Session]]
    target: Target

    def count(self, reached: Reached) -> int:
        with self.session() as session:
            return sum(_count(session, part) for part in self._parts(reached.extent))

    def delete(self, reached: Reached) -> int:
        with self.session() as session:
            return sum(_remove(session, part) for part in self._parts(reached.extent))

    def _parts(self, extent: Extent) -> Iterator[_Part]:
        names = set(tables_of(self.target))
        if missing := names - Row.metadata.tables.keys():
            raise DefectError(f"The registry names tables that nobody knows: {sorted(missing)}.")
        for table in reversed(Row.metadata.sorted_tables):
            if table.name in names and (part := _part(table, extent)) is not None:
                yield part
            if table.name in names and table.name == "orders" and extent.connection is None:
                yield _open_erasures(table, extent)


def tables_of(target: Target) -> list[str]:
    """The tables of our database that a target names."""
    return [
        place.removeprefix(TABLE_PLACE) for place in target.places if place.startswith(TABLE_PLACE)
    ]


def _part(table: Table, extent: Extent) -> _Part | None:
    """What the extent has in the table; ``None`` where the table knows nothing so narrow."""
    columns = table.c
    match table.name:
        case "tenants":
            if extent.connection is not None:
                return None
            return _Part(table=table, where=columns.id == extent.tenant)
        case "connections":
            if extent.stream is not None:
                return None
            own = columns.tenant_id == extent.tenant
            if extent.connection is not None:
                own = and_(own, columns.id == extent.connection)
            return _Part(table=table, where=own)
        case "sync_streams":
            return _Part(table=table, where=_of_syncs(table, extent))
        case name if name in _EMPTIED and extent.connection is not None:
            return _emptied(table, extent)
        case "orders":
            return _texts_of_orders(table, extent)
        case _:
            where = _own(table, extent)
            return None if where is None else _Part(table=table, where=where)


def _own(table: Table, extent: Extent) -> ColumnElement[bool] | None:
    wanted = {"tenant_id": extent.tenant}
    if extent.connection is not None:
        wanted["connection_id"] = extent.connection
    if extent.stream is not None:
        wanted["stream"] = extent.stream
    if not wanted.keys() <= set(table.c.keys()):
        return None
    return and_(*(table.c[name] == value for name, value in wanted.items()))


def _of_syncs(table: Table, extent: Extent) -> ColumnElement[bool]:
    """They know their connection by their sync alone."""
    where = table.c.tenant_id == extent.tenant
    if extent.connection is not None:
        syncs = Row.metadata.tables["syncs"]
        own = select(syncs.c.id).where(syncs.c.connection_id == extent.connection)
        where = and_(where, table.c.sync_id.in_(own))
    if extent.stream is not None:
        where = and_(where, table.c.stream == extent.stream)
    return where


def _emptied(table: Table, extent: Extent) -> _Part:
    where = _own(table, extent)
    assert where is not None
    told, instead = _EMPTIED[table.name]
    return _Part(table=table, where=and_(where, table.c[told].is_not(None)), instead=dict(instead))


def _texts_of_orders(table: Table, extent: Extent) -> _Part | None:
    """Earlier orders stay as ids and dates; what people wrote into them goes with the tenant."""
    if extent.connection is not None:
        return None
    columns = table.c
    told = or_(
        columns.reason != "",
        columns.stream.is_not(None),
        columns.detail.is_not(None),
        columns.reach.is_not(None),
    )
    return _Part(
        table=table,
        where=and_(columns.tenant_id == extent.tenant, columns.state.in_(ENDED), told),
        instead={"reason": "", "stream": None, "detail": None, "reach": None},
    )


def _open_erasures(table: Table, extent: Extent) -> _Part:
    """Erasures in a tenant that goes: there is nobody left to erase, and no key to open them with.

    The deletion's receipt answers for them. An open deletion ends by itself, with its own.
    """
    columns = table.c
    is_open = and_(columns.kind == OrderKind.ERASURE, columns.state.not_in(ENDED))
    emptied = dict.fromkeys(("sealed", "reach", "preview", "detail", "due_at"), null())
    return _Part(
        table=table,
        where=and_(columns.tenant_id == extent.tenant, is_open),
        instead={
            **emptied,
            "state": OrderState.WITHDRAWN,
            "reason": "",
            "finished_at": func.now(),
        },
    )


def _count(session: Session, part: _Part) -> int:
    return session.scalar(select(func.count()).select_from(part.table).where(part.where)) or 0


def _remove(session: Session, part: _Part) -> int:
    if part.instead is not None:
        changed = update(part.table).where(part.where).values(**part.instead)
        return session.execute(changed).rowcount  # type: ignore[attr-defined,no-any-return]
    gone = delete(part.table).where(part.where)
    return session.execute(gone).rowcount  # type: ignore[attr-defined,no-any-return]
