"""A system of the tenant's own that is told something: on loopback, by TLS, for the demonstration.

It believes a request when its signature is right (Standard Webhooks), and knows by its key what it
has been told before.
"""

import base64
import hashlib
import hmac
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import orjson

from coworker_pipelines.demo.certificates import self_signed
from coworker_pipelines.sdk.http.exchange import Reachable

HOST: Final = "crm.acme.example"
LIFE: Final = timedelta(days=1)
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what such secrets begin with


@dataclass(slots=True, kw_only=True)
class Receiver:
    """``told`` are the contents of believed requests by their key; ``arrivals`` counts them all."""

    port: int
    reachable: Reachable
    secret: str = ""
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    arrivals: int = 0

    @property
    def address(self) -> str:
        return f"https://{HOST}:{self.port}/activities"

    def take(self, key: str, timestamp: str, signature: str, body: bytes) -> int:
        """The status of the answer."""
        self.arrivals += 1
        signing = base64.b64decode(self.secret.removeprefix(_SECRET_PREFIX))
        signed = b".".join((key.encode(), timestamp.encode(), body))
        expected = base64.b64encode(hmac.new(signing, signed, hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(signature, f"v1,{expected}"):
            return 401
        self.told.setdefault(key, orjson.loads(body))
        return 204


@contextmanager
def receiving(folder: Path) -> Iterator[Receiver]:
    """A receiver that answers as long as the block lasts."""
    certificate, key = self_signed(folder, HOST)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = receiver.take(
                self.headers["webhook-id"],
                self.headers["webhook-timestamp"],
                self.headers["webhook-signature"],
                body,
            )
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: what arrived is shown by the demonstration."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        receiver = Receiver(
            port=server.server_address[1],
            # Elsewhere a private address is refused, and an authority that nobody knows.
            reachable=Reachable(
                allow_private=True, ca_file=str(certificate), resolver=lambda *_: ["127.0.0.1"]
            ),
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
