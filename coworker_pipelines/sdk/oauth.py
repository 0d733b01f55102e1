"""What a kind of source says about OAuth 2.0: where a tenant lets us in, and for what."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from coworker_pipelines.kernel.secret import Secret

TokenSource = Callable[[], Secret | None]
"""Asked at each request, and so able to give another token than before: a run that is longer
than a token's life goes on with the one that was put in its place."""


class ClientAuthentication(StrEnum):
    """How our client shows at the token endpoint who it is; the values are RFC 7591's."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthProvider:
    """An authorisation server, as a kind of source uses it (RFC 6749, RFC 7636).

    ``scopes`` are the fewest that all streams need. ``revoke_url`` speaks RFC 7009; it is
    ``None`` where the server has no such endpoint, and the tenant revokes the grant there.
    ``issuer`` is what the server calls itself in its answers (RFC 9207); without it an answer
    has to name a server of the same origin as ``authorize_url``.
    """

    authorize_url: str
    token_url: str
    scopes: tuple[str, ...]
    client_authentication: ClientAuthentication = ClientAuthentication.BASIC
    uses_pkce: bool = True
    scope_separator: str = " "
    revoke_url: str | None = None
    issuer: str | None = None
