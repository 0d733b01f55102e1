"""A sync on command: Dagster's own run, in this process, with its progress on the screen."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from dagster import DagsterInstance, ExecuteInProcessResult, Failure
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from coworker_pipelines.assembly import Platform
from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import errors, show_one, show_rows
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.syncs import describe_sync, find_sync
from coworker_pipelines.connectors.registry import connector_class
from coworker_pipelines.defs.graph import build_definitions
from coworker_pipelines.defs.kinds import Kind
from coworker_pipelines.defs.partitions import Span, connections_of, require_begun
from coworker_pipelines.defs.platform import Platform as ShellPlatform
from coworker_pipelines.defs.platform import PlatformResource
from coworker_pipelines.defs.verdicts import verdict_of
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.kernel.errors import (
    CoworkerError,
    DefectError,
    TenantActionError,
)
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.services.dagster import DagsterServer, dagster_environment
from coworker_pipelines.settings import SecretsIn, Settings
from coworker_pipelines.syncs.context import Step

_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Dagster keeps what it logs; on the screen stands our own sentence, and no stack trace."""
MASKED_ERRORS: Final = "dagster.redacted_errors"
"""Dagster's logger of what it masks elsewhere: a foreign error's story is told there alone."""
STREAM_COLUMNS: Final = (
    "stream", "window", "read", "indexed", "unchanged", "rejected", "activities",
    "decisions", "actions", "seconds",
)  # fmt: skip


def sync_with_progress(handle: str, windows: tuple[Window, ...], *, as_json: bool) -> None:
    """Run the connection's job over the windows, and show what came of it.

    Raises:
        CoworkerError: the run failed; verdict and sentence are those of its failure.
    """
    with opened() as platform:
        with platform.database.control() as session:
            connection = find_connection(session, handle)
            kind, handle = connection.kind, connection.handle
        with _progress(shown=not as_json) as listener:
            result = run_sync(kind, Span(connection=handle, windows=windows), listener)
        raise_failure(result)
        with platform.database.control() as session:
            sync = find_sync(session, result.run_id)
            content = describe_sync(session, sync, with_streams=True)
    if as_json:
        show_one(content, as_json=True)
        return
    show_rows(content["streams"], STREAM_COLUMNS, as_json=False, none="There was nothing to do.")


def run_sync(kind: str, span: Span, listener: Callable[[Step], None]) -> ExecuteInProcessResult:
    """The kind's job over the span; Dagster keeps the run as it keeps any other."""
    first_window = Settings.from_environment(os.environ).first_window
    require_begun(span, first=first_window, now=SystemClock().now())
    drawn = Kind.of(connector_class(kind), first_window)
    definitions = build_definitions([drawn], _ListeningResource(listener))
    job = definitions.resolve_job_def(f"sync_{kind}")
    with open_instance() as instance:
        name = connections_of(kind).name
        assert name is not None
        instance.add_dynamic_partitions(name, [span.connection])
        return job.execute_in_process(
            instance=instance,
            run_id=str(uuid4()),
            tags=span.partition_tags | span.run_tags,
            run_config=_QUIET,
            raise_on_error=False,
        )


@contextmanager
def open_instance() -> Iterator[DagsterInstance]:
    """Dagster's instance, as the webserver and the daemon have it.

    Raises:
        TenantActionError: its database cannot be reached.
    """
    settings = Settings.from_environment(os.environ)
    url = settings.dagster_database_url
    if url is None:
        with Platform(settings) as platform:
            url = platform.local.dagster_database_url()
    _require_reachable(url)
    # Also where the environment names it: Dagster works with the driver that settings choose.
    environment = dagster_environment({}, database_url=url)
    with _known_to_dagster(environment), DagsterInstance.from_config(_home(settings)) as instance:
        yield instance


@contextmanager
def _known_to_dagster(environment: Mapping[str, str]) -> Iterator[None]:
    """Dagster reads its process's environment: inside, this is a part of it."""
    before = dict(os.environ)
    os.environ.update(environment)
    masked = logging.getLogger(MASKED_ERRORS)
    masked.addFilter(_is_foreign)
    try:
        yield
    finally:
        masked.removeFilter(_is_foreign)
        for name in environment:
            os.environ.pop(name, None)
        os.environ.update({name: before[name] for name in environment.keys() & before.keys()})


def _is_foreign(record: logging.LogRecord) -> bool:
    """Whether an error that Dagster masks is none of ours, whose sentence is shown anyway."""
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        if isinstance(error, (CoworkerError, Failure)):
            return False
        error = error.__cause__ or error.__context__
    return True


def _home(settings: Settings) -> str:
    """The folder with Dagster's settings: one machine's are ours, a cluster's are deployed."""
    if settings.secrets is SecretsIn.FILE:
        return str(DagsterServer(settings.state, environment=os.environ).home)
    home = os.environ.get("DAGSTER_HOME")
    if home is None or not Path(home, "dagster.yaml").is_file():
        raise TenantActionError(
            "Dagster's settings are not here: DAGSTER_HOME has to name the folder of dagster.yaml."
        )
    return home


def _require_reachable(url: str) -> None:
    """Dagster itself would try for a quarter of a minute, and then show where it stood."""
    engine = create_engine(url, poolclass=NullPool)
    try:
        engine.connect().close()
    except OperationalError as error:
        raise TenantActionError(
            "Dagster's database cannot be reached: start it with `coworker services up`, or "
            "correct COWORKER_DAGSTER_DATABASE_URL."
        ) from error


def raise_failure(result: ExecuteInProcessResult) -> None:
    """Return if the run succeeded; else raise what made it fail, by its verdict."""
    for event in result.all_events:
        if event.is_step_failure:
            said = event.step_failure_data.user_failure_data
            if said is not None and said.description:
                raise verdict_of(said)(said.description)
    if not result.success:
        raise DefectError(f"The run {result.run_id} failed; its log says why.")


class _ListeningResource(PlatformResource):
    def __init__(self, listener: Callable[[Step], None]) -> None:
        self._listener = listener

    def open(self) -> AbstractContextManager[ShellPlatform]:
        return Platform.from_environment(progress=self._listener)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[Step], None]]:
    """A line for each phase, stream and window, on standard error; nothing for a program."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:,.0f} records"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, disable=not shown, transient=True) as display:
        tasks: dict[tuple[str, str, Window], TaskID] = {}

        def listen(step: Step) -> None:
            place = (step.phase, step.stream, step.window)
            if place not in tasks:
                title = f"{step.phase:8} {step.stream} {step.window.key[:7]}"
                tasks[place] = display.add_task(title, total=None)
            display.update(tasks[place], completed=step.records)

        yield listen
