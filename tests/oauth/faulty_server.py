"""A small authorisation server that fails in the ways that a good one does not."""

import json
import secrets
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs

from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.exchange import OAuthClient
from coworker_pipelines.sdk.oauth import ClientAuthentication

SLOW_S: Final = 2.0


class Fault(StrEnum):
    LOST = "the token is used up, and the answer does not arrive"
    BROKEN_OFF = "the same, in the middle of the answer"
    OVERLOADED = "503 with Retry-After"
    INTERNAL = "500"
    SLOW = "the token is used up, and the answer comes too late"
    PAGE = "a gateway's page, with status 200"
    ENDLESS = "an answer without end"
    MALFORMED = "JSON that is no token"
    REDIRECT = "to another host"


@dataclass(slots=True)
class FaultyServer:
    """Refresh tokens are good once; with ``forgives`` the one before the newest is good, too.

    ``faults`` come one by one, and then none; ``errors`` likewise, as errors of OAuth's.
    """

    url: str = ""
    life_s: object = 3600
    forgives: bool = False
    gives_refresh_tokens: bool = True
    faults: deque[Fault] = field(default_factory=deque)
    errors: deque[str] = field(default_factory=deque)
    asked: list[dict[str, str]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    newest: str = "first-refresh-token"
    before: str = ""

    @property
    def client(self) -> OAuthClient:
        return OAuthClient(
            client_id="client",
            secret=Secret("client-secret"),
            authentication=ClientAuthentication.POST,
            token_url=f"{self.url}/token",
            revoke_url=f"{self.url}/revoke",
        )

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if self.errors:
            return 400, {"error": self.errors.popleft()}
        good = {self.newest, self.before} if self.forgives else {self.newest}
        if form["grant_type"] == "refresh_token" and form["refresh_token"] not in good:
            return 400, {"error": "invalid_grant"}
        self.before, self.newest = self.newest, secrets.token_urlsafe()
        token = {
            "access_token": secrets.token_urlsafe(),
            "token_type": "Bearer",
            "expires_in": self.life_s,
            "refresh_token": self.newest,
        }
        if not self.gives_refresh_tokens:
            del token["refresh_token"]
        return 200, {name: value for name, value in token.items() if value is not None}


@contextmanager
def faulty_server() -> Iterator[FaultyServer]:
    faulty = FaultyServer()

    class Handler(_Handler):
        server_state = faulty

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    faulty.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield faulty
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_PLAIN: Final[dict[Fault | None, tuple[int, bytes, dict[str, str]]]] = {
    Fault.OVERLOADED: (503, b"{}", {"Retry-After": "120"}),
    Fault.INTERNAL: (500, b'{"error": "invalid_grant"}', {}),
    Fault.PAGE: (200, b"<html>Please log in</html>", {}),
    Fault.ENDLESS: (200, b" " * 200_000, {}),
    Fault.MALFORMED: (200, b'{"access_token": ["a", "list"]}', {}),
    Fault.REDIRECT: (307, b"{}", {"Location": "http://localhost:1/token"}),
}


class _Handler(BaseHTTPRequestHandler):
    server_state: FaultyServer

    def do_POST(self) -> None:
        state = self.server_state
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        if self.path == "/revoke":
            self._revoke(form)
            return
        state.asked.append(form)
        fault = state.faults.popleft() if state.faults else None
        if fault in {None, Fault.LOST, Fault.BROKEN_OFF, Fault.SLOW}:
            self._use_up(fault, *state.answer(form))
        elif fault in _PLAIN:
            self._write(*_PLAIN[fault])

    def _use_up(self, fault: Fault | None, status: int, content: dict[str, Any]) -> None:
        if fault is Fault.SLOW:
            time.sleep(SLOW_S)
        if fault is Fault.BROKEN_OFF:
            self._send(status, {"access_token": "cut"}, announced=10_000)
        elif fault is not Fault.LOST:
            self._send(status, content)

    def _revoke(self, form: dict[str, str]) -> None:
        state = self.server_state
        if state.faults:
            state.faults.popleft()
            self._send(503, {})
        elif state.errors:
            self._send(400, {"error": state.errors.popleft()})
        else:
            state.revoked.append(form["token"])
            self._write(200, b"")

    def _send(
        self,
        status: int,
        content: dict[str, Any],
        *,
        announced: int | None = None,
    ) -> None:
        self._write(status, json.dumps(content).encode(), announced=announced)

    def _write(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        announced: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(announced or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the suite's output is for failures."""
