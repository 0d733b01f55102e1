"""Where GitHub is: github.com, a tenant of ghe.com, or an Enterprise server. Pure."""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from coworker_pipelines.sdk.oauth import ClientAuthentication, OAuthProvider

PUBLIC_API: Final = "https://api.github.com"
ENTERPRISE_PATH: Final = "/api/v3"
SCOPES: Final = ("repo", "read:org")
"""``repo`` is the one scope that reads private repositories; there is no narrower one. An app of
the newer sort (a GitHub App) has permissions of its own instead, and takes no notice of scopes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """``api_url`` is where the REST API begins, ``site_url`` where people log in.

    Neither ends in a slash.
    """

    api_url: str
    site_url: str

    @classmethod
    def of(cls, base_url: str) -> Self:
        """The place that a base URL means, be it the API's address or the site's.

        github.com and ghe.com have their API at ``api.``; any other host is an Enterprise
        server, with its API at ``/api/v3``.
        """
        parts = urlsplit(base_url.rstrip("/"))
        authority = parts.netloc.lower()
        site = authority.removeprefix("api.")
        if site == "github.com" or site.endswith(".ghe.com"):
            return cls(api_url=f"{parts.scheme}://api.{site}", site_url=f"{parts.scheme}://{site}")
        prefix = parts.path.removesuffix(ENTERPRISE_PATH)
        site_url = f"{parts.scheme}://{authority}{prefix}"
        return cls(api_url=f"{site_url}{ENTERPRISE_PATH}", site_url=site_url)

    @property
    def namespace(self) -> str:
        """The same for everybody's connections to it, however they write or reach it."""
        return self.site_url.partition("://")[2]

    @property
    def oauth(self) -> OAuthProvider:
        """The authorisation server there. GitHub's way of revoking is not RFC 7009's."""
        return OAuthProvider(
            authorize_url=f"{self.site_url}/login/oauth/authorize",
            token_url=f"{self.site_url}/login/oauth/access_token",
            scopes=SCOPES,
            client_authentication=ClientAuthentication.POST,
        )
