"""A real server of the API of Google Cloud Storage, on loopback.

Built from its source on first use: about two minutes, then it is found below ``CACHE``.
"""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import urllib3

from coworker_pipelines.services.ports import LOOPBACK
from tests.go_programs import installed

VERSION: Final = "v1.52.2"
SOURCE: Final = f"github.com/fsouza/fake-gcs-server@{VERSION}"
BUILD_S_MAX: Final = 600
START_S_MAX: Final = 20.0
END_S_MAX: Final = 10


def executable() -> Path:
    """The server's program.

    Raises:
        FileNotFoundError: it has to be built, and there is no Go here.
    """
    return installed(
        "fake-gcs-server",
        SOURCE,
        kept_in=f"gcs-server-{VERSION}",
        missing="The server of segments is built with Go 1.23 or newer.",
        build_s_max=BUILD_S_MAX,
    )


@contextmanager
def running(log: Path) -> Iterator[str]:
    """Its address; it keeps objects in memory and ends with the block."""
    port = _free_port()
    url = f"http://{LOOPBACK}:{port}"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [
                executable(),
                *("-backend", "memory", "-scheme", "http", "-log-level", "warn"),
                *("-host", LOOPBACK, "-port", str(port)),
                *("-external-url", url, "-public-host", f"{LOOPBACK}:{port}"),
            ],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=END_S_MAX)


def speak_through(url: str, proxy_url: str) -> None:
    """Let the server name the proxy as the place where uploads go on."""
    answer = urllib3.request("PUT", f"{url}/_internal/config", json={"externalUrl": proxy_url})
    assert answer.status == 200, answer.data


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib3.request("GET", f"{url}/_internal/healthcheck", retries=False)
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"The server of segments does not start: {log.read_text()[-2_000:]}")


def _free_port() -> int:
    """The server cannot be told to choose one itself and say which."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
