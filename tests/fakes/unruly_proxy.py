"""A proxy before Elasticsearch that misbehaves, by seed.

Nothing here knows Elasticsearch but the shape of its overload answers.
"""

import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import orjson
import urllib3

UPSTREAM_TIMEOUT_S = 60
NOT_PASSED_ON = frozenset({"transfer-encoding", "content-length", "connection", "host"})


class Trouble(StrEnum):
    DELAYED = "delayed"
    REFUSED = "refused"
    """429 with ``Retry-After``, nothing forwarded."""
    UNAVAILABLE = "unavailable"
    """503, nothing forwarded."""
    CUT_BEFORE = "cut_before"
    """The connection is reset, nothing forwarded."""
    CUT_AFTER = "cut_after"
    """Forwarded and done, and then the connection is reset: nobody learns of it."""
    CUT_SHORT = "cut_short"
    """Half of the answer, and then the connection is reset."""
    ITEMS_REFUSED = "items_refused"
    """Of a bulk request some operations are not forwarded and answered by 429."""


EVERY_TROUBLE = tuple(Trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class Temper:
    """``share`` of the requests that meet one of ``troubles``."""

    share: float = 0.3
    troubles: tuple[Trouble, ...] = EVERY_TROUBLE
    delay_s: float = 0.05
    retry_after_s: int = 0
    applies_to: Callable[[str], bool] = lambda _: True
    """Of a request's path."""


class UnrulyProxy:
    """``with UnrulyProxy(url, seed=1) as proxy:`` speak to ``proxy.url``.

    ``met`` counts the troubles that happened.
    """

    def __init__(self, upstream: str, *, seed: int, temper: Temper | None = None) -> None:
        self.met: Counter[Trouble] = Counter()
        self.temper = temper or Temper()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._upstream = urllib3.PoolManager(maxsize=16, retries=False, timeout=UPSTREAM_TIMEOUT_S)
        self._address = upstream.rstrip("/")
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._upstream.clear()

    def next_trouble(self, path: str) -> Trouble | None:
        with self._lock:
            if self._random.random() >= self.temper.share or not self.temper.applies_to(path):
                return None
            trouble = self._random.choice(self.temper.troubles)
            if trouble is Trouble.ITEMS_REFUSED and "/_bulk" not in path:
                trouble = Trouble.REFUSED
            self.met[trouble] += 1
            return trouble

    def chosen(self, count: int) -> set[int]:
        """Positions of the operations that are refused: at least one."""
        with self._lock:
            share = self._random.uniform(0.05, 0.6)
            positions = {number for number in range(count) if self._random.random() < share}
            return positions or {self._random.randrange(count)}

    def forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> urllib3.BaseHTTPResponse:
        return self._upstream.request(method, self._address + path, body=body, headers=headers)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, proxy: UnrulyProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no event here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else an answer in two writes waits 40 ms for the other side

    @property
    def proxy(self) -> UnrulyProxy:
        assert isinstance(self.server, _Server)
        return self.server.proxy

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match self.proxy.next_trouble(self.path):
            case Trouble.DELAYED:
                time.sleep(self.proxy.temper.delay_s)
                self._pass_on(body)
            case Trouble.REFUSED:
                self._answer(HTTPStatus.TOO_MANY_REQUESTS, _error("circuit_breaking_exception"))
            case Trouble.UNAVAILABLE:
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, _error("unavailable"))
            case Trouble.CUT_BEFORE:
                self._cut()
            case Trouble.CUT_AFTER:
                self._forwarded(body)
                self._cut()
            case Trouble.CUT_SHORT:
                self._pass_on(body, cut_short=True)
            case Trouble.ITEMS_REFUSED:
                self._refuse_items(body)
            case None:
                self._pass_on(body)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST  # noqa: N815

    def _forwarded(self, body: bytes) -> urllib3.BaseHTTPResponse:
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in NOT_PASSED_ON
        }
        return self.proxy.forward(self.command, self.path, headers, body)

    def _pass_on(self, body: bytes, *, cut_short: bool = False) -> None:
        answer = self._forwarded(body)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.data)))
        self.end_headers()
        if cut_short:
            self.wfile.write(answer.data[: len(answer.data) // 2])
            self._cut()
        elif self.command != "HEAD":
            self.wfile.write(answer.data)

    def _answer(self, status: HTTPStatus, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Elastic-Product", "Elasticsearch")
        if self.proxy.temper.retry_after_s:
            self.send_header("Retry-After", str(self.proxy.temper.retry_after_s))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _cut(self) -> None:
        """Reset, not close: what was not read yet on the other side is lost."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _refuse_items(self, body: bytes) -> None:
        operations = _operations(body)
        refused = self.proxy.chosen(len(operations))
        taken = b"".join(text for place, (_, text) in enumerate(operations) if place not in refused)
        items = iter(orjson.loads(self._forwarded(taken).data)["items"] if taken else ())
        error = {"type": "es_rejected_execution_exception"}
        answers = [
            {action: {"status": 429, "error": error}} if place in refused else next(items)
            for place, (action, _) in enumerate(operations)
        ]
        self._answer(HTTPStatus.OK, orjson.dumps({"errors": True, "items": answers}))


def _operations(body: bytes) -> list[tuple[str, bytes]]:
    """Each operation's name and its lines."""
    lines = iter(body.splitlines(keepends=True))
    operations = []
    for line in lines:
        (action,) = orjson.loads(line)
        operations.append((action, line if action == "delete" else line + next(lines)))
    return operations


def _error(kind: str) -> bytes:
    return orjson.dumps({"error": {"type": kind, "reason": "made up"}, "status": 0})
