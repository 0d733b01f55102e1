"""Real Dagster processes over the fake code location, in a folder of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagster_shared.yaml_utils import load_yaml_from_path

ROOT = Path(__file__).parents[2]
START_S = 60.0
STOP_S = 6.0


def shipped_settings() -> dict[str, Any]:
    """The project's own ``dagster.yaml``."""
    settings = load_yaml_from_path(str(ROOT / "dagster.yaml"))
    assert isinstance(settings, dict)
    return settings


def deployed_settings() -> dict[str, Any]:
    """Those that are deployed to a cluster."""
    path = ROOT / "deploy" / "kubernetes" / "base" / "dagster.yaml"
    settings = load_yaml_from_path(str(path))
    assert isinstance(settings, dict)
    return settings


def write_home(home: Path, **instead: Any) -> None:
    """The shipped settings, with Dagster's own files in place of Postgres. JSON is YAML."""
    settings = shipped_settings() | instead
    del settings["storage"]
    settings["run_coordinator"]["config"]["dequeue_interval_seconds"] = 1
    (home / "dagster.yaml").write_text(json.dumps(settings), encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A code location, and what the environment of each program says beside the test's own."""

    name: str
    arguments: tuple[str, ...]
    environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Servers:
    """Code server, webserver and daemon; each is stopped by its process id."""

    def __init__(self, home: Path, location: Location | None = None) -> None:
        self._home = home
        self._location = location or FAKES
        self._code_port, self._web_port = _free_port(), _free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        server = {
            "host": "127.0.0.1",
            "port": self._code_port,
            "location_name": self._location.name,
        }
        self._workspace = home / "workspace.yaml"
        self._workspace.write_text(
            json.dumps({"load_from": [{"grpc_server": server}]}), encoding="utf-8"
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._web_port}"

    def start_code_and_web(self) -> None:
        port = str(self._code_port)
        self._start(
            "dagster", "api", "grpc", "-h", "127.0.0.1", "-p", port, *self._location.arguments
        )
        wait_until(lambda: _listens(self._code_port), START_S)
        web = ("-h", "127.0.0.1", "-p", str(self._web_port))
        self._start("dagster_webserver", *web, "-w", str(self._workspace))
        wait_until(self._answers, START_S)

    def start_daemon(self) -> None:
        self._start("dagster._daemon", "run", "-w", str(self._workspace))

    def ask(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        request = urllib.request.Request(  # noqa: S310 - our own server on loopback
            f"{self.url}/graphql", data=body, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                answer = json.loads(response.read())
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.send_signal(signal.SIGINT)
        for process in reversed(self._processes):
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self._home.glob("*.log")))

    def _start(self, module: str, *arguments: str) -> None:
        log = self._home / f"{len(self._processes)}-{module}.log"
        environment = os.environ | {
            "DAGSTER_HOME": str(self._home),
            "DAGSTER_REDACT_USER_CODE_ERRORS": "1",
            **self._location.environments.get(module, {}),
        }
        with log.open("wb") as output:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", module, *arguments],
                    cwd=ROOT,
                    env=environment,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )

    def _answers(self) -> bool:
        try:
            self.ask("{ version }")
        except (urllib.error.URLError, OSError):
            return False
        return True


FAKES = Location(name="fakes", arguments=("-m", "tests.fakes.location", "-d", str(ROOT)))


@contextmanager
def servers(home: Path) -> Iterator[Servers]:
    write_home(home)
    with started(Servers(home)) as running:
        yield running


@contextmanager
def started(running: Servers) -> Iterator[Servers]:
    """Code server and webserver answer; what was started meanwhile has ended afterwards."""
    try:
        running.start_code_and_web()
        yield running
    except BaseException:
        print(running.log())  # noqa: T201 - shown when the test fails
        raise
    finally:
        running.stop()


def wait_until(holds: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"this did not come true in {timeout_s:g} s"
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
