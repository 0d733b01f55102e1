"""The loopback server that a browser brings the answer to."""

import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.oauth.callback import LoopbackCallback
from tests.oauth.browser import visit, visiting


def test_the_first_answer_is_taken_and_nobody_listens_after_it(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, logger="coworker_pipelines")
    with LoopbackCallback() as callback:
        url = callback.redirect_url
        assert url.startswith("http://127.0.0.1:")
        browser = visiting(f"{url}?code=the-code&state=s")
        assert callback.wait(20) == "code=the-code&state=s"
        browser.join()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    written = capfd.readouterr()
    assert "the-code" not in f"{written.out}{written.err}{caplog.text}"


def test_the_page_tells_the_code_to_nobody() -> None:
    with LoopbackCallback() as callback, ThreadPoolExecutor(1) as browser:
        page = browser.submit(visit, f"{callback.redirect_url}?code=the-code")
        callback.wait(20)
        response = page.result()
    assert "Go back to the terminal" in response.text
    assert "the-code" not in response.text
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ("/", "/favicon.ico", "/callback", "/callback/more?code=y"))
def test_what_is_no_answer_is_not_found_and_waited_past(path: str) -> None:
    def noise_then_answer() -> int:
        base = callback.redirect_url.removesuffix("/callback")
        status = visit(f"{base}{path}").status_code
        visit(f"{callback.redirect_url}?code=x")
        return status

    with LoopbackCallback() as callback, ThreadPoolExecutor(1) as browser:
        status = browser.submit(noise_then_answer)
        assert callback.wait(20) == "code=x"
        assert status.result() == 404


def test_a_caller_that_says_nothing_does_not_hold_the_door() -> None:
    with LoopbackCallback() as callback, socket.socket() as mute, ThreadPoolExecutor(1) as browser:
        mute.connect(("127.0.0.1", callback._server.server_port))
        browser.submit(visit, f"{callback.redirect_url}?code=x")
        assert callback.wait(20) == "code=x"


def test_no_answer_in_time_says_what_to_look_at() -> None:
    started = time.monotonic()
    with LoopbackCallback() as callback, pytest.raises(TenantActionError) as raised:
        callback.wait(0.3)
    assert time.monotonic() - started < 5
    for clue in ("127.0.0.1/callback", "--port", "--paste"):
        assert clue in str(raised.value)


def test_a_taken_port_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(TenantActionError, match="--port"):
            LoopbackCallback(other.getsockname()[1])
