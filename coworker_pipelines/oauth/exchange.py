"""The token endpoint: codes and refresh tokens become access tokens, and grants are revoked.

Authlib's session clients aren't used: they keep tokens as plain text, renew on their own, and
tell of a new refresh token only when it has replaced the old one; here it has to be written down
first. Their encoding of a client's id and secret leaves out what RFC 6749 (2.3.1) asks for.
"""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote_plus

import httpx
import orjson
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from authlib.oauth2.rfc7009 import prepare_revoke_token_request

from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.authorization import AuthorizationRequest, checked_url, origin
from coworker_pipelines.sdk.oauth import ClientAuthentication

CONNECT_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = 20.0
ANSWER_BYTES_MAX: Final = 64 * 1024
TOKEN_CHARACTERS_MAX: Final = 16 * 1024
LIFE_MAX_S: Final = 10 * 366 * 24 * 3600

_TOO_MANY: Final = 429
_SERVER_FAULT: Final = 500
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_ERROR: Final = re.compile(r"[a-z_]{1,60}")
_SPEAKS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}
_FORM: Final = "application/x-www-form-urlencoded"
_OWN_NAMES: Final = {
    "bad_verification_code": "invalid_grant",
    "bad_refresh_token": "invalid_grant",
    "incorrect_client_credentials": "invalid_client",
    "redirect_uri_mismatch": "redirect_mismatch",
}
"""GitHub's, for which RFC 6749 has others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """Who we are to one authorisation server, and where it takes tokens."""

    client_id: str
    secret: Secret | None
    authentication: ClientAuthentication
    token_url: str
    revoke_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """``expires_at`` is by our clock, from when we asked, so it is never later than the server's.

    ``scopes`` of ``None``: as asked. ``clock_ahead_s``: how far the server's clock is before ours.
    """

    access_token: Secret
    refresh_token: Secret | None
    answered_at: datetime
    expires_at: datetime | None
    scopes: tuple[str, ...] | None
    clock_ahead_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The server said no, and will say it again; ``error`` is a code of RFC 6749 (5.2)."""

    error: str


class TokenEndpoint:
    """One authorisation server, spoken to as one client.

    Raises (from every call): ``RetryLaterError`` where there was no answer to rely on. What was
    sent may have been used up all the same.
    """

    def __init__(self, client: OAuthClient, http: httpx.Client, clock: Clock) -> None:
        self._client = client
        self._http = http
        self._clock = clock

    def exchange(self, request: AuthorizationRequest, code: Secret) -> Issued | Refused:
        verifier = request.verifier.get_secret_value() if request.provider.uses_pkce else None
        return self._ask(
            prepare_token_request(
                "authorization_code",
                code=code.get_secret_value(),
                redirect_uri=request.redirect_url,
                code_verifier=verifier,
            )
        )

    def refresh(self, refresh_token: Secret) -> Issued | Refused:
        return self._ask(
            prepare_token_request("refresh_token", refresh_token=refresh_token.get_secret_value())
        )

    def revoke(self, token: Secret) -> Refused | None:
        """After ``None`` the server knows neither the token nor what came from its grant."""
        assert self._client.revoke_url is not None
        body, _ = prepare_revoke_token_request(token.get_secret_value())
        response, content = self._post(self._client.revoke_url, body)
        if response.is_success:
            return None
        return Refused(error=_error(_json(content)) or f"http_{response.status_code}")

    def _ask(self, body: str) -> Issued | Refused:
        asked_at = self._clock.now()
        response, content = self._post(self._client.token_url, body)
        answer = _json(content)
        if error := _error(answer):
            return Refused(error=error)
        issued = _issued(answer, asked_at, _clock_ahead(response, self._clock.now()))
        if not response.is_success or issued is None:
            raise RetryLaterError(
                f"{origin(self._client.token_url)} answered {response.status_code}, with neither "
                "a token nor an error of OAuth's."
            )
        return issued

    def _post(self, url: str, body: str) -> tuple[httpx.Response, bytes]:
        headers = {**_SPEAKS, "Content-Type": _FORM}
        match self._client.authentication, self._client.secret:
            case ClientAuthentication.BASIC, Secret() as secret:
                headers["Authorization"] = _basic(self._client.client_id, secret)
            case ClientAuthentication.POST, Secret() as secret:
                body += f"&client_id={quote_plus(self._client.client_id)}"
                body += f"&client_secret={quote_plus(secret.get_secret_value())}"
            case _:
                body += f"&client_id={quote_plus(self._client.client_id)}"
        with _answering(url):
            return _bounded(self._http, checked_url(url), body, headers)


@contextmanager
def open_http() -> Iterator[httpx.Client]:
    """A client that follows no redirect, and takes no proxy or password from its surroundings."""
    timeout = httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    with httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False) as client:
        yield client


def _bounded(
    http: httpx.Client, url: str, body: str, headers: Mapping[str, str]
) -> tuple[httpx.Response, bytes]:
    with http.stream("POST", url, content=body.encode(), headers=headers) as response:
        content = b""
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > ANSWER_BYTES_MAX:
                raise RetryLaterError(f"{origin(url)} answered with more than tokens need.")
    if response.status_code == _TOO_MANY or response.status_code >= _SERVER_FAULT:
        raise RetryLaterError(
            f"{origin(url)} cannot answer now ({response.status_code}).",
            retry_after_s=_retry_after(response),
        )
    return response, content


@contextmanager
def _answering(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise RetryLaterError(f"{origin(url)} did not answer in time.") from error
    except httpx.RequestError as error:
        raise RetryLaterError(f"{origin(url)} cannot be reached, or broke off.") from error


def _basic(client_id: str, secret: Secret) -> str:
    """Both are form-encoded before they are joined: RFC 6749, 2.3.1."""
    user, password = quote_plus(client_id), quote_plus(secret.get_secret_value())
    request = httpx.Request("POST", "http://localhost")
    signed = next(httpx.BasicAuth(user, password).auth_flow(request))
    return signed.headers["Authorization"]


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _error(answer: Mapping[str, Any]) -> str | None:
    """GitHub says it with status 200, so that alone tells nothing."""
    error = answer.get("error")
    if error is None:
        return None
    named = error if isinstance(error, str) and _ERROR.fullmatch(error) else "unknown_error"
    return _OWN_NAMES.get(named, named)


def _issued(answer: Mapping[str, Any], asked_at: datetime, clock_ahead_s: float) -> Issued | None:
    access_token = _token(answer, "access_token")
    if access_token is None or str(answer.get("token_type", "bearer")).lower() != "bearer":
        return None
    scope = answer.get("scope")
    life_s = _seconds(answer.get("expires_in"))
    return Issued(
        access_token=access_token,
        refresh_token=_token(answer, "refresh_token"),
        answered_at=asked_at,
        expires_at=None if life_s is None else asked_at + timedelta(seconds=life_s),
        scopes=tuple(re.split(r"[ ,]+", scope)) if isinstance(scope, str) and scope else None,
        clock_ahead_s=clock_ahead_s,
    )


def _token(answer: Mapping[str, Any], name: str) -> Secret | None:
    value = answer.get(name)
    if not isinstance(value, str) or len(value) > TOKEN_CHARACTERS_MAX:
        return None
    return Secret(value) if _PRINTABLE.fullmatch(value) else None


def _seconds(value: Any) -> float | None:
    """A life in seconds; ``None`` where the server names none, or one that is none."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return min(seconds, LIFE_MAX_S) if math.isfinite(seconds) and seconds > 0 else None


def _clock_ahead(response: httpx.Response, now: datetime) -> float:
    try:
        return (parsedate_to_datetime(response.headers["Date"]) - now).total_seconds()
    except (KeyError, TypeError, ValueError):
        return 0.0


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None
