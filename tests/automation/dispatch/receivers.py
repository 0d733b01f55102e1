"""Receivers on loopback, with TLS: a webhook's that honours the key, and a mail server."""

import socketserver
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = orjson.loads(self.body)
        return content

    @property
    def key(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """``effects`` are by key: what comes again under a key has no further effect.

    ``status`` says what is answered to a request; below 300 it has taken effect.
    """

    port: int = 0
    heard: list[Request] = field(default_factory=list)
    effects: dict[str, Request] = field(default_factory=dict)
    status: Callable[[Request], int] = lambda _: 204
    extra_headers: dict[str, str] = field(default_factory=dict)

    @property
    def arrivals(self) -> Counter[str]:
        return Counter(one.key for one in self.heard)

    def take(self, request: Request) -> int:
        self.heard.append(request)
        status = self.status(request)
        if status < 300:
            self.effects.setdefault(request.key, request)
        return status


@contextmanager
def receiving(context: ssl.SSLContext) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.take(Request(self.path, headers, body)))
            for name, value in receiver.extra_headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with _served(ThreadingHTTPServer(("127.0.0.1", 0), Handler), context) as port:
        receiver.port = port
        yield receiver


@dataclass
class MailServer:
    """``replies`` are what it says to a command instead of agreeing."""

    port: int = 0
    mails: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    vanishes_after_data: bool = False


@contextmanager
def mail_server(context: ssl.SSLContext | None) -> Iterator[MailServer]:
    """As much of SMTP (RFC 5321) as a client needs that hands over a mail."""
    server = MailServer()

    class Threaded(socketserver.ThreadingTCPServer):
        daemon_threads = True

    class Handler(_MailHandler):
        mail_server = server

    with _served(Threaded(("127.0.0.1", 0), Handler), context) as port:
        server.port = port
        yield server


class _MailHandler(socketserver.StreamRequestHandler):
    mail_server: MailServer

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line.split(" ")[0].upper()
            if word == "DATA" and word not in self.mail_server.replies:
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.mail_server.mails.append(b"".join(lines))
                if self.mail_server.vanishes_after_data:
                    return
                self._say("250 taken")
            else:
                self._say(self._answer(word, line))

    def _answer(self, word: str, line: str) -> str:
        if word in self.mail_server.replies:
            return self.mail_server.replies[word]
        if word == "EHLO":
            return "250-here\r\n250 AUTH PLAIN"
        if word == "AUTH":
            self.mail_server.logins.append(line.rpartition(" ")[2])
            return "235 in"
        if word == "RCPT":
            self.mail_server.recipients.append(line)
        return "250 fine"

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def _served(server: socketserver.TCPServer, context: ssl.SSLContext | None) -> Iterator[int]:
    accept = server.get_request

    def accepted() -> Any:
        plain, address = accept()
        if context is None:
            return plain, address
        try:
            return context.wrap_socket(plain, server_side=True), address
        except OSError:
            plain.close()
            raise

    server.get_request = accepted  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
