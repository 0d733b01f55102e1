"""How far a connection's messages are numbered, for ever and whatever is deleted since.

The numbers stand with the messages. But the last ones may be deleted, and a number that was given
once must not be given again: who has read up to it would never see the new one. So the highest is
kept here too, with the connection's syncs, which last as long as the connection.
"""

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from coworker_pipelines.connections.rows import Sync
from coworker_pipelines.kernel.scope import Scope


def last_published(session: Session, scope: Scope) -> int:
    """The number up to which all messages are there: none is on its way below it."""
    last = session.scalar(
        select(func.max(Sync.last_sequence)).where(Sync.connection_id == scope.connection)
    )
    return last or 0


def publish(session: Session, scope: Scope, last: int) -> None:
    """Messages up to this number are written; it never goes back."""
    newest = (
        select(Sync.id)
        .where(Sync.connection_id == scope.connection)
        .order_by(Sync.started_at.desc(), Sync.id)
        .limit(1)
        .scalar_subquery()
    )
    session.execute(
        update(Sync)
        .where(Sync.id == newest)
        .values(last_sequence=func.greatest(Sync.last_sequence, last))
        .execution_options(synchronize_session=False)
    )
