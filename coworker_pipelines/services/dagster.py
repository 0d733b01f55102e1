"""Dagster's webserver and daemon on one machine: processes, started and stopped by their ids."""

import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import psutil

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.services.files import make_folder
from coworker_pipelines.services.ports import LOOPBACK, is_free
from coworker_pipelines.services.processes import find_process, hear_interrupts, stop_process
from coworker_pipelines.services.waiting import await_value

PROJECT: Final = Path(__file__).parents[2]
PORT_DEFAULT: Final = 3000
PORTS_TRIED: Final = 20
START_S: Final = 120.0
STOP_S: Final = 30.0
_WEBSERVER: Final = "dagster_webserver"
_DAEMON: Final = "dagster._daemon"
ERRORS_MASKED: Final = {"DAGSTER_REDACT_USER_CODE_ERRORS": "1"}
"""Dagster keeps the text of foreign errors out of its database: it may hold a client's data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DagsterStatus:
    """Whether both processes live, and where the user interface answers."""

    running: bool
    address: str | None = None


class DagsterServer:
    """Webserver and daemon over the code location that ``workspace.yaml`` names.

    ``state`` holds their home, their logs and their process ids. ``environment`` is what they,
    and the runs that they launch, see.
    """

    def __init__(self, state: Path, *, environment: Mapping[str, str]) -> None:
        self._home = state.resolve() / "dagster"
        self._started: list[subprocess.Popen[bytes]] = []
        self._environment = dict(environment) | {
            "COWORKER_STATE": str(state.resolve()),
            "DAGSTER_HOME": str(self._home),
            **ERRORS_MASKED,
        }

    @property
    def home(self) -> Path:
        """Dagster's own folder, with the project's settings in it."""
        make_folder(self._home).chmod(0o700)  # the logs of runs are nobody else's
        shutil.copyfile(PROJECT / "dagster.yaml", self._home / "dagster.yaml")
        return self._home

    def start(self, *, port: int | None, progress: Callable[[str], None]) -> str:
        """Both run, and the user interface answers at the address that comes back.

        Raises:
            TenantActionError: the port is taken, or a process ended while it started.
        """
        status = self.status()
        if status.running and status.address is not None:
            return status.address
        self.stop()
        chosen = _free_port(port)
        home = self.home
        progress("starting Dagster")
        workspace = str(PROJECT / "workspace.yaml")
        address = f"http://{LOOPBACK}:{chosen}"
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._launch(_WEBSERVER, "-h", LOOPBACK, "-p", str(chosen), "-w", workspace)
            self._launch(_DAEMON, "run", "-w", workspace)
            (home / "address").write_text(address, encoding="utf-8")
            await_value(
                lambda: address if _answers(address) else None,
                of="Dagster's webserver or daemon",
                is_alive=self._both_live,
                timeout_s=START_S,
            )
            undo.pop_all()
        return address

    def stop(self) -> None:
        """Neither runs, nor what they started."""
        for module in (_DAEMON, _WEBSERVER):
            process = self._process(module)
            if process is None:
                continue
            children = process.children(recursive=True)
            stop_process(process, by=signal.SIGINT, wait_s=STOP_S)
            for child in children:
                if child.is_running():
                    stop_process(child, by=signal.SIGTERM, wait_s=STOP_S)
        # Those that this very process started are its children, and are collected by it.
        for started in self._started:
            started.poll()
        self._started.clear()

    def status(self) -> DagsterStatus:
        if not self._both_live():
            return DagsterStatus(running=False)
        path = self._home / "address"
        # Whoever started them may have been killed before it wrote down where they answer.
        address = path.read_text(encoding="utf-8") if path.exists() else None
        return DagsterStatus(running=True, address=address)

    def environments(self) -> dict[str, dict[str, str]]:
        """What each process that runs was started with, by its module."""
        running = ((module, self._process(module)) for module in (_WEBSERVER, _DAEMON))
        return {module: process.environ() for module, process in running if process is not None}

    def _both_live(self) -> bool:
        return all(self._process(module) is not None for module in (_WEBSERVER, _DAEMON))

    def _process(self, module: str) -> psutil.Process | None:
        return find_process(self._pid_file(module), argument=module)

    def _launch(self, module: str, *arguments: str) -> None:
        with (self._home / f"{module}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=hear_interrupts,  # noqa: PLW1509 - it calls nothing that takes a lock
            )
        self._started.append(process)
        self._pid_file(module).write_text(f"{process.pid}\n", encoding="utf-8")

    def _pid_file(self, module: str) -> Path:
        return self._home / f"{module}.pid"


def dagster_environment(environment: Mapping[str, str], *, database_url: str) -> dict[str, str]:
    """The environment of whoever works with Dagster: its database's address, and errors masked."""
    return {**environment, "COWORKER_DAGSTER_DATABASE_URL": database_url, **ERRORS_MASKED}


def _free_port(wanted: int | None) -> int:
    if wanted is not None:
        if not is_free(wanted):
            raise TenantActionError(
                f"Port {wanted} is in use: set COWORKER_DAGSTER_PORT to another one."
            )
        return wanted
    for port in range(PORT_DEFAULT, PORT_DEFAULT + PORTS_TRIED):
        if is_free(port):
            return port
    raise TenantActionError(
        f"The ports {PORT_DEFAULT} to {PORT_DEFAULT + PORTS_TRIED - 1} are in use: set "
        "COWORKER_DAGSTER_PORT to a free one."
    )


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/server_info", timeout=5) as response:  # noqa: S310 - our own server on loopback
            return bool(response.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False
