"""The client against servers that refuse, limit, redirect, stall and lie."""

import logging
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import chain, repeat

import pytest

from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.http.client import Api, HttpClient
from coworker_pipelines.sdk.http.events import Retrying, Waiting
from coworker_pipelines.sdk.http.exchange import Reachable
from coworker_pipelines.sdk.http.limits import HttpLimits
from coworker_pipelines.sdk.http.rates import WaitReason
from tests.sdk.http.servers import NOW, OPENED, FakeTime, Heard, client_for, reply, speaking

PATH = "/hidden-path"
QUERY = {"key": "hidden-query"}
TOKEN = "tok-correct-horse-7Jd92k"


def saying(*replies: bytes) -> Callable[[Heard], bytes]:
    """One after the other, and the last one for ever."""
    following: Iterator[bytes] = chain(replies, repeat(replies[-1]))
    return lambda _: next(following)


def limited(seconds: int, status: int = 403) -> bytes:
    return reply(
        status,
        X_RateLimit_Remaining="0",
        X_RateLimit_Reset=str(int(NOW.timestamp()) + seconds),
    )


def test_a_failure_that_passes_is_tried_again() -> None:
    timer = FakeTime()
    with speaking(saying(reply(503), reply(502), reply(200, b"[1]"))) as server:
        assert client_for(server.url, time=timer).get("/x").json() == [1]
    assert timer.slept == [1.0, 2.0]
    assert [event.status for event in timer.told if isinstance(event, Retrying)] == [503, 502]


def test_tries_have_an_end() -> None:
    timer = FakeTime()
    with speaking(saying(reply(500))) as server:
        with pytest.raises(RetryLaterError, match="Acme fails now, with status 500"):
            client_for(server.url, time=timer, attempts_max=3).get("/x")
        assert len(server.heard) == 3
    assert timer.slept == [1.0, 2.0]


def test_what_is_asked_for_beyond_the_budget_is_left_to_the_caller() -> None:
    timer = FakeTime()
    with (
        speaking(saying(reply(503, Retry_After="500"))) as server,
        pytest.raises(RetryLaterError) as raised,
    ):
        client_for(server.url, time=timer, budget_s=100).get("/x")
    assert raised.value.retry_after_s == 500
    assert timer.slept == []


def test_a_broken_connection_is_tried_again() -> None:
    whole = reply(200, b'{"a": 1}')

    def speak(connection: socket.socket, heard: Heard) -> None:
        connection.sendall(whole[: len(whole) * heard.number // 2])

    with speaking(speak=speak) as server:
        assert client_for(server.url).get("/x").json() == {"a": 1}
        assert len(server.heard) == 3


def test_a_host_that_is_not_there_is_told_in_one_sentence() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(RetryLaterError, match="Acme cannot be reached now"):
            client_for(f"http://127.0.0.1:{port}", attempts_max=2).get("/x")


@pytest.mark.parametrize("begins", (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"))
def test_a_server_that_drips_meets_the_deadline(begins: bytes) -> None:
    """Each byte comes in time; all of them would take minutes, in the head as in the body."""

    def speak(connection: socket.socket, _: Heard) -> None:
        connection.sendall(begins)
        for byte in b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 500:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    with speaking(speak=speak) as server:
        begun = time.monotonic()
        with pytest.raises(RetryLaterError, match="Acme does not answer in time"):
            client_for(server.url, whole_timeout_s=0.4, attempts_max=1).get("/x")
        assert time.monotonic() - begun < 2


def test_a_server_that_is_silent_meets_the_read_timeout() -> None:
    with speaking(speak=lambda *_: time.sleep(1)) as server:
        begun = time.monotonic()
        with pytest.raises(RetryLaterError, match="in time"):
            client_for(server.url, read_timeout_s=0.2, attempts_max=1).get("/x")
        assert time.monotonic() - begun < 0.9


def test_an_answer_that_is_too_large_is_not_read() -> None:
    chunk = b"10000\r\n" + bytes(2**16) + b"\r\n"

    def speak(connection: socket.socket, heard: Heard) -> None:
        if heard.target == "/told":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(10_000):
            connection.sendall(chunk)

    with speaking(speak=speak) as server:
        for target in ("/told", "/untold"):
            with pytest.raises(RefusedError, match="larger than 1000000 bytes"):
                client_for(server.url, answer_bytes_max=1_000_000).get(target)


def test_the_token_is_asked_for_at_each_request() -> None:
    tokens = iter(("one", "two", "three"))
    with speaking(saying(reply())) as server:
        client = client_for(server.url, token=lambda: Secret(next(tokens)))
        client.get("/x")
        client.get("/x")
        told = [heard.headers["authorization"] for heard in server.heard]
    assert told == ["Bearer one", "Bearer two"]


def test_a_token_that_was_renewed_meanwhile_is_tried_before_the_verdict() -> None:
    held = ["old"]

    def answer(heard: Heard) -> bytes:
        if heard.headers["authorization"] == "Bearer new":
            return reply(200, b"[]")
        held[0] = "new"
        return reply(401)

    with speaking(answer) as server:
        client = client_for(server.url, token=lambda: Secret(held[0]))
        assert client.get("/x").json() == []
        assert len(server.heard) == 2


def test_a_token_that_is_refused_is_not_tried_again() -> None:
    with speaking(saying(reply(401))) as server:
        with pytest.raises(TenantActionError, match="refuses the token"):
            client_for(server.url, token=lambda: Secret(TOKEN)).get("/x")
        assert len(server.heard) == 1


def test_tokens_that_are_renewed_all_the_time_do_not_go_on_for_ever() -> None:
    numbers = iter(range(10_000))
    with speaking(saying(reply(401))) as server:
        with pytest.raises(TenantActionError, match="refuses the token"):
            client_for(server.url, token=lambda: Secret(f"token-{next(numbers)}")).get("/x")
        assert len(server.heard) == 2


@pytest.mark.parametrize("token", (f"{TOKEN}\r\nHost: x", f"{TOKEN}é", " "))
def test_a_token_that_would_break_the_header_is_not_sent(token: str) -> None:
    with speaking(saying(reply())) as server:
        with pytest.raises(TenantActionError) as raised:
            client_for(server.url, token=lambda: Secret(token)).get("/x")
        assert server.heard == []
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize("status", (301, 302, 307, 308))
def test_a_redirect_is_followed_within_the_host(status: int) -> None:
    with speaking(saying(reply(status, Location="/moved?a=1"), reply(200, b"[]"))) as server:
        assert client_for(server.url).get("/x").json() == []
        assert [heard.target for heard in server.heard] == ["/x", "/moved?a=1"]


def test_a_redirect_to_another_host_gets_neither_token_nor_request() -> None:
    with speaking(saying(reply())) as other:
        with (
            speaking(saying(reply(302, Location=f"{other.url}/x"))) as server,
            pytest.raises(TenantActionError, match="another host"),
        ):
            client_for(server.url, token=lambda: Secret(TOKEN)).get("/x")
        assert other.heard == []


def test_redirects_in_circles_end() -> None:
    with speaking(saying(reply(302, Location="/x"))) as server:
        with pytest.raises(RefusedError, match="circles"):
            client_for(server.url, redirects_max=3).get("/x")
        assert len(server.heard) == 4


def test_pages_follow_links_and_end() -> None:
    def answer(heard: Heard) -> bytes:
        page = heard.number + 1
        link = {} if page == 4 else {"Link": f'<{server.url}/x?page={page + 1}>; rel="next"'}
        return reply(200, b"[%d]" % page, **link)

    with speaking(answer) as server:
        pages = list(client_for(server.url).pages("/x", {"page": 1}))
    assert [page.json() for page in pages] == [[1], [2], [3], [4]]


def test_pages_without_end_are_refused() -> None:
    def answer(_: Heard) -> bytes:
        return reply(200, b"[]", Link=f'<{server.url}/x>; rel="next"')

    with speaking(answer) as server:
        with pytest.raises(RefusedError, match="more than 7 pages"):
            list(client_for(server.url, pages_max=7).pages("/x"))
        assert len(server.heard) == 7


def test_a_link_to_another_host_is_not_followed() -> None:
    with (
        speaking(saying(reply(200, b"[]", Link='<https://evil.example/>; rel="next"'))) as server,
        pytest.raises(TenantActionError, match="another host"),
    ):
        list(client_for(server.url).pages("/x"))


def test_a_conditional_request_tells_what_has_not_changed() -> None:
    def answer(heard: Heard) -> bytes:
        known = heard.headers.get("if-none-match")
        return reply(304, b"") if known == '"a"' else reply(200, b"[1]", ETag='"a"')

    with speaking(answer) as server:
        client = client_for(server.url)
        first = client.get("/x")
        assert not first.is_unchanged
        assert client.get("/x", etag=first.etag).is_unchanged


def test_a_status_that_is_expected_is_an_answer() -> None:
    with speaking(saying(reply(404))) as server:
        assert client_for(server.url).get("/x", accepted={404}).status == 404


@pytest.mark.parametrize(
    ("status", "says"),
    (
        (400, "status 400"), (403, "lacks a permission"), (404, "nothing there"),
        (410, "nothing there"), (451, "legal reasons"), (204, "status 204"),
    ),
)  # fmt: skip
def test_a_refusal_is_the_tenants_matter(status: int, says: str) -> None:
    body = b"" if status == 204 else b"{}"
    with (
        speaking(saying(reply(status, body))) as server,
        pytest.raises(TenantActionError) as raised,
    ):
        client_for(server.url).get("/secret-project")
    assert says in str(raised.value)
    assert "secret-project" not in str(raised.value)


def test_a_rate_limit_is_waited_for_and_told() -> None:
    timer = FakeTime()
    with speaking(saying(limited(300), reply(429, Retry_After="7"), reply(200, b"[]"))) as server:
        assert client_for(server.url, time=timer, attempts_max=1).get("/x").json() == []
    assert timer.slept == [301, 7]
    assert timer.told == [
        Waiting(source="Acme", reason=WaitReason.USED_UP, seconds=301),
        Waiting(source="Acme", reason=WaitReason.TOO_FAST, seconds=7),
    ]


def test_the_last_request_that_is_granted_makes_the_next_one_wait() -> None:
    timer = FakeTime()
    with speaking(saying(limited(60, status=200), reply(200))) as server:
        client = client_for(server.url, time=timer)
        client.get("/x")
        assert timer.slept == []
        timer.seconds += 10
        client.get("/x")
    assert timer.slept == [51]


def test_a_wait_that_is_too_long_is_left_to_the_caller() -> None:
    timer = FakeTime()
    with speaking(saying(limited(3_000))) as server:
        client = client_for(server.url, time=timer, wait_max_s=900)
        for _ in range(2):
            with pytest.raises(RetryLaterError, match="again in 3001 s") as raised:
                client.get("/x")
            assert raised.value.retry_after_s == 3_001
        assert len(server.heard) == 1, "A client that knows it must wait does not ask."
    assert timer.slept == []


def test_all_waits_together_are_bounded() -> None:
    timer = FakeTime()
    with (
        speaking(saying(reply(429, Retry_After="100"))) as server,
        pytest.raises(RetryLaterError, match="longer than a run waits"),
    ):
        client_for(server.url, time=timer, waits_max_s=350).get("/x")
    assert timer.slept == [100, 100, 100]


def test_nothing_that_is_told_holds_a_secret_or_a_name(caplog: pytest.LogCaptureFixture) -> None:
    """At the level of debugging too, and in an error with all that caused it."""
    caplog.set_level(logging.DEBUG)
    with speaking(saying(reply(503, b"hidden-body", X_Secret="hidden-header"))) as server:
        client = HttpClient(
            Api(name="Acme", base_url=server.url),
            token_source=lambda: Secret(TOKEN),
            reachable=Reachable(allow_private=True),
            limits=HttpLimits(attempts_max=2, backoff_s=0.01),
        )
        OPENED.append(client)
        with pytest.raises(RetryLaterError) as raised:
            client.get(PATH, QUERY)
        assert server.heard[0].target == "/hidden-path?key=hidden-query"
    assert "request_retrying" in caplog.text
    told = caplog.text + "".join(traceback.format_exception(raised.value))
    assert not [word for word in ("hidden", TOKEN) if word in told]
