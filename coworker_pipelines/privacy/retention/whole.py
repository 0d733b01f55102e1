"""Where every document of a stream is spent, its index goes whole: the bytes are gone at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from coworker_pipelines.connections.derivations import derivation_lock
from coworker_pipelines.connections.holds import keep_holds_still, standing_over
from coworker_pipelines.connections.retention import Basis
from coworker_pipelines.documents import names
from coworker_pipelines.documents.aging import ages, older_than
from coworker_pipelines.documents.indices import create_documents_index, delete_stream_index
from coworker_pipelines.documents.reader import EVERYTHING, count, refresh
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.privacy.holdings import Holdings

LOCK_WAIT_S: Final = 5.0


def remove_whole(holdings: Holdings, stream: str, *, now: datetime) -> tuple[int, int]:
    """How many documents and activities went; none where one of them stays, or a run is at work.

    A run of the connection would find no index to write to, so its lock is taken, if it is free.
    """
    try:
        with _nobody_at_work(holdings) as session:
            documents = _all_spent(session, holdings, stream, now)
            if not documents:
                return 0, 0
            activities = holdings.activities.delete_stream(stream)
            delete_stream_index(holdings.admin, holdings.scope, stream)
            create_documents_index(
                holdings.admin, holdings.scope, stream, replicas=holdings.replicas
            )
            return documents, activities
    except RetryLaterError:
        # What it would have done is done document by document.
        return 0, 0


@contextmanager
def _nobody_at_work(holdings: Holdings) -> Iterator[Session]:
    scope, database = holdings.scope, holdings.database
    with (
        database.connection_lock(scope.connection, wait_s=0),
        database.connection_lock(derivation_lock(scope.connection), wait_s=LOCK_WAIT_S),
        database.privacy() as session,
    ):
        keep_holds_still(session, scope.tenant)
        yield session


def _all_spent(session: Session, holdings: Holdings, stream: str, now: datetime) -> int:
    """How many documents there are, if every one is spent by its own time; else nought.

    Those that go by the time of their ingestion have to be known again, one by one.
    """
    policy, holds = standing_over(session, holdings.scope, stream)
    if policy is None or holds or policy.basis is not Basis.EVENT:
        return 0
    alias = names.documents_alias(holdings.scope, stream)
    refresh(holdings.admin, alias)
    found = ages(holdings.admin, alias, EVERYTHING)
    spent = older_than(policy.basis, policy.spent_before(now))
    if found.undated or count(holdings.admin, alias, spent) < found.documents:
        return 0
    return found.documents
