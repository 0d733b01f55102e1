"""A platform in memory: it counts what it is asked, and fails where it is told to."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime

from coworker_pipelines.assembly.retaining import ConnectionSweep
from coworker_pipelines.connections.due import DueConnection
from coworker_pipelines.defs.kinds import Kind
from coworker_pipelines.defs.platform import (
    ControlPlatform,
    Platform,
    PlatformResource,
    RetentionSweeps,
)
from coworker_pipelines.kernel.clock import Clock, FixedClock
from coworker_pipelines.kernel.errors import CoworkerError, TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.clock import DueOrder, OrderClock, Truth
from coworker_pipelines.sdk.stream import Field, IdentifierKind, Stream, SyncMode
from coworker_pipelines.syncs.context import Bounds
from coworker_pipelines.syncs.result import PhaseResult

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)

COMMITS = Stream(
    name="commits",
    fields=(
        Field(name="sha", type="string"),
        Field(name="author_email", type="string", identifier=IdentifierKind.EMAIL),
        Field(name="committed_at", type="string"),
    ),
    primary_key=("sha",),
    mode=SyncMode.WINDOW,
    cursor_field="committed_at",
    time_field="committed_at",
    description="Every commit that is reachable from a branch.",
)
BRANCHES = Stream(
    name="branches",
    fields=(Field(name="name", type="string"),),
    primary_key=("name",),
    mode=SyncMode.SNAPSHOT,
    description="The branches, as they are now.",
)
GIT = Kind(
    name="git",
    description="A repository, by path or address.",
    streams=(COMMITS, BRANCHES),
)
SQL = Kind(name="sql", description="A database: its tables and views.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeCheck:
    passed: bool = True
    summary: str = "It holds."
    metadata: dict[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    phase: str
    handle: str
    stream: str
    window: str


class FakeSync:
    def __init__(self, platform: "FakePlatform", handle: str, streams: tuple[str, ...]) -> None:
        self._platform = platform
        self._handle = handle
        self.streams = streams

    def extract(self, stream: str, window: Window, bounds: Bounds | None = None) -> PhaseResult:
        self._platform.bounds.append(bounds)
        return self._phase("extract", stream, window)

    def store(self, stream: str, window: Window) -> PhaseResult:
        return self._phase("store", stream, window)

    def derive(self, stream: str, window: Window) -> PhaseResult:
        return self._phase("derive", stream, window)

    def decide(self, stream: str, window: Window) -> PhaseResult:
        return self._phase("decide", stream, window)

    def _phase(self, phase: str, stream: str, window: Window) -> PhaseResult:
        call = Call(phase, self._handle, stream, window.key)
        self._platform.calls.append(call)
        self._platform.fail(call)
        return PhaseResult(
            stream=stream,
            window=window,
            metadata={
                "read": window.month,
                "seconds": 0.25,
                "records per second": window.month * 4.0,
                "cursor after": "none",
            },
        )


class FakePlatform:
    """``connections`` maps handles to kinds; ``fail`` may raise for a call."""

    def __init__(
        self,
        connections: dict[str, str],
        *,
        streams: tuple[str, ...] = ("commits", "branches"),
        fail: Callable[[Call], None] = lambda _: None,
    ) -> None:
        self.known = connections
        self.streams = streams
        self.fail = fail
        self.due_now: list[DueConnection] = []
        self.started: list[DueConnection] = []
        self.calls: list[Call] = []
        self.bounds: list[Bounds | None] = []
        self.sleeps: list[float] = []
        self.ended: list[str] = []
        self.balance = FakeCheck()
        self.owner = FakeCheck()
        self.fresh = FakeCheck()
        self.aged = FakeCheck()
        self.decided_alike = FakeCheck()
        self.asked: list[str] = []
        self.swept: dict[str, dict[str, ConnectionSweep]] = {}
        self.tokens: dict[str, int] = {}
        self.actions: dict[str, int] = {}
        self.deletions_due: list[DueOrder] = []
        self.erasures_due: list[DueOrder] = []

    @contextmanager
    def open_sync(self, handle: str, run_id: str, windows: Sequence[Window]) -> Iterator[FakeSync]:
        assert run_id
        assert windows
        if handle not in self.known:
            raise TenantActionError(f"There is no connection {handle!r}.")
        try:
            yield FakeSync(self, handle, self.streams)
        except CoworkerError as error:
            self.ended.append(str(error))
            raise
        self.ended.append("")

    def due(self, now: datetime, limit: int) -> Sequence[DueConnection]:
        return [connection for connection in self.due_now if connection.due_at <= now][:limit]

    def mark_started(self, due: DueConnection) -> bool:
        self.started.append(due)
        self.due_now = [one for one in self.due_now if one != due]
        return True

    def connections(self, kind: str) -> Iterable[str]:
        return (handle for handle, of in self.known.items() if of == kind)

    def balance_of_last_sync(self, handle: str, stream: str) -> FakeCheck:
        assert handle in self.known
        assert stream
        return self.balance

    def index_owner(self, handle: str, stream: str) -> FakeCheck:
        assert handle in self.known
        assert stream
        return self.owner

    def retention_truth(self, handle: str, stream: str) -> FakeCheck:
        assert handle in self.known
        assert stream
        return self.aged

    def tenants_with_policies(self, after: str, limit: int) -> Sequence[str]:
        return [one for one in sorted(self.swept) if one > after][:limit]

    def connections_of(self, tenant: str) -> Sequence[str]:
        return sorted(self.swept[tenant])

    def sweep(self, connection: str) -> ConnectionSweep:
        return next(of[connection] for of in self.swept.values() if connection in of)

    def freshness(self, kind: str) -> FakeCheck:
        assert kind
        return self.fresh

    def replay_of_the_day(self) -> FakeCheck:
        self.asked.append("replay")
        return self.decided_alike

    def chains_of_the_day(self) -> FakeCheck:
        self.asked.append("chains")
        return FakeCheck()

    def outbox_age(self) -> FakeCheck:
        self.asked.append("outbox")
        return FakeCheck()

    def dead_letters(self) -> FakeCheck:
        self.asked.append("dead letters")
        return FakeCheck()

    def rotate_expiring_keys(self, limit: int) -> Sequence[str]:
        assert limit
        return sorted(self.known)

    def tokens_are_due(self) -> bool:
        return bool(self.tokens)

    def refresh_tokens(self) -> dict[str, int]:
        return self.tokens

    def actions_are_due(self) -> bool:
        return bool(self.actions)

    def dispatch_actions(self) -> dict[str, int]:
        return self.actions

    def deletion_clock(self) -> OrderClock:
        return OrderClock(
            due=tuple(self.deletions_due),
            in_time=Truth(passed=True, summary="None is late."),
            no_survivors=Truth(passed=not self.deletions_due, summary="None waits."),
        )

    def erasure_clock(self) -> OrderClock:
        return OrderClock(
            due=tuple(self.erasures_due),
            in_time=Truth(passed=True, summary="None is late."),
            no_survivors=Truth(passed=not self.erasures_due, summary="None waits."),
        )

    def add_due(
        self, handle: str, *windows: Window, at: datetime = NOW, kind: str | None = None
    ) -> DueConnection:
        due = DueConnection(
            handle=handle,
            kind=kind or self.known[handle],
            scope=Scope(tenant="t" * 16, connection="c" * 16, epoch=1),
            due_at=at,
            windows=windows or (Window.of(at),),
        )
        self.due_now.append(due)
        return due


def resource_for(platform: FakePlatform) -> PlatformResource:
    """The resource, opening this platform; time stands still and nobody waits."""

    class FakeResource(PlatformResource):
        def open(self) -> AbstractContextManager[Platform]:
            return nullcontext(platform)

        def open_control(self) -> AbstractContextManager[ControlPlatform]:
            return nullcontext(platform)

        def open_sweeps(self) -> AbstractContextManager[RetentionSweeps]:
            return nullcontext(platform)

        def clock(self) -> Clock:
            return FixedClock(NOW)

        def sleep(self, seconds: float) -> None:
            platform.sleeps.append(seconds)

    return FakeResource()
