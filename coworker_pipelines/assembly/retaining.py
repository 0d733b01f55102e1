"""Retention over a deployment's stores."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coworker_pipelines.assembly.safeguards import Safeguards
from coworker_pipelines.connections.connections import find_connection, list_connections
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.privacy.retention.policies import tenants_with_policies
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
    """``holdings`` opens all of a connection's data by its handle or id.

    Each sweep that removed anything gets a receipt.
    """

    database: Database
    holdings: Callable[[str], AbstractContextManager[Holdings]]
    clock: Clock
    safeguards: Safeguards

    def tenants(self, after: str, limit: int) -> list[str]:
        """Ids of tenants with policies, ascending, those behind ``after``."""
        with self.database.control() as session:
            return tenants_with_policies(session, after=after, limit=limit)

    def preview(self, handle: str) -> list[StreamPreview]:
        with self.holdings(handle) as holdings:
            return preview_connection(holdings, now=self.clock.now())

    def sweep(self, handle: str) -> list[StreamSweep]:
        """After this nothing of the connection is spent, but for what holds keep.

        Raises:
            RefusedError: database or Elasticsearch was put back to an earlier state, so that a
                hold may be missing.
        """
        self.safeguards.require_current()
        with self.holdings(handle) as holdings:
            swept = sweep_connection(holdings, clock=self.clock)
            proof = proof_of(holdings.scope, swept)
        if proof is not None:
            with self.database.privacy() as session:
                self.safeguards.receipts.issue(session, proof, now=self.clock.now())
            with self.database.privacy() as session:
                self.safeguards.journal.publish(session)
        return swept

    def truths(self, handle: str, streams: Sequence[str]) -> list[Truth]:
        """How old what is left of each stream is, measured from the data."""
        with self.holdings(handle) as holdings:
            return [
                measure(
                    holdings.admin,
                    holdings.database,
                    holdings.scope,
                    stream,
                    now=self.clock.now(),
                )
                for stream in streams
            ]


class Sweeps:
    """What a run of the retention job does."""

    def __init__(self, retaining: Retaining) -> None:
        self._retaining = retaining

    def connections_of(self, tenant: str) -> list[str]:
        """Ids of a tenant's connections, in a fixed order."""
        with self._retaining.database.control() as session:
            return sorted(one.id for one in list_connections(session, tenant_id=tenant))

    def sweep(self, connection: str) -> ConnectionSweep:
        swept = self._retaining.sweep(connection)
        with self._retaining.database.control() as session:
            kind = find_connection(session, connection).kind
        truths = self._retaining.truths(connection, [one.stream for one in swept])
        return ConnectionSweep(
            kind=kind, swept=swept, truths={one.stream: as_check(one) for one in truths}
        )


@contextmanager
def open_sweeps(platform: "Platform") -> Iterator[Sweeps]:
    with platform:
        yield Sweeps(platform.retention)
