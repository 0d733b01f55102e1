"""A server that says what it is told to, in the words of Elasticsearch."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.ports import LOOPBACK


@contextmanager
def answering(answers: Mapping[str, Any]) -> Iterator[ElasticsearchAddress]:
    """Bodies by path; whoever asks, gets them, and for any other path 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            body = json.dumps(answers.get(path, {"error": "no such path"})).encode()
            self.send_response(200 if path in answers else 404)
            self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Nothing: a test's output is its own."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield ElasticsearchAddress(
            url=f"http://{LOOPBACK}:{server.server_port}", user="ann", password=Secret("made-up")
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
