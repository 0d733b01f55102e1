"""The hands at Dagster's own storage."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dagster import DagsterInstance, EventLogRecord
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import deserialize_value, serialize_value
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from coworker_pipelines.database.url import DRIVER
from coworker_pipelines.defs.traces.names import masked
from coworker_pipelines.defs.traces.tables import (
    LAST,
    OWN,
    SHARED,
    Traces,
    count_rows,
    delete_rows,
    find_traces,
)
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.targets import Remover

_RUN_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CONNECT_TIMEOUT_S: Final = 10
STATEMENT_TIMEOUT_S: Final = 300
REWRITTEN_BYTES_MAX: Final = 32 * 2**20
"""Larger tables are not written anew, because Dagster would stand still meanwhile."""


class TraceRemover(Remover):
    """Everything that Dagster keeps, by the address of its database and its instance's files."""

    def __init__(self, instance: DagsterInstance, url: str) -> None:
        self._url = url
        root = instance.root_directory
        self._logs = _LogFiles(steps=_folder_of_steps(instance), home=Path(root) if root else None)

    def count(self, reached: Reached) -> int:
        with self._connected() as connection:
            traces = find_traces(connection, reached)
            known = _known_runs(connection)
            return count_rows(connection, traces) + self._logs.count(traces, known)

    def delete(self, reached: Reached) -> int:
        with self._connected() as connection:
            traces = find_traces(connection, reached)
            known = _known_runs(connection)
            # Files first: they are found by their runs, and after a crash those are still there.
            gone = self._logs.delete(traces, known)
            _renew_last(connection, traces)
            return gone + delete_rows(connection, traces)

    def clear_away(self, reached: Reached) -> None:
        """Dead rows leave their bytes behind; Postgres before 17 lets only the owner clear them."""
        assert reached
        with _translated():
            engine = self._engine().execution_options(isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                for table in sorted({*OWN, *SHARED}):
                    size = connection.execute(
                        text("SELECT pg_total_relation_size(CAST(:table AS regclass))"),
                        {"table": table},
                    ).scalar_one()
                    how = "(FULL)" if size <= REWRITTEN_BYTES_MAX else ""
                    connection.execute(text(f"VACUUM {how} {table}"))

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with _translated(), self._engine().begin() as connection:
            connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'"))
            yield connection

    def _engine(self) -> Engine:
        return create_engine(
            # Dagster names another driver than ours.
            make_url(self._url).set(drivername=DRIVER),
            poolclass=NullPool,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        )


class _LogFiles:
    """What steps and the processes themselves printed, as files of this machine."""

    def __init__(self, *, steps: Path | None, home: Path | None) -> None:
        self._steps = steps
        self._home = home

    def count(self, traces: Traces, known: set[str]) -> int:
        return sum(1 for _ in self._own(traces, known)) + sum(1 for _ in self._naming(traces))

    def delete(self, traces: Traces, known: set[str]) -> int:
        gone = 0
        for folder in tuple(self._own(traces, known)):
            shutil.rmtree(folder, ignore_errors=True)
            gone += 1
        for path in tuple(self._naming(traces)):
            _mask_file(path, traces.names)
            gone += 1
        return gone

    def _own(self, traces: Traces, known: set[str]) -> Iterator[Path]:
        """Folders of the reached's runs, and those of runs that nobody knows any more."""
        if self._steps is None or not self._steps.is_dir():
            return
        for folder in self._steps.iterdir():
            is_run = folder.is_dir() and _RUN_ID.fullmatch(folder.name)
            if is_run and (folder.name in traces.runs or folder.name not in known):
                yield folder

    def _naming(self, traces: Traces) -> Iterator[Path]:
        """Files in which a name stands among others: of sensors, of the daemon."""
        if self._home is None or not self._home.is_dir() or not traces.handles:
            return
        for path in sorted(self._home.rglob("*")):
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                if masked(content, traces.names) != content:
                    yield path


def _mask_file(path: Path, names: str) -> None:
    """In place, because its writer appends to it and goes on to do so."""
    with path.open("r+b") as file:
        content = masked(file.read(), names)
        file.seek(0)
        file.write(content)
        file.truncate()


def _folder_of_steps(instance: DagsterInstance) -> Path | None:
    manager = instance.compute_log_manager
    if not isinstance(manager, LocalComputeLogManager):
        return None
    return Path(manager._base_dir)  # noqa: SLF001 - Dagster shows it to nobody


def _known_runs(connection: Connection) -> set[str]:
    return set(connection.execute(text("SELECT run_id FROM runs")).scalars())


def _renew_last(connection: Connection, traces: Traces) -> None:
    """Of each asset the latest materialisation is one that stays, or none."""
    found = connection.execute(
        text(f"SELECT asset_key FROM asset_keys WHERE {LAST}"), traces.parameters()
    )
    for asset_key in found.scalars().all():
        latest = connection.execute(
            text(
                "SELECT id, event, run_id FROM event_logs WHERE asset_key = :asset_key "
                "AND dagster_event_type = 'ASSET_MATERIALIZATION' AND run_id <> ALL(:runs) "
                "AND (partition IS NULL OR split_part(partition, '|', 1) <> ALL(:handles)) "
                "ORDER BY id DESC LIMIT 1"
            ),
            {**traces.parameters(), "asset_key": asset_key},
        ).one_or_none()
        record = None
        if latest is not None:
            entry = deserialize_value(latest.event, EventLogEntry)
            record = serialize_value(EventLogRecord(storage_id=latest.id, event_log_entry=entry))
        connection.execute(
            text(
                "UPDATE asset_keys SET last_materialization = :record, last_run_id = :run "
                "WHERE asset_key = :asset_key"
            ),
            {
                "record": record,
                "run": None if latest is None else latest.run_id,
                "asset_key": asset_key,
            },
        )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise RetryLaterError("Dagster's database does not answer, or broke off.") from error
