"""Dagster's processes: started together, found again, and gone together."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.services.dagster import (
    DagsterServer,
    DagsterStatus,
    dagster_environment,
)
from coworker_pipelines.services.ports import LOOPBACK
from coworker_pipelines.services.processes import hear_interrupts

WEBSERVER, DAEMON = MODULES = ("dagster_webserver", "dagster._daemon")


def _environment(database_url: str) -> dict[str, str]:
    """Nothing of ours but what Dagster itself wants: no sensor finds anything to do."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COWORKER_")}
    return dagster_environment(bare, database_url=database_url.replace("+psycopg", "+psycopg2"))


@pytest.fixture
def environment(module_database_url: str) -> Mapping[str, str]:
    return _environment(module_database_url)


@pytest.fixture
def server(tmp_path: Path, environment: Mapping[str, str]) -> Iterator[DagsterServer]:
    server = DagsterServer(tmp_path / "state", environment=environment)
    yield server
    server.stop()


def test_both_start_are_found_again_are_replaced_where_one_died_and_end(
    server: DagsterServer, tmp_path: Path, environment: Mapping[str, str]
) -> None:
    said: list[str] = []
    address = server.start(port=None, progress=said.append)
    assert address.startswith(f"http://{LOOPBACK}:")
    assert said == ["starting Dagster"]
    again = DagsterServer(tmp_path / "state", environment=environment)
    assert again.status().running
    assert again.start(port=None, progress=said.append) == address
    assert said == ["starting Dagster"]

    first = [_process(server, module) for module in MODULES]
    first[1].send_signal(signal.SIGKILL)
    first[1].wait()
    assert not again.status().running
    assert server.start(port=None, progress=said.append) == again.status().address
    assert not [process for process in first if _lives(process)]

    second = _with_children(server)
    again.stop()
    again.stop()
    assert not server.status().running
    assert not [process for process in second if _lives(process)]


def test_a_process_that_ends_while_it_starts_leaves_none_behind(tmp_path: Path) -> None:
    environment = _environment("")
    del environment["COWORKER_DAGSTER_DATABASE_URL"]
    server = DagsterServer(tmp_path, environment=environment)
    with pytest.raises(TenantActionError, match="ended while it was starting; its log says why"):
        server.start(port=None, progress=lambda _: None)
    assert not [module for module in MODULES if server._process(module) is not None]
    logs = [(server.home / f"{module}.log").read_text(encoding="utf-8") for module in MODULES]
    assert any("COWORKER_DAGSTER_DATABASE_URL" in log for log in logs)


def test_a_port_that_is_taken_is_said_and_nothing_starts(server: DagsterServer) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TenantActionError, match=f"Port {port} is in use: set COWORKER_DAGSTER"):
            server.start(port=port, progress=lambda _: None)
    assert not server.status().running


def test_what_an_earlier_life_left_is_not_taken_for_running(server: DagsterServer) -> None:
    for module in MODULES:
        (server.home / f"{module}.pid").write_text(f"{os.getpid()}\n", encoding="utf-8")
    (server.home / "address").write_text("http://127.0.0.1:3000", encoding="utf-8")
    assert server.status() == DagsterServer(server.home.parent, environment={}).status()
    assert not server.status().running
    server.stop()
    assert psutil.pid_exists(os.getpid())


def test_processes_whose_address_was_never_written_have_none(server: DagsterServer) -> None:
    for module in MODULES:
        command = [sys.executable, "-c", "import time; time.sleep(600)", module]
        process = subprocess.Popen(command, preexec_fn=hear_interrupts)  # noqa: PLW1509
        server._started.append(process)
        (server.home / f"{module}.pid").write_text(f"{process.pid}\n", encoding="utf-8")
    assert server.status() == DagsterStatus(running=True, address=None)
    server.stop()
    assert server.status() == DagsterStatus(running=False)


def test_the_home_holds_the_shipped_settings(server: DagsterServer) -> None:
    shipped = (Path(__file__).parents[2] / "dagster.yaml").read_text(encoding="utf-8")
    settings = server.home / "dagster.yaml"
    assert settings.read_text(encoding="utf-8") == shipped
    settings.write_text("telemetry: {enabled: true}", encoding="utf-8")
    assert (server.home / "dagster.yaml").read_text(encoding="utf-8") == shipped


def test_the_environment_is_left_as_it_is() -> None:
    before = {"A": "1"}
    made = dagster_environment(before, database_url="postgresql+psycopg2://ann@db/dagster")
    assert made["COWORKER_DAGSTER_DATABASE_URL"].endswith("/dagster")
    assert made["DAGSTER_REDACT_USER_CODE_ERRORS"] == "1"
    assert before == {"A": "1"}


def _process(server: DagsterServer, module: str) -> psutil.Process:
    found = server._process(module)
    assert found is not None
    return found


def _with_children(server: DagsterServer) -> list[psutil.Process]:
    processes = [_process(server, module) for module in MODULES]
    return [*processes, *(child for one in processes for child in one.children(recursive=True))]


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
