"""The request for a tenant's consent, and the check of the answer. Pure.

RFC 6749 with PKCE (RFC 7636), the issuer's name (RFC 9207) and the advice of RFC 9700. The
encodings are Authlib's; its parser of answers isn't used, because it looks at neither ``error``
nor ``iss``, and takes the last of a parameter that is given twice.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.oauth import OAuthProvider

STATE_BYTES: Final = 32
VERIFIER_BYTES: Final = 48
"""64 characters; RFC 7636 wants 43 to 128."""
ANSWER_CHARACTERS_MAX: Final = 8_192

_ERROR: Final = re.compile(r"[a-z_]{1,40}")
_PASSING: Final = frozenset({"server_error", "temporarily_unavailable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """One try to be let in; its state and its verifier are used once."""

    provider: OAuthProvider
    client_id: str
    redirect_url: str
    state: str
    verifier: Secret

    @classmethod
    def new(cls, provider: OAuthProvider, client_id: str, redirect_url: str) -> Self:
        return cls(
            provider=provider,
            client_id=client_id,
            redirect_url=redirect_url,
            state=secrets.token_urlsafe(STATE_BYTES),
            verifier=Secret(secrets.token_urlsafe(VERIFIER_BYTES)),
        )

    @property
    def url(self) -> str:
        """Where the tenant logs in and agrees."""
        verifier = self.verifier.get_secret_value()
        challenge = create_s256_code_challenge(verifier)  # type: ignore[no-untyped-call]
        pkce = {"code_challenge": challenge, "code_challenge_method": "S256"}
        url: str = prepare_grant_uri(
            checked_url(self.provider.authorize_url),
            client_id=self.client_id,
            response_type="code",
            redirect_uri=self.redirect_url,
            scope=self.provider.scope_separator.join(self.provider.scopes),
            state=self.state,
            **(pkce if self.provider.uses_pkce else {}),
        )
        return url

    def code_in(self, query: str) -> Secret:
        """The code that the answer to this request carries.

        Raises:
            RefusedError: it is no answer to this request, or another server's.
            TenantActionError: the tenant or the server said no.
            RetryLaterError: the server is not able to answer now.
        """
        answer = _parameters(query)
        if not secrets.compare_digest(answer.get("state", "").encode(), self.state.encode()):
            raise RefusedError(
                "The answer belongs to another authorisation (its state is not ours): begin "
                "again, and open the address that is printed then, in one browser only."
            )
        self._require_issuer(answer.get("iss"))
        if "error" in answer:
            raise self._said_no(answer["error"])
        if not answer.get("code"):
            raise RefusedError("The authorisation server answered without a code: begin again.")
        return Secret(answer["code"])

    def code_pasted(self, text: str) -> Secret:
        """The code, from the whole address that the browser ended at, or from the code alone.

        A code alone comes without its state; PKCE still ties it to this request.
        """
        pasted = text.strip()
        if "=" in pasted:
            return self.code_in(urlsplit(pasted).query or pasted.removeprefix("?"))
        if not self.provider.uses_pkce:
            raise TenantActionError(
                "Paste the whole address that the browser ended at, not the code alone: it says "
                "which authorisation it belongs to."
            )
        if not pasted or len(pasted) > ANSWER_CHARACTERS_MAX or not pasted.isascii():
            raise TenantActionError("What was pasted is neither an address nor a code.")
        return Secret(pasted)

    def _require_issuer(self, issuer: str | None) -> None:
        if issuer is None:
            return
        expected = self.provider.issuer
        if expected is None:
            expected, issuer = origin(self.provider.authorize_url), origin(issuer)
        if issuer != expected:
            raise RefusedError(
                f"The answer comes from another authorisation server than {expected}: nothing "
                "was sent there; begin again, and if it happens again, tell who runs the source."
            )

    def _said_no(self, error: str) -> TenantActionError | RetryLaterError:
        code = error if _ERROR.fullmatch(error) else "an unknown error"
        if code in _PASSING:
            return RetryLaterError("The authorisation server cannot answer now.")
        if code == "access_denied":
            return TenantActionError(
                "The consent was refused at the source: authorise again and agree there, as "
                "somebody who may."
            )
        if code == "invalid_scope":
            return TenantActionError(
                f"The source does not offer our client the scopes {_listed(self.provider.scopes)}: "
                "allow them where the client is registered at the source."
            )
        return TenantActionError(
            f"The authorisation server refused the request ({code}): check the client id, and "
            "what the client is allowed where it is registered at the source."
        )


def missing_scopes(asked: tuple[str, ...], granted: tuple[str, ...] | None) -> tuple[str, ...]:
    """What was asked for and not given; a server that names no scopes gave all (RFC 6749, 5.1).

    ``offline_access`` asks for a refresh token, and some servers never name it.
    """
    if not granted:
        return ()
    return tuple(scope for scope in asked if scope not in {*granted, "offline_access"})


def checked_url(url: str) -> str:
    """The address itself, where codes and tokens may be sent to it.

    Raises:
        TenantActionError: they could be read on the way there, or it is no address.
    """
    try:
        parts = urlsplit(url)
        is_loopback = parts.hostname in {"127.0.0.1", "::1", "localhost"}
        parts.port  # noqa: B018 - it is read only when it is asked for
    except ValueError:
        raise TenantActionError("The address of the authorisation server is none.") from None
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback)
    if not is_safe or not parts.hostname or parts.username or parts.password or parts.fragment:
        raise TenantActionError(
            "The address of the authorisation server has to begin with https://, and to hold "
            "neither a password nor a fragment: correct the connection's base URL."
        )
    return url


def origin(url: str) -> str:
    """Scheme, host and port, with the port only where it is not the scheme's own."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    try:
        port = parts.port
    except ValueError:
        port = None
    is_usual = port in {None, {"http": 80, "https": 443}.get(scheme)}
    return f"{scheme}://{host}" if is_usual else f"{scheme}://{host}:{port}"


def _parameters(query: str) -> dict[str, str]:
    if len(query) > ANSWER_CHARACTERS_MAX:
        raise RefusedError("The answer of the authorisation server is too long to be one.")
    found = parse_qs(query, keep_blank_values=True)
    if any(len(values) > 1 for values in found.values()):
        raise RefusedError("The answer names a parameter twice, so it is not to be trusted.")
    return {name: values[0] for name, values in found.items()}


def _listed(scopes: tuple[str, ...]) -> str:
    return ", ".join(scopes)
