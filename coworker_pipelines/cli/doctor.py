"""`coworker doctor`: whether this deployment stands as it should."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from coworker_pipelines.assembly import Platform
from coworker_pipelines.assembly.doctor import DagsterQuestions, deployment_checks
from coworker_pipelines.cli.output import Json, console, show_json, show_rows
from coworker_pipelines.cli.syncing import open_instance
from coworker_pipelines.defs.instance_state import instance_state
from coworker_pipelines.doctor.check import Result, Verdict
from coworker_pipelines.doctor.dagster import DagsterState
from coworker_pipelines.doctor.examination import TIMEOUT_S, examine, status
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.services.dagster import DagsterServer
from coworker_pipelines.settings import Settings

_COLOURS = {
    Verdict.OK: "green",
    Verdict.WARNING: "yellow",
    Verdict.FAILED: "bold red",
    Verdict.NOT_APPLICABLE: "dim",
}


def doctor(
    timeout: Annotated[
        float, typer.Option(min=1, max=600, help="Seconds that each check may take.")
    ] = TIMEOUT_S,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also show the checks that are well.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check this deployment: what connects, who may do what, clocks, versions, room.

    Each check tells what is expected, what was seen and what to do. The exit status is 1 where
    one has failed; a check that could not be made has failed.
    """
    settings = Settings.from_environment(os.environ)
    questions = DagsterQuestions(state=_dagster_state, environments=lambda: _environments(settings))
    with Platform(settings) as platform:
        checks = deployment_checks(platform, settings, questions)
        results = examine(checks, timeout_s=timeout)
    if as_json:
        show_json([_row(result) for result in results])
    else:
        _show(results, everything=everything)
    raise typer.Exit(status(results))


def _dagster_state() -> DagsterState:
    with open_instance() as instance:
        return instance_state(instance, SystemClock().now())


def _environments(settings: Settings) -> Mapping[str, Mapping[str, str]]:
    """Those of Dagster's processes on this machine; where none runs here, this process's own.

    In a cluster every component has its environment from one place, and this process too.
    """
    running = DagsterServer(settings.state, environment=os.environ).environments()
    return running or {"this process": dict(os.environ)}


def _row(result: Result) -> Mapping[str, Any]:
    found = result.outcome
    return {
        "subject": result.subject,
        "check": result.name,
        "verdict": found.verdict,
        "expected": found.expected,
        "seen": found.seen,
        "do": found.advice,
        "seconds": round(result.seconds, 3),
    }


def _show(results: Sequence[Result], *, everything: bool) -> None:
    columns = ("verdict", "subject", "check", "seen")
    well = {Verdict.OK, Verdict.NOT_APPLICABLE}
    shown = [one for one in results if everything or one.outcome.verdict not in well]
    if shown:
        show_rows([_row(one) for one in shown], columns, as_json=False, none="")
    for one in shown:
        if one.outcome.advice is not None:
            colour = _COLOURS[one.outcome.verdict]
            console.print(
                f"[{colour}]{one.subject}: {one.name}[/]\n  expected: {one.outcome.expected}\n"
                f"  to do: {one.outcome.advice}",
                highlight=False,
            )
    counts = Counter(result.outcome.verdict for result in results)
    console.print(", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict))
