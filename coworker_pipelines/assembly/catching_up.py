"""A catch-up over a tenant's connections: looked at, ordered, carried out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coworker_pipelines.activities.store import ActivitiesStore
from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.automation.decisions.admission import Admission, Event
from coworker_pipelines.automation.decisions.catch_up import (
    Plan,
    carry_out,
    note_progress,
    order_catch_up,
    preview,
)
from coworker_pipelines.automation.decisions.deciding import DecidedCounts
from coworker_pipelines.automation.decisions.dry_run import DryRun
from coworker_pipelines.connections.naming import name_in
from coworker_pipelines.connections.rounds import require_none_waiting
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.syncs.context import LOCK_WAIT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchingUp:
    """``slug`` is the tenant's, ``handles`` are the connections that it is about."""

    platform: Platform
    plan: Plan
    slug: str
    handles: Sequence[str]

    def preview(self) -> DryRun:
        """What would be done; nothing is kept."""
        run = DryRun()
        for handle in self.handles:
            with (
                self.platform.open_reading(handle) as reading,
                self.platform.database.control() as session,
            ):
                # What waits would be looked at twice, by the rules themselves and by this.
                require_none_waiting(session, reading.scope.connection)
                preview(
                    run,
                    session,
                    self.plan,
                    _events(reading.activities),
                    connection=name_in(handle),
                )
        return run

    def order(self, previewed: DryRun, *, typed: str, ordered_by: str) -> str:
        """The order's id: from here on it is carried out.

        Raises:
            RefusedError: what was typed is not the tenant's slug.
        """
        if typed != self.slug:
            raise RefusedError(
                f"A catch-up is confirmed by the tenant's short name, and {typed!r} is another."
            )
        scopes = [self.platform.scope_of(handle) for handle in self.handles]
        with self.platform.database.control() as session:
            return order_catch_up(
                session,
                self.plan,
                previewed,
                connections=[scope.connection for scope in scopes],
                ordered_by=ordered_by,
                now=self.platform.clock.now(),
            )

    def carry_out(self, order: str) -> DecidedCounts:
        """One connection after another; what was done before a failure stays done, and noted."""
        total = DecidedCounts()
        for handle in self.handles:
            with self.platform.open_reading(handle) as reading:
                counts = self._carry_out(order, handle, reading.scope, reading.activities)
            with self.platform.database.control() as session:
                note_progress(session, order, counts)
            total += counts
        with self.platform.database.control() as session:
            note_progress(session, order, DecidedCounts(), done_at=self.platform.clock.now())
        return total

    def _carry_out(
        self, order: str, handle: str, scope: Scope, activities: ActivitiesStore
    ) -> DecidedCounts:
        database = self.platform.database
        with database.connection_lock(scope.connection, wait_s=LOCK_WAIT_S):
            with database.tenant(scope.tenant) as session:
                require_none_waiting(session, scope.connection)
            return carry_out(
                database,
                self.plan,
                order,
                _events(activities),
                connection=name_in(handle),
                now=self.platform.clock.now(),
                admit=Admission(scope=scope),
            )


def _events(activities: ActivitiesStore) -> Iterator[Event]:
    return (event for page in activities.scan() for event in page)
