"""Whether Dagster stands: its instance, its daemon, its queue. What it says comes from outside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from coworker_pipelines.doctor.check import Check, Outcome, outcome

SUBJECT: Final = "dagster"
HEARTBEAT_S_MAX: Final = 120.0
"""The daemon beats every 30 s; Dagster itself calls it dead after as long again as this."""
REQUIRED_DAEMONS: Final = ("SENSOR", "SCHEDULER", "QUEUED_RUN_COORDINATOR", "MONITORING")
REQUIRED_LIMITS: Final = ("coworker/connection", "coworker/tenant")
COORDINATOR: Final = "TenantRunCoordinator"
REDACTION: Final = "DAGSTER_REDACT_USER_CODE_ERRORS"


@dataclass(frozen=True, slots=True, kw_only=True)
class DagsterState:
    """``heartbeats`` are ages in seconds; ``limits`` are the queue's, by tag."""

    storage: str
    heartbeats: Mapping[str, float]
    coordinator: str
    launcher: str
    runs_max: int
    limits: Mapping[str, int]


def dagster_checks(
    state: Callable[[], DagsterState],
    environments: Callable[[], Mapping[str, Mapping[str, str]]],
    *,
    launcher: str,
) -> list[Check]:
    """``environments`` are those of Dagster's processes, by name; ``launcher`` is expected."""
    looks = {
        "instance connects": lambda: _connects(state()),
        "daemon is alive": lambda: _daemon(state()),
        "queue has its limits": lambda: _queue(state()),
        "runs are launched as they should": lambda: _launcher(state(), launcher),
        "foreign errors are kept out of its events": lambda: _redaction(environments()),
    }
    return [Check(subject=SUBJECT, name=name, look=look) for name, look in looks.items()]


def _connects(state: DagsterState) -> Outcome:
    return outcome(
        holds="Postgres" in state.storage,
        expected="its storage is Postgres",
        seen=state.storage,
        advice="Name a Postgres database in COWORKER_DAGSTER_DATABASE_URL.",
    )


def _daemon(state: DagsterState) -> Outcome:
    missing = [name for name in REQUIRED_DAEMONS if name not in state.heartbeats]
    stale = [
        f"{name} {age:,.0f} s ago"
        for name, age in sorted(state.heartbeats.items())
        if name in REQUIRED_DAEMONS and age > HEARTBEAT_S_MAX
    ]
    seen = [f"never: {', '.join(missing)}"] if missing else []
    seen += [f"last: {', '.join(stale)}"] if stale else []
    return outcome(
        holds=not missing and not stale,
        expected=f"a heartbeat of each part within {HEARTBEAT_S_MAX:g} s",
        seen="; ".join(seen) or "all parts beat",
        advice="Start the daemon (`coworker services up --dagster`), or read its log.",
    )


def _queue(state: DagsterState) -> Outcome:
    missing = [tag for tag in REQUIRED_LIMITS if tag not in state.limits]
    wrong = missing or state.coordinator != COORDINATOR or state.runs_max < 1
    shown = ", ".join(f"{tag}: {limit}" for tag, limit in sorted(state.limits.items()))
    return outcome(
        holds=not wrong and state.limits["coworker/connection"] == 1,
        expected=f"{COORDINATOR}, one run for a connection, a limit for a tenant",
        seen=f"{state.coordinator}, {state.runs_max} runs, {shown or 'no limit of a tag'}",
        advice="Take run_coordinator from the project's dagster.yaml.",
    )


def _launcher(state: DagsterState, expected: str) -> Outcome:
    return outcome(
        holds=state.launcher == expected,
        expected=expected,
        seen=state.launcher,
        advice="Take run_launcher from the dagster.yaml of this kind of deployment.",
    )


def _redaction(environments: Mapping[str, Mapping[str, str]]) -> Outcome:
    without = sorted(name for name, values in environments.items() if values.get(REDACTION) != "1")
    return outcome(
        holds=bool(environments) and not without,
        expected=f"{REDACTION}=1 in each of Dagster's processes",
        seen=f"not in {', '.join(without)}" if without else f"in {len(environments)} processes",
        advice=f"Set {REDACTION}=1 for the processes that are named, and start them anew.",
    )
