"""`coworker services`: what runs on this machine."""

import os
import signal
import threading
from collections.abc import Callable, Collection
from typing import Annotated, Final

import typer

from coworker_pipelines.cli.opening import reaching_database
from coworker_pipelines.cli.output import Json, console, show_rows
from coworker_pipelines.database.migrations import migrate
from coworker_pipelines.services.dagster import DagsterServer, dagster_environment
from coworker_pipelines.services.local import LocalServices, Service
from coworker_pipelines.settings import Settings

LOOK_S: Final = 5.0

app = typer.Typer(no_args_is_help=True, help="Postgres, Elasticsearch and Dagster on this machine.")


@app.command()
def up(
    *,
    dagster: Annotated[
        bool, typer.Option("--dagster", help="Start Dagster's webserver and daemon as well.")
    ] = False,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay until Ctrl-C, then stop everything.")
    ] = False,
) -> None:
    """Start what is needed and is not given by COWORKER_..._URL; what runs already stays.

    The database is brought to the newest revision.
    """
    settings = Settings.from_environment(os.environ)
    local, needed = _local(settings), _needed(settings)
    local.start(needed, _say)
    with reaching_database():
        migrate(settings.database_url or local.database_url())
    console.print("Postgres and Elasticsearch are up, and the database is ready.")
    if dagster:
        address = _dagster(settings, local).start(port=settings.dagster_port, progress=_say)
        console.print(f"Dagster: [bold]{address}[/]")
    if foreground:
        console.print("Press Ctrl-C to stop.")
        if not stay_while(lambda: _runs(settings, local, needed, dagster=dagster)):
            console.print("Something of it has ended, or was stopped from elsewhere.")
        console.print("Stopping ...")
        _stop(settings, local)


@app.command()
def down() -> None:
    """Stop what was left running; what is stored stays."""
    settings = Settings.from_environment(os.environ)
    _stop(settings, _local(settings))
    console.print("Nothing runs any more.")


@app.command()
def status(*, as_json: Json = False) -> None:
    """Say what runs, and where."""
    settings = Settings.from_environment(os.environ)
    local = _local(settings)
    rows = [
        {
            "service": str(entry.service),
            "running": entry.running,
            "pid": str(entry.pid or "-"),
            "address": entry.address,
        }
        for entry in local.status()
    ]
    server = DagsterServer(settings.state, environment=os.environ).status()
    rows.append(
        {"service": "dagster", "running": server.running, "pid": "-", "address": server.address}
    )
    show_rows(rows, ("service", "running", "pid", "address"), as_json=as_json, none="Nothing.")


def _needed(settings: Settings) -> frozenset[Service]:
    needed = set(Service)
    if settings.elasticsearch is not None:
        needed.discard(Service.ELASTICSEARCH)
    if settings.database_url is not None and settings.dagster_database_url is not None:
        needed.discard(Service.POSTGRES)
    return frozenset(needed)


def _local(settings: Settings) -> LocalServices:
    return LocalServices(
        settings.state,
        elasticsearch_port=settings.elasticsearch_port,
        environment=os.environ,
        cache=settings.cache,
    )


def _dagster(settings: Settings, local: LocalServices) -> DagsterServer:
    url = settings.dagster_database_url or local.dagster_database_url()
    return DagsterServer(
        settings.state, environment=dagster_environment(os.environ, database_url=url)
    )


def _stop(settings: Settings, local: LocalServices) -> None:
    DagsterServer(settings.state, environment=os.environ).stop()
    local.down()


def stay_while(runs: Callable[[], bool], *, look_s: float = LOOK_S) -> bool:
    """Return when somebody says stop, or when nothing is left to stay for: true, or false."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.wait(look_s):
        if not runs():
            return False
    return True


def _runs(
    settings: Settings, local: LocalServices, needed: Collection[Service], *, dagster: bool
) -> bool:
    """Whether all that was started still runs."""
    if dagster and not DagsterServer(settings.state, environment=os.environ).status().running:
        return False
    return all(entry.running for entry in local.status() if entry.service in needed)


def _say(message: str) -> None:
    console.print(f"[dim]{message} ...[/]")
