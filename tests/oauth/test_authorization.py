"""The request for consent, and what is taken for an answer to it."""

from base64 import urlsafe_b64encode
from dataclasses import replace
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest

from coworker_pipelines.kernel.errors import (
    CoworkerError,
    RefusedError,
    RetryLaterError,
    TenantActionError,
)
from coworker_pipelines.oauth.authorization import (
    AuthorizationRequest,
    checked_url,
    missing_scopes,
    origin,
)
from coworker_pipelines.sdk.oauth import OAuthProvider

PROVIDER = OAuthProvider(
    authorize_url="https://source.example/login/authorize?audience=api",
    token_url="https://source.example/token",
    scopes=("items", "people"),
)
REDIRECT = "http://127.0.0.1:49152/callback"
REQUEST = AuthorizationRequest.new(PROVIDER, "our client", REDIRECT)
STATE = f"state={REQUEST.state}"


def test_the_request_names_all_that_the_server_needs_and_no_verifier() -> None:
    parts = urlsplit(REQUEST.url)
    asked = {name: value for name, (value,) in parse_qs(parts.query).items()}
    challenge = asked.pop("code_challenge")
    assert (
        f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://source.example/login/authorize"
    )
    assert asked == {
        "audience": "api",
        "response_type": "code",
        "client_id": "our client",
        "redirect_uri": REDIRECT,
        "scope": "items people",
        "state": REQUEST.state,
        "code_challenge_method": "S256",
    }
    verifier = REQUEST.verifier.get_secret_value()
    assert challenge == urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert verifier not in REQUEST.url
    assert verifier not in repr(REQUEST)


def test_no_two_requests_share_a_state_or_a_verifier() -> None:
    other = AuthorizationRequest.new(PROVIDER, "our client", REDIRECT)
    assert other.state != REQUEST.state
    assert other.verifier != REQUEST.verifier


def test_a_server_with_scopes_of_its_own_writing_and_without_pkce_gets_them_so() -> None:
    provider = replace(PROVIDER, uses_pkce=False, scope_separator=",")
    asked = parse_qs(urlsplit(replace(REQUEST, provider=provider).url).query)
    assert asked["scope"] == ["items,people"]
    assert "code_challenge" not in asked


@pytest.mark.parametrize(
    "pasted",
    (
        "the-code",
        "  the-code\n",
        f"code=the-code&{STATE}",
        f"?code=the-code&{STATE}",
        f"{REDIRECT}?code=the-code&{STATE}",
        f"{REDIRECT}?{STATE}&code=the-code&iss=https%3A%2F%2Fsource.example#fragment",
        f"{REDIRECT}?{STATE}&code=the-code&iss=https%3A%2F%2FSOURCE.example%3A443%2Ftenant",
    ),
)
def test_the_code_is_found_in_whatever_is_pasted(pasted: str) -> None:
    assert REQUEST.code_pasted(pasted).get_secret_value() == "the-code"


@pytest.mark.parametrize(
    ("query", "verdict", "says"),
    (
        ("code=x&state=another", RefusedError, "state is not ours"),
        ("code=x", RefusedError, "state is not ours"),
        ("error=access_denied&state=another", RefusedError, "state is not ours"),
        (f"code=x&{STATE}&iss=https://other.example", RefusedError, "another authorisation server"),
        (f"code=x&{STATE}&iss=http://source.example", RefusedError, "another authorisation server"),
        (f"code=x&{STATE}&iss=nonsense:port", RefusedError, "another authorisation server"),
        (
            f"error=access_denied&{STATE}&iss=https://other.example",
            RefusedError,
            "another authorisation server",
        ),
        (f"code=x&code=y&{STATE}", RefusedError, "twice"),
        (f"{STATE}", RefusedError, "without a code"),
        (f"code=&{STATE}", RefusedError, "without a code"),
        (f"{STATE}&code={'x' * 9000}", RefusedError, "too long"),
        (f"error=access_denied&{STATE}", TenantActionError, "consent was refused"),
        (f"error=invalid_scope&{STATE}", TenantActionError, "items, people"),
        (f"error=unauthorized_client&{STATE}", TenantActionError, "unauthorized_client"),
        (f"error=%3Cscript%3E&{STATE}", TenantActionError, "an unknown error"),
        (f"error=temporarily_unavailable&{STATE}", RetryLaterError, "cannot answer now"),
    ),
)
def test_what_is_no_good_answer_is_refused_in_one_sentence(
    query: str, verdict: type[CoworkerError], says: str
) -> None:
    with pytest.raises(verdict, match=says) as raised:
        REQUEST.code_in(query)
    assert "script" not in str(raised.value)


def test_a_declared_issuer_is_compared_whole() -> None:
    request = replace(REQUEST, provider=replace(PROVIDER, issuer="https://id.example/a"))
    assert request.code_in(f"code=x&{STATE}&iss=https://id.example/a")
    with pytest.raises(RefusedError):
        request.code_in(f"code=x&{STATE}&iss=https://id.example/b")


def test_a_code_without_its_state_is_taken_only_where_pkce_ties_it_to_us() -> None:
    request = replace(REQUEST, provider=replace(PROVIDER, uses_pkce=False))
    with pytest.raises(TenantActionError, match="whole address"):
        request.code_pasted("the-code")


@pytest.mark.parametrize("pasted", ("", "   ", "cödé", "x" * 9000))
def test_what_can_be_no_code_is_not_sent(pasted: str) -> None:
    with pytest.raises(TenantActionError, match="neither an address nor a code"):
        REQUEST.code_pasted(pasted)


@pytest.mark.parametrize(
    ("granted", "missing"),
    (
        (None, ()),
        ((), ()),
        (("items", "people"), ()),
        (("people", "items", "more"), ()),
        (("items",), ("people",)),
    ),
)
def test_what_was_not_granted_is_named(
    granted: tuple[str, ...] | None, missing: tuple[str, ...]
) -> None:
    assert missing_scopes((*PROVIDER.scopes, "offline_access"), granted) == missing


@pytest.mark.parametrize(
    "url",
    (
        "http://source.example/token",
        "ftp://source.example/token",
        "https://user@source.example/token",
        "https://source.example/token#there",
        "https:///token",
        "https://source.example:port/token",
        "http://127.0.0.1.source.example/token",
    ),
)
def test_codes_and_tokens_are_sent_where_nobody_else_reads_them(url: str) -> None:
    with pytest.raises(TenantActionError, match="address of the authorisation server"):
        checked_url(url)


@pytest.mark.parametrize("url", ("https://source.example/token", "http://127.0.0.1:9/token"))
def test_a_good_address_is_taken_as_it_is(url: str) -> None:
    assert checked_url(url) == url


def test_an_origin_is_written_in_one_way() -> None:
    assert origin("HTTPS://Source.Example:443/a") == origin("https://source.example/b")
    assert origin("https://source.example:8443/") == "https://source.example:8443"
