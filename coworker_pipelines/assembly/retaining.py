"""Retention over a deployment's stores."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from coworker_pipelines.assembly.safeguards import Safeguards
from coworker_pipelines.connections.connections import list_connections
from coworker_pipelines.database.database import Database, OpenSession
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.privacy.retention.preview import StreamPreview, preview_connection
from coworker_pipelines.privacy.retention.proof import proof_of
from coworker_pipelines.privacy.retention.sweep import StreamSweep, sweep_connection
from coworker_pipelines.privacy.retention.truth import Truth, as_check, measure
from coworker_pipelines.syncs.checks import CheckResult

if TYPE_CHECKING:
    from coworker_pipelines.assembly.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSweep:
    """``truths`` are what is true of each stream when the sweep is over."""

    kind: str
    swept: Sequence[StreamSweep]
    truths: Mapping[str, CheckResult]


@dataclass(frozen=True, slots=True)
class Retaining:
    """What people ask of the control plane; nothing is removed by asking.

    ``holdings`` opens all of a connection's data by its handle or id.
    """

    database: Database
    holdings: Callable[[str], AbstractContextManager[Holdings]]
    clock: Clock

    def preview(self, handle: str) -> list[StreamPreview]:
        with self.holdings(handle) as holdings:
            return preview_connection(holdings, now=self.clock.now())

    def truths(self, handle: str, streams: Sequence[str]) -> list[Truth]:
        """How old what is left of each stream is, measured from the data."""
        with self.holdings(handle) as holdings:
            return _truths(holdings, self.database.control, streams, self.clock.now())


@dataclass(frozen=True, slots=True)
class Sweeps:
    """What a run of the retention job does, with the rights to remove.

    ``holdings`` opens all of a connection's data by its handle or id. Each sweep that removed
    anything gets a receipt.
    """

    database: Database
    holdings: Callable[[str], AbstractContextManager[Holdings]]
    clock: Clock
    safeguards: Safeguards

    def connections_of(self, tenant: str) -> list[str]:
        """Ids of a tenant's connections, in a fixed order."""
        with self.database.privacy() as session:
            return sorted(one.id for one in list_connections(session, tenant_id=tenant))

    def sweep(self, handle: str) -> ConnectionSweep:
        """After this nothing of the connection is spent, but for what holds keep.

        Raises:
            RefusedError: database or Elasticsearch was put back to an earlier state, so that a
                hold may be missing.
        """
        self.safeguards.require_current()
        with self.holdings(handle) as holdings:
            swept = sweep_connection(holdings, clock=self.clock)
            self._prove(holdings.scope, swept)
            streams = [one.stream for one in swept]
            truths = _truths(holdings, self.database.privacy, streams, self.clock.now())
            return ConnectionSweep(
                kind=holdings.kind,
                swept=swept,
                truths={one.stream: as_check(one) for one in truths},
            )

    def _prove(self, scope: Scope, swept: Sequence[StreamSweep]) -> None:
        proof = proof_of(scope, swept)
        if proof is None:
            return
        with self.database.privacy() as session:
            self.safeguards.receipts.issue(session, proof, now=self.clock.now())
        with self.database.privacy() as session:
            self.safeguards.journal.publish(session)


def _truths(
    holdings: Holdings, opened: OpenSession, streams: Sequence[str], now: datetime
) -> list[Truth]:
    return [measure(holdings.admin, opened, holdings.scope, stream, now=now) for stream in streams]


@contextmanager
def open_sweeps(platform: "Platform") -> Iterator[Sweeps]:
    with platform:
        yield platform.sweeps
