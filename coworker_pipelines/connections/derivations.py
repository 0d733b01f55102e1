"""Documents that wait for their activities."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.rows import PendingDerivation
from coworker_pipelines.connections.stream_states import as_date, fence, sync_stream
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window


def pending_derivations(
    session: Session, scope: Scope, stream: str, window: Window
) -> Sequence[PendingDerivation]:
    """One for each sync whose documents wait, in a fixed order."""
    return session.scalars(
        select(PendingDerivation)
        .where(
            PendingDerivation.connection_id == scope.connection,
            PendingDerivation.stream == stream,
            PendingDerivation.window == as_date(window),
        )
        .order_by(PendingDerivation.sync_id)
    ).all()


def finish_derivation(
    session: Session,
    *,
    scope: Scope,
    stream: str,
    window: Window,
    written_sync: str,
    run_sync: str,
    activities: int,
) -> None:
    """The documents of ``written_sync`` have their activities; ``run_sync`` made them."""
    fence(session, scope)
    session.execute(
        delete(PendingDerivation).where(
            PendingDerivation.connection_id == scope.connection,
            PendingDerivation.stream == stream,
            PendingDerivation.window == as_date(window),
            PendingDerivation.sync_id == written_sync,
        )
    )
    sync_stream(session, scope, run_sync, stream, window).activities += activities
