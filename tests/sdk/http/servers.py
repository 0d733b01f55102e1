"""Servers that say exactly what a test wants them to, byte for byte."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.http.client import Api, HttpClient, Surroundings
from coworker_pipelines.sdk.http.events import HttpEvent
from coworker_pipelines.sdk.http.exchange import Reachable
from coworker_pipelines.sdk.http.limits import HttpLimits

HEAD_BYTES_MAX = 64 * 2**10
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)

OPENED: Final[list[HttpClient]] = []

Speak = Callable[[socket.socket, "Heard"], None]


@dataclass(frozen=True)
class Heard:
    """A request: its target, its headers (names in small letters), and how many came before."""

    target: str
    headers: Mapping[str, str]
    number: int


def reply(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    """A whole answer; ``retry_after`` is written ``Retry-After``."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Server:
    port: int = 0
    heard: list[Heard] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def speaking(
    answer: Callable[[Heard], bytes] | None = None,
    *,
    speak: Speak | None = None,
    context: ssl.SSLContext | None = None,
) -> Iterator[Server]:
    """A server on a free port of loopback; ``speak`` writes to the connection itself."""
    server = Server()
    lock = threading.Lock()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection: socket.socket = self.request
            try:
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                while (text := _head_of(connection)) is not None:
                    with lock:
                        heard = _heard(text, len(server.heard))
                        server.heard.append(heard)
                    if speak is not None:
                        speak(connection, heard)
                        return
                    assert answer is not None
                    connection.sendall(answer(heard))
            except OSError:
                return  # the client has heard enough
            finally:
                connection.close()

    class Threaded(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    listening = Threaded(("127.0.0.1", 0), Handler)
    server.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def _head_of(connection: socket.socket) -> str | None:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(HEAD_BYTES_MAX)
        if not piece:
            return None
        head += piece
    return head.decode("latin-1")


def _heard(text: str, number: int) -> Heard:
    first, *lines = text.partition("\r\n\r\n")[0].split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return Heard(target=first.split(" ")[1], headers=headers, number=number)


class FakeTime:
    """Sleeping moves the clocks; what was slept and told is kept."""

    def __init__(self) -> None:
        self.clock = FixedClock(NOW)
        self.seconds = 0.0
        self.slept: list[float] = []
        self.told: list[HttpEvent] = []

    def surroundings(self) -> Surroundings:
        return Surroundings(
            clock=self.clock,
            sleep=self.sleep,
            monotonic=lambda: self.seconds,
            dice=lambda: 1.0,
            observe=self.told.append,
        )

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.seconds += seconds
        self.clock.advance(timedelta(seconds=seconds))


def client_for(
    url: str,
    *,
    time: FakeTime | None = None,
    token: Callable[[], Secret | None] = lambda: None,
    reachable: Reachable | None = None,
    **limits: Any,
) -> HttpClient:
    """A client of an API that is called Acme; it is closed behind the test."""
    client = HttpClient(
        Api(name="Acme", base_url=url),
        token_source=token,
        reachable=reachable or Reachable(allow_private=True),
        limits=replace(HttpLimits(), **limits),
        surroundings=(time or FakeTime()).surroundings(),
    )
    OPENED.append(client)
    return client
