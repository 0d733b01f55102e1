"""Carrying out a confirmed deletion: shut out, clear, count, count again, and say so.

What the second count protects from. Elasticsearch and our database need none: a writer that
is still alive has an ended key, an alias that is gone and an epoch that no transaction passes. But
a request that was under way when its writer was shut out may still put down a segment in a bucket,
a refreshed token in a cluster, or the last events of a run that is being stopped: each within the
time that it waits for its own answer, which is ``LEASE``. Where every writer was seen to have
ended, only what such a server does after the end of a connection is left: ``SETTLE``.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from coworker_pipelines.connections.rows import Tenant
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.privacy.deletion.record import (
    DeletionRecord,
    Progress,
    names_are_free,
    outcomes_of,
    reached_of,
    settled_at_of,
)
from coworker_pipelines.privacy.deletion.shutting_out import (
    Runs,
    raise_epochs,
    withdraw_narrower,
    writers_are_gone,
)
from coworker_pipelines.privacy.exemptions import exempted
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import refuse_under_holds
from coworker_pipelines.privacy.names import CLEARED_FIRST, REGISTRATION
from coworker_pipelines.privacy.order_record import ORDER_LOCK_WAIT_S, Issue, target_rows
from coworker_pipelines.privacy.orders import (
    ENDED,
    OrderState,
    begin_attempt,
    extent_of,
    find_order,
    finish_order,
)
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.removers.rows import tables_of
from coworker_pipelines.privacy.targets import (
    TARGETS,
    Remover,
    Target,
    target,
)

log = get_logger(__name__)

LEASE: Final = timedelta(seconds=60)
"""The longest that any of our clients waits for an answer to what it writes."""
SETTLE: Final = timedelta(seconds=1)
COUNTED_EARLY: Final = ("indices",)
"""They go with what is in them, before it is their turn."""
PASSES_MAX: Final = 3
"""What comes back after that many clearings has a writer that nobody shut out."""


class Journalling(Protocol):
    """Keeps orders apart from database and Elasticsearch, for after a restore."""

    def announce(self, order_id: str) -> None:
        """After this the order rests there; nothing has been removed for it yet."""

    def publish(self) -> None:
        """After this all that was written down so far rests there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionWork:
    """With the rights to remove, which nobody else has. Each phase may be done again."""

    database: Database
    removers: Mapping[str, Remover]
    runs: Runs
    issue: Issue
    journal: Journalling
    clock: Clock
    sleep: Callable[[float], None]
    backup_days: int

    def carry_out(self, order_id: str, told: Callable[[Progress], None]) -> OrderState:
        """All phases, one after the other; the state in which the order is then.

        Raises:
            RetryLaterError: the order waits; it says what for.
        """
        self.shut_out(order_id)
        waits_for: list[RetryLaterError] = []
        for name in self.targets_of(order_id):
            try:
                told(self.clear(order_id, name))
            except RetryLaterError as error:
                waits_for.append(error)
        if waits_for:
            raise waits_for[0]
        return self.settle(order_id)

    def targets_of(self, order_id: str) -> list[str]:
        """Names of the targets to be cleared before the last; none where they were."""
        with self.database.privacy() as session:
            order = find_order(session, order_id)
            if order.state in ENDED or names_are_free(session, order_id):
                return []
            return _first(extent_of(order))

    @property
    def record(self) -> DeletionRecord:
        return DeletionRecord(self.database, self.clock)

    def counts(self, order_id: str) -> dict[str, int]:
        """How much of each target is gone."""
        return self.record.counts(order_id)

    def shut_out(self, order_id: str) -> None:
        """After this nobody writes for what is reached, and none begins to.

        Raises:
            RefusedError: the order is not confirmed.
            RetryLaterError: somebody else is carrying it out, or runs cannot be stopped.
        """
        now = self.clock.now()
        with self.record.alone(order_id):
            with self.database.privacy() as session:
                order = find_order(session, order_id, lock=True)
                if order.state == OrderState.DONE:
                    return
                begin_attempt(order, now=now)
                if names_are_free(session, order_id):
                    return
                withdraw_narrower(session, order, now=now)
                reached = reached_of(order)
            self._wait_for_holds(order_id, reached)
            with self.record.waiting_for(order_id, "the journal"):
                self.journal.announce(order_id)
            with self.record.waiting_for(order_id, "writers"):
                if reached.extent.stream is None:
                    with self.database.privacy() as session:
                        raise_epochs(session, reached, now=now)
                ended = self.runs.stop(reached)
                gone = writers_are_gone(self.database, reached) and ended
                for name in COUNTED_EARLY:
                    self._count_early(order_id, target(name), reached)
                self.record.settling(order_id, self.clock.now() + (SETTLE if gone else LEASE))
        log.info("writers_shut_out", order=order_id, all_ended=gone)

    def clear(self, order_id: str, name: str) -> Progress:
        """After this the target holds nothing of what is reached.

        Raises:
            RetryLaterError: it could not be cleared or counted; the order waits, and says so.
        """
        if name not in self.targets_of(order_id):
            return Progress(target=name, matched=0, left=0)
        with self.record.alone(order_id), self.record.waiting_for(order_id, name):
            with self.database.privacy() as session:
                reached = reached_of(find_order(session, order_id))
            return self._clear(order_id, target(name), reached)

    def settle(self, order_id: str) -> OrderState:
        """Count once more when the last writer's request is over; then the order is done.

        Raises:
            RetryLaterError: something is there again, or could not be counted: the order waits.
        """
        with self.record.alone(order_id):
            with self.database.privacy() as session:
                order = find_order(session, order_id)
                if order.state in ENDED:
                    return OrderState(order.state)
                reached, settled_at = reached_of(order), settled_at_of(order)
                counted = names_are_free(session, order_id)
            if not counted:
                self.sleep(max(0.0, (settled_at - self.clock.now()).total_seconds()))
                for name in _first(reached.extent):
                    with self.record.waiting_for(order_id, name):
                        self._count_again(order_id, name, reached)
            if target(REGISTRATION).is_reached_by(reached.extent):
                with self.record.waiting_for(order_id, REGISTRATION):
                    self._clear(order_id, target(REGISTRATION), reached)
                    self._count_again(order_id, REGISTRATION, reached)
            with self.record.waiting_for(order_id, "dead rows"):
                for name in _first(reached.extent):
                    self.removers[name].clear_away(reached)
                self.database.clear_away(_tables_of(reached.extent))
            self._finish(order_id)
        return OrderState.DONE

    def _wait_for_holds(self, order_id: str, reached: Reached) -> None:
        """None is placed over a confirmed order, but again in a database that was put back."""
        with (
            self.record.waiting_for(order_id, "the release of a hold"),
            self.database.privacy() as session,
        ):
            refuse_under_holds(session, reached.extent)

    @contextmanager
    def _holding(self, reached: Reached) -> Iterator[None]:
        """A stream shares its connection with others that go on: nobody may write meanwhile."""
        if reached.extent.stream is None:
            yield
            return
        with self.database.connection_lock(reached.connections[0].id, wait_s=ORDER_LOCK_WAIT_S):
            yield

    def _clear(self, order_id: str, entry: Target, reached: Reached) -> Progress:
        with self._holding(reached):
            self.record.found(order_id, entry, self.removers[entry.name].count(reached))
            left = self._emptied(entry.name, reached)
        return self.record.cleared(order_id, entry.name, left)

    def _count_early(self, order_id: str, entry: Target, reached: Reached) -> None:
        """A place that does not answer is waited for when it is its turn, not before."""
        if not entry.is_reached_by(reached.extent):
            return
        with suppress(RetryLaterError):
            self.record.found(order_id, entry, self.removers[entry.name].count(reached))

    def _emptied(self, name: str, reached: Reached) -> int:
        """What is left after as many passes as are allowed."""
        remover = self.removers[name]
        left = 0
        for _ in range(PASSES_MAX):
            remover.delete(reached)
            if not (left := remover.count(reached)):
                return 0
        raise RetryLaterError(f"{left} {target(name).counted_in} are there again.")

    def _count_again(self, order_id: str, name: str, reached: Reached) -> None:
        left = self.removers[name].count(reached)
        if left:
            # Somebody's last request came between; once more, and then it has to stay empty.
            self.record.found(order_id, target(name), left, again=True)
            with self._holding(reached):
                self._emptied(name, reached)
            self.sleep(SETTLE.total_seconds())
            left = self.removers[name].count(reached)
        if left:
            raise RetryLaterError(f"{left} {target(name).counted_in} are there again.")
        self.record.counted_again(order_id, name)

    def _finish(self, order_id: str) -> None:
        now = self.clock.now()
        with self.database.privacy() as session:
            order = find_order(session, order_id, lock=True)
            if order.state in ENDED:
                return
            for row in target_rows(session, order.id):
                row.deleted = row.matched
            outcomes = outcomes_of(session, order)
            self.issue(session, order, outcomes, exempted(backup_days=self.backup_days), now)
            finish_order(order, now=now)
            if session.get(Tenant, order.tenant_id) is None:
                # Nothing may name the client any more; the receipt says what was done.
                order.reason, order.stream = "", None
        log.info("deletion_done", order=order_id)
        self.journal.publish()
        # What the order itself had to know was the last that named anybody.
        self.database.clear_away(("orders",))


def _first(extent: Extent) -> list[str]:
    return [name for name in CLEARED_FIRST if target(name).is_reached_by(extent)]


def _tables_of(extent: Extent) -> list[str]:
    return [table for entry in TARGETS if entry.is_reached_by(extent) for table in tables_of(entry)]
