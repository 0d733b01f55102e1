"""What only a bucket has: refusals, overloads, a network."""

import gc
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from google.auth.exceptions import RefreshError
from google.cloud.storage import Client  # type: ignore[import-untyped]  # it ships none

from coworker_pipelines.kernel.errors import (
    CoworkerError,
    DefectError,
    RetryLaterError,
    TenantActionError,
)
from coworker_pipelines.segments import gcs
from coworker_pipelines.segments.gcs import CHUNK_BYTES, GcsSegmentStore
from tests.fakes.unruly_proxy import Temper, Trouble, UnrulyProxy
from tests.segments import gcs_server
from tests.segments.conftest import BUCKET, client_of

# Google's library forgets the socket of a download that it tries again.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

PATH: Final = "commits/000001.zst"
QUICK_S: Final = 0.2


@pytest.fixture(autouse=True)
def _collect_forgotten_sockets() -> Iterator[None]:
    """Here, and not in the middle of another test."""
    yield
    gc.collect()


def _write(store: GcsSegmentStore) -> None:
    with store.write(PATH) as stream:
        stream.write(b"x" * 100)


def _read(store: GcsSegmentStore) -> bytes:
    with store.read(PATH) as stream:
        return stream.read(100)


def _delete(store: GcsSegmentStore) -> None:
    store.delete(PATH)


def _list(store: GcsSegmentStore) -> list[str]:
    return list(store.list("commits"))


CALLS: Final = (_write, _read, _delete, _list)
Call = Callable[[GcsSegmentStore], object]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "verdict"),
    (
        (401, TenantActionError),
        (403, TenantActionError),
        (400, DefectError),
        (408, RetryLaterError),
        (429, RetryLaterError),
        (500, RetryLaterError),
        (503, RetryLaterError),
    ),
)
def test_an_answer_says_who_must_act(call: Call, status: int, verdict: type[CoworkerError]) -> None:
    with _answering(status) as url, _store(url) as store, pytest.raises(verdict) as caught:
        call(store)
    assert "planted-detail" not in str(caught.value)


@pytest.mark.parametrize("call", (_write, _read, _list))
def test_a_bucket_that_is_not_there_is_told_from_a_missing_object(
    gcs_client: Client, call: Call
) -> None:
    with pytest.raises(TenantActionError, match="bucket"):
        call(GcsSegmentStore(gcs_client, "no-such-bucket", "c1"))


def test_a_service_that_does_not_answer_is_tried_again_later() -> None:
    with _answering(200) as url:
        pass
    for call in CALLS:
        with _store(url) as store, pytest.raises(RetryLaterError):
            call(store)


def test_more_objects_than_a_page_of_the_service_are_listed(gcs_client: Client) -> None:
    store = GcsSegmentStore(gcs_client, BUCKET, secrets.token_hex(8))
    paths = [f"many/{number:06}" for number in range(1_050)]
    for path in paths:
        with store.write(path):
            pass
    assert list(store.list("many")) == paths


def test_a_reader_never_mixes_two_objects(gcs_client: Client) -> None:
    """Of an object that is replaced while it is read, the rest is gone: the service drops it."""
    store = GcsSegmentStore(gcs_client, BUCKET, secrets.token_hex(8))
    _fill(store, b"a")
    with pytest.raises(FileNotFoundError):
        _replace_while_it_is_read(store)


def test_credentials_that_cannot_be_had_are_the_tenants() -> None:
    with pytest.raises(TenantActionError), gcs._translated():
        raise RefreshError


def test_an_error_of_the_callers_stays_its_own(gcs_client: Client) -> None:
    store = GcsSegmentStore(gcs_client, BUCKET, secrets.token_hex(8))
    with pytest.raises(ConnectionError, match="mine"), store.write(PATH):
        raise ConnectionError("mine")


@pytest.mark.parametrize("trouble", (Trouble.REFUSED, Trouble.UNAVAILABLE, Trouble.CUT_BEFORE))
def test_what_passes_is_tried_again(gcs_url: str, trouble: Trouble) -> None:
    content = secrets.token_bytes(CHUNK_BYTES + 1_000)
    with _through_a_proxy(gcs_url, Temper(share=0.3, troubles=(trouble,))) as (proxy, store):
        for number in range(2):
            with store.write(f"a/{number}") as stream:
                stream.write(content)
            with store.read(f"a/{number}") as stream:
                assert stream.read(len(content) + 1) == content
        assert list(store.list("a")) == [f"a/{number}" for number in range(2)]
        for path in store.list("a"):
            store.delete(path)
        assert not list(store.list("a"))
        assert proxy.met[trouble]


def test_a_write_that_the_service_fails_leaves_nothing(gcs_url: str) -> None:
    """Also when the service answers again, and Python closes what is forgotten."""
    with _through_a_proxy(gcs_url, Temper(share=0.0)) as (proxy, store):
        with pytest.raises(RetryLaterError):
            _write_until_it_fails(store, proxy)
        proxy.temper = Temper(share=0.0)
        gc.collect()
        assert not list(store.list("commits"))


@pytest.mark.parametrize(("lost", "outcome"), ((1, "whole"), (2, "absent"), (3, "whole")))
def test_an_upload_that_loses_an_answer_is_whole_or_not_at_all(
    gcs_url: str, lost: int, outcome: str
) -> None:
    """Of its beginning, of a chunk (which this server then appends twice), of its end."""
    content = secrets.token_bytes(CHUNK_BYTES + 1_000)
    requests = count(1)
    temper = Temper(
        share=1.0,
        troubles=(Trouble.CUT_AFTER,),
        applies_to=lambda path: "/upload/" in path and next(requests) == lost,
    )
    with _through_a_proxy(gcs_url, temper) as (proxy, store):
        with suppress(RetryLaterError), store.write(PATH) as stream:
            stream.write(content)
        assert proxy.met[Trouble.CUT_AFTER] == 1
        if outcome == "absent":
            assert not _list(store)
        else:
            with store.read(PATH) as stream:
                assert stream.read(len(content) + 1) == content


def test_memory_is_bounded_by_chunks(gcs_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, gcs_url, secrets.token_hex(8)],
        capture_output=True,
        check=False,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    read, grown = map(int, done.stdout.split())
    assert read == 64 * 2**20
    assert grown < 6 * CHUNK_BYTES


_PROGRAM: Final = """
import re, sys
from itertools import count
from pathlib import Path

from coworker_pipelines.segments.gcs import GcsSegmentStore
from tests.segments.conftest import BUCKET, client_of

def peak():
    [found] = re.findall(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
    return int(found) * 1024

store = GcsSegmentStore(client_of(sys.argv[1]), BUCKET, sys.argv[2])
with store.write("warm") as stream:
    stream.write(b"x")
before = peak()
with store.write("large") as stream:
    for _ in range(64):
        stream.write(bytes(2**20))
read = 0
with store.read("large") as stream:
    while piece := stream.read(2**20):
        read += len(piece)
print(read, peak() - before)
"""


def _replace_while_it_is_read(store: GcsSegmentStore) -> None:
    with store.read(PATH) as stream:
        assert set(stream.read(CHUNK_BYTES)) == set(b"a")
        _fill(store, b"b")
        stream.read(CHUNK_BYTES)


def _fill(store: GcsSegmentStore, byte: bytes) -> None:
    with store.write(PATH) as stream:
        stream.write(byte * CHUNK_BYTES * 2)


def _write_until_it_fails(store: GcsSegmentStore, proxy: UnrulyProxy) -> None:
    with store.write(PATH) as stream:
        stream.write(b"x" * (CHUNK_BYTES + 5))
        proxy.temper = Temper(share=1.0, troubles=(Trouble.CUT_BEFORE,))


@contextmanager
def _store(url: str, *, retry_s_max: float = QUICK_S) -> Iterator[GcsSegmentStore]:
    client = client_of(url)
    try:
        yield GcsSegmentStore(
            client, BUCKET, secrets.token_hex(8), retry_s_max=retry_s_max, retry_delay_s=0.02
        )
    finally:
        client.close()


@contextmanager
def _through_a_proxy(url: str, temper: Temper) -> Iterator[tuple[UnrulyProxy, GcsSegmentStore]]:
    with UnrulyProxy(url, seed=1, temper=temper) as proxy:
        gcs_server.speak_through(url, proxy.url)
        try:
            with _store(proxy.url, retry_s_max=2.0) as store:
                yield proxy, store
        finally:
            gcs_server.speak_through(url, url)


@contextmanager
def _answering(status: int) -> Iterator[str]:
    """A service that has one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b'{"error": {"code": %d, "message": "planted-detail"}}' % status
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
