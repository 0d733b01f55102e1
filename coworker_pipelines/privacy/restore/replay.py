"""Carrying out again what a restored copy does not know."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.privacy.restore.entries import REMOVING, Entry, EntryKind
from coworker_pipelines.privacy.restore.instance import Instance
from coworker_pipelines.privacy.rows import JournalEntry

log = get_logger(__name__)


class Replayer(ABC):
    """Does again what entries of one kind ordered."""

    @abstractmethod
    def replay(self, entry: Entry) -> None:
        """After this it is done, in database and Elasticsearch as they are now.

        It may have been done before, wholly or in part, and its tenant, connection or stream may
        not be there any more: then there is nothing to do.

        Raises:
            RetryLaterError: something could not be reached or counted.
        """


Replayers = Mapping[EntryKind, Replayer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    number: int
    kind: EntryKind
    order_id: str


def replay(
    instance: Instance,
    replayers: Replayers,
    *,
    since: int | None = None,
    now: datetime,
    tell: Callable[[Replayed], None],
) -> int:
    """After this database and Elasticsearch are as if they had never been put back; how many.

    ``since`` is the first entry to do again; without one it is found by the markers. What is done
    is noted entry by entry, so that after a crash the next try goes on.

    Raises:
        RefusedError: nobody carries out entries of some kind.
    """
    first = _first(instance) if since is None else since
    done = 0
    for entry in instance.journal.after(first - 1):
        if _needs_nothing(instance, entry, anew=since is not None or done > 0):
            continue
        replayer = replayers.get(entry.kind)
        if replayer is None:
            raise RefusedError(f"Nobody here carries out entries of the kind {entry.kind}.")
        replayer.replay(entry)
        with instance.database.privacy() as session:
            instance.journal.adopt(session, entry, now=now)
        log.info("entry_replayed", number=entry.number, kind=entry.kind, order=entry.order_id)
        tell(Replayed(number=entry.number, kind=entry.kind, order_id=entry.order_id))
        done += 1
    _mark(instance)
    return done


def _first(instance: Instance) -> int:
    """The oldest entry that the database does not know, or that the cluster has not seen."""
    standing = instance.standing()
    if standing.is_cluster_behind:
        return min(standing.known, standing.seen) + 1
    return standing.known + 1


def _needs_nothing(instance: Instance, entry: Entry, *, anew: bool) -> bool:
    """The database knows the order as one that is not done: whoever carries it out goes on.

    Or as one that is in the database alone, and nothing was done ``anew`` that had come before
    it: a deletion takes what was said of its extent away, also what was said later.
    """
    with instance.database.privacy() as session:
        row = session.get(JournalEntry, entry.number)
        if row is None:
            return False
        return row.done_at is None or (entry.kind not in REMOVING and not anew)


def _mark(instance: Instance) -> None:
    required = instance.standing().required
    if required:
        instance.mark(required)
