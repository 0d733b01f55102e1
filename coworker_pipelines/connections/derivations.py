"""Documents that wait for their activities."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.rounds import await_decisions
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


def derivation_lock(connection: str) -> str:
    """What a derivation holds, and a sweep while it removes documents with their activities.

    So no activity is made from a document that is just going, and outlives it.
    """
    return f"{connection}/derivation"


def finish_derivation(
    session: Session,
    *,
    scope: Scope,
    stream: str,
    window: Window,
    written_sync: str,
    run_sync: str,
    activities: int,
    already_there: int,
    now: datetime,
    some_wait: bool = False,
) -> None:
    """The documents of ``written_sync`` have their activities; ``run_sync`` made them.

    These wait for their decisions from now on. Also where all were ``already_there``: a run that
    died just before this may have made them.
    ``some_wait``: not all of the documents could be worked on, so the rest is due again.
    """
    fence(session, scope)
    if activities or already_there:
        await_decisions(session, scope, stream, window, written_sync, now=now)
    if not some_wait:
        session.execute(
            delete(PendingDerivation).where(
                PendingDerivation.connection_id == scope.connection,
                PendingDerivation.stream == stream,
                PendingDerivation.window == as_date(window),
                PendingDerivation.sync_id == written_sync,
            )
        )
    sync_stream(session, scope, run_sync, stream, window).activities += activities
