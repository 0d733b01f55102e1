"""A browser and its user, who agrees (or as the address' ``login_hint`` says)."""

from threading import Thread

import httpx

from coworker_pipelines.oauth.authorization import AuthorizationRequest
from coworker_pipelines.oauth.callback import CALLBACK_PATH

REDIRECTS_MAX = 10


def visit(url: str) -> httpx.Response:
    """Where the browser ends, the callback's page included."""
    with httpx.Client(trust_env=False, follow_redirects=True, timeout=20) as browser:
        return browser.get(url)


def answer_to(request: AuthorizationRequest) -> str:
    return answer_at(request.url)


def answer_at(url: str) -> str:
    """The address of the callback that the server sends the browser to; nobody listens there."""
    with httpx.Client(trust_env=False, timeout=20) as browser:
        for _ in range(REDIRECTS_MAX):
            response = browser.get(url)
            assert response.is_redirect, f"{response.status_code}: {response.text[:300]}"
            url = str(response.url.join(response.headers["Location"]))
            if f"{CALLBACK_PATH}?" in url:
                return url
    raise AssertionError("the server sends its users round in circles")


def visiting(url: str) -> Thread:
    """Visits in the background, as a person does while a command waits."""
    thread = Thread(target=visit, args=(url,))
    thread.start()
    return thread
