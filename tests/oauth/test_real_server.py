"""The whole way, against a certified authorisation server."""

import pytest

from coworker_pipelines.sdk.oauth import ClientAuthentication
from tests.oauth.authorization_server import CLIENT_SECRET, AuthorizationServer
from tests.oauth.house import House


@pytest.mark.parametrize("authentication", tuple(ClientAuthentication))
def test_a_tenant_lets_us_in_and_the_token_is_renewed(
    house: House, server: AuthorizationServer, authentication: ClientAuthentication
) -> None:
    handle = house.add_connection()
    secret = None if authentication is ClientAuthentication.NONE else CLIENT_SECRET
    authorised = house.authorise(handle, server.provider(authentication), secret=secret)
    assert authorised.is_renewable
    first, first_token = house.stored(handle), house.token(handle)
    assert first_token == first.access
    house.make_due(handle)
    assert house.refresher.turn() == {"refreshed": 1}
    second = house.stored(handle)
    assert second.refresh_token != first.refresh_token
    assert house.token(handle) == second.access != first.access
    assert house.refresher.turn() == {}
