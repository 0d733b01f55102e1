"""What the shell asks of the platform, and the resource that opens it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from dagster import DagsterInstance, ResourceParam

from coworker_pipelines.kernel.clock import Clock, SystemClock
from coworker_pipelines.kernel.window import Window

if TYPE_CHECKING:  # their modules import every adapter, and definitions have to load quickly
    from coworker_pipelines.assembly.retaining import ConnectionSweep
    from coworker_pipelines.connections.due import DueConnection
    from coworker_pipelines.privacy.clock import OrderClock
    from coworker_pipelines.privacy.deletion.record import Progress
    from coworker_pipelines.syncs.context import Bounds
    from coworker_pipelines.syncs.result import PhaseResult


class CheckResult(Protocol):
    """Whether something holds, and in one sentence what was seen."""

    @property
    def passed(self) -> bool: ...
    @property
    def summary(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, str | int | float | bool]: ...


class Sync(Protocol):
    """One connection, opened for one run; ``streams`` are the selected ones."""

    @property
    def streams(self) -> tuple[str, ...]: ...
    def extract(
        self, stream: str, window: Window, bounds: "Bounds | None" = None
    ) -> "PhaseResult": ...
    def store(self, stream: str, window: Window) -> "PhaseResult": ...
    def derive(self, stream: str, window: Window) -> "PhaseResult": ...
    def decide(self, stream: str, window: Window) -> "PhaseResult": ...


class Platform(Protocol):
    """One connection and its stores, as a run needs them."""

    def open_sync(
        self, handle: str, run_id: str, windows: Sequence[Window]
    ) -> AbstractContextManager[Sync]: ...
    def balance_of_last_sync(self, handle: str, stream: str) -> CheckResult: ...
    def index_owner(self, handle: str, stream: str) -> CheckResult: ...
    def retention_truth(self, handle: str, stream: str) -> CheckResult: ...


class ControlPlatform(Protocol):
    """All connections, as sensors and schedules need them."""

    def due(self, now: datetime, limit: int) -> "Sequence[DueConnection]": ...
    def mark_started(self, due: "DueConnection") -> bool: ...
    def connections(self, kind: str) -> Iterable[str]: ...
    def freshness(self, kind: str) -> CheckResult: ...
    def rotate_expiring_keys(self, limit: int) -> "Sequence[str]": ...
    def tokens_are_due(self) -> bool: ...
    def refresh_tokens(self) -> Mapping[str, int]: ...
    def actions_are_due(self) -> bool: ...
    def dispatch_actions(self) -> Mapping[str, int]: ...
    def deletion_clock(self) -> "OrderClock": ...
    def erasure_clock(self) -> "OrderClock": ...
    def replay_of_the_day(self) -> CheckResult: ...
    def chains_of_the_day(self) -> CheckResult: ...
    def outbox_age(self) -> CheckResult: ...
    def dead_letters(self) -> CheckResult: ...
    def tenants_with_policies(self, after: str, limit: int) -> Sequence[str]: ...


class RetentionSweeps(Protocol):
    """One connection after another; each by its id, which tells nobody who its tenant is."""

    def connections_of(self, tenant: str) -> Sequence[str]: ...
    def sweep(self, connection: str) -> "ConnectionSweep": ...


class Deletion(Protocol):
    """One confirmed deletion after another, each by its order's id."""

    def shut_out(self, order_id: str) -> None: ...
    def clear(self, order_id: str, name: str) -> "Progress": ...
    def settle(self, order_id: str) -> str: ...
    def counts(self, order_id: str) -> Mapping[str, int]: ...


class Erasure(Protocol):
    """One confirmed erasure after another, each by its order's id."""

    def keep_out(self, order_id: str) -> None: ...
    def clear(self, order_id: str, name: str) -> Mapping[str, int]: ...
    def expunge(self, order_id: str) -> None: ...
    def settle(self, order_id: str) -> str: ...
    def counts(self, order_id: str) -> Mapping[str, int]: ...


class PlatformResource:
    """Opens the platform that the environment describes. Secrets are read then, and not before."""

    def open(self) -> AbstractContextManager[Platform]:
        from coworker_pipelines.assembly import open_platform  # noqa: PLC0415 - seconds

        return open_platform()

    def open_control(self) -> AbstractContextManager[ControlPlatform]:
        """With the control plane's rights, which no run in the cluster has."""
        from coworker_pipelines.assembly import Platform as Assembled  # noqa: PLC0415 - seconds

        return Assembled.from_environment()

    def open_sweeps(self) -> AbstractContextManager[RetentionSweeps]:
        """With the rights to remove."""
        from coworker_pipelines.assembly import Platform as Assembled  # noqa: PLC0415 - seconds
        from coworker_pipelines.assembly.retaining import open_sweeps  # noqa: PLC0415 - the same

        return open_sweeps(Assembled.from_environment())

    def open_deletions(self, instance: DagsterInstance) -> AbstractContextManager[Deletion]:
        """With the rights to remove, which nobody else has."""
        from coworker_pipelines.defs.deleting import open_deletion_work  # noqa: PLC0415 - seconds

        return open_deletion_work(instance)

    def open_erasures(self) -> AbstractContextManager[Erasure]:
        """With the rights to remove, which nobody else has."""
        from coworker_pipelines.defs.erasing import open_erasure_work  # noqa: PLC0415 - seconds

        return open_erasure_work()

    def clock(self) -> Clock:
        return SystemClock()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


PlatformParameter = ResourceParam[PlatformResource]
"""How a Dagster function asks for it."""
