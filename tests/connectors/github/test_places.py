"""Where GitHub is, and where it lets us in."""

from dataclasses import replace

import pytest

from coworker_pipelines.connectors.github.connector import GitHubConnector
from coworker_pipelines.connectors.github.places import PUBLIC_API, Place
from coworker_pipelines.connectors.github.settings import GitHubSettings
from coworker_pipelines.connectors.github.streams import USERS
from coworker_pipelines.extraction.subjects import subject_keys_of
from coworker_pipelines.sdk.oauth import ClientAuthentication
from coworker_pipelines.sdk.stream import Catalog, Stream


@pytest.mark.parametrize(
    ("base_url", "api_url", "site_url"),
    (
        (PUBLIC_API, "https://api.github.com", "https://github.com"),
        ("https://API.github.com/", "https://api.github.com", "https://github.com"),
        ("https://api.acme.ghe.com", "https://api.acme.ghe.com", "https://acme.ghe.com"),
        ("https://github.com", "https://api.github.com", "https://github.com"),
        ("https://acme.ghe.com/", "https://api.acme.ghe.com", "https://acme.ghe.com"),
        ("https://git.acme.org/api/v3", "https://git.acme.org/api/v3", "https://git.acme.org"),
        ("https://git.acme.org/api/v3/", "https://git.acme.org/api/v3", "https://git.acme.org"),
        ("https://git.acme.org", "https://git.acme.org/api/v3", "https://git.acme.org"),
        ("https://api.acme.org:8443", "https://api.acme.org:8443/api/v3", "https://api.acme.org:8443"),
        ("http://127.0.0.1:80/x/api/v3", "http://127.0.0.1:80/x/api/v3", "http://127.0.0.1:80/x"),
    ),
)  # fmt: skip
def test_a_base_url_says_where_the_api_and_the_login_are(
    base_url: str, api_url: str, site_url: str
) -> None:
    place = Place.of(base_url)
    assert (place.api_url, place.site_url) == (api_url, site_url)
    assert place.oauth.authorize_url == f"{site_url}/login/oauth/authorize"
    assert place.oauth.token_url == f"{site_url}/login/oauth/access_token"


def test_a_login_is_one_person_in_every_connection_to_a_host_and_in_no_other_source() -> None:
    def keys(base_url: str, connection: str, stream: Stream = USERS) -> list[str]:
        settings = GitHubSettings(base_url=base_url, organisation="octo-org")
        catalog = Catalog((stream,)).in_namespace(GitHubConnector.namespace(settings))
        (stream,) = catalog.in_namespace(connection)
        return subject_keys_of(stream, {"id": 42, "login": "ann"}, b"{}", bytes(32))

    shop = replace(USERS, namespace="c2")
    public = keys(PUBLIC_API, "c1")
    assert len(public) == 2
    assert public == keys("https://github.com/", "c2")
    others = (keys("https://git.acme.org", "c1"), keys(PUBLIC_API, "c1", shop))
    assert all(set(public).isdisjoint(other) for other in others)


def test_the_grant_asks_for_the_fewest_scopes() -> None:
    provider = Place.of(PUBLIC_API).oauth
    assert provider.scopes == ("repo", "read:org")
    assert provider.client_authentication is ClientAuthentication.POST
    assert provider.uses_pkce
    assert provider.revoke_url is None
