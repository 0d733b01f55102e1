"""The loopback callback: where the browser brings the authorisation server's answer (RFC 8252)."""

import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.services.ports import ANY_PORT, LOOPBACK

CALLBACK_PATH: Final = "/callback"
ANSWER_S: Final = 300.0
"""How long a person has to log in and agree."""
_REQUEST_S: Final = 5.0
_PAGE: Final = (
    b"<!doctype html><meta charset=utf-8><title>Coworker</title>"
    b"<p>The answer has arrived. Go back to the terminal; this window can be closed.</p>"
)
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    # The address of this page holds a code: it goes nowhere from here.
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'",
}


class LoopbackCallback:
    """Listens on loopback, takes the first answer that comes, and no other.

    A port of ``ANY_PORT`` is chosen free by the kernel; a fixed one is for servers that compare
    the whole redirect address.
    """

    def __init__(self, port: int = ANY_PORT) -> None:
        try:
            self._server = _Server((LOOPBACK, port), _Handler)
        except OSError as error:
            raise TenantActionError(
                f"The port {port} of {LOOPBACK} is taken: name another with --port, or none."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.server_close()

    @property
    def redirect_url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}{CALLBACK_PATH}"

    def wait(self, timeout_s: float = ANSWER_S) -> str:
        """The query of the answer.

        Raises:
            TenantActionError: none came in time.
        """
        give_up_at = time.monotonic() + timeout_s
        while self._server.answer is None:
            self._server.timeout = give_up_at - time.monotonic()
            if self._server.timeout <= 0:
                raise TenantActionError(
                    f"No answer came to {self.redirect_url} within {timeout_s:.0f} s: if the "
                    "source spoke of the redirect address, register "
                    f"http://{LOOPBACK}{CALLBACK_PATH} for the client there (a server that "
                    "compares ports needs --port as well); if the browser runs on another "
                    "machine, use --paste."
                )
            self._server.handle_request()
        return self._server.answer


class _Server(HTTPServer):
    answer: str | None = None


class _Handler(BaseHTTPRequestHandler):
    """Answers with a plain page; whatever else a browser asks for is not here."""

    timeout = _REQUEST_S
    server_version = "coworker"
    sys_version = ""

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        parts = urlsplit(self.path)
        is_answer = parts.path == CALLBACK_PATH and bool(parts.query)
        if is_answer:
            self.server.answer = parts.query
        self.send_response(HTTPStatus.OK if is_answer else HTTPStatus.NOT_FOUND)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(_PAGE if is_answer else b"")

    def log_message(self, *_: object) -> None:
        """Nothing: the request's line holds a code."""
