"""The whole way, against a certified authorisation server."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.authorization import AuthorizationRequest
from coworker_pipelines.oauth.exchange import Refused, TokenEndpoint, open_http
from coworker_pipelines.oauth.grants import GrantState
from coworker_pipelines.oauth.refresh import Outcome
from coworker_pipelines.oauth.tokens import EXPIRY_MARGIN, FreshToken, StoredToken
from coworker_pipelines.sdk.oauth import ClientAuthentication
from coworker_pipelines.secrets.references import grant_reference, token_reference
from tests.oauth.authorization_server import (
    CLIENT_SECRET,
    AuthorizationServer,
    authorization_server,
    client_id,
)
from tests.oauth.browser import answer_to, visit
from tests.oauth.house import REDIRECT_URL, House

GOOD_S = 2


@pytest.fixture(scope="module")
def hasty_server() -> Iterator[AuthorizationServer]:
    """Codes live for a second, access tokens hardly longer than our margin."""
    life_s = int(EXPIRY_MARGIN.total_seconds()) + GOOD_S
    with authorization_server(access_token_s=life_s, code_s=1) as running:
        yield running


@pytest.mark.parametrize("authentication", tuple(ClientAuthentication))
def test_a_tenant_lets_us_in_and_the_token_is_renewed(
    house: House, server: AuthorizationServer, authentication: ClientAuthentication
) -> None:
    handle = house.add_connection()
    secret = None if authentication is ClientAuthentication.NONE else CLIENT_SECRET
    authorised = house.authorise(handle, server.provider(authentication), secret=secret)
    assert authorised.is_renewable
    assert not authorised.replaced
    assert authorised.scopes == ("items", "people")
    first, first_token = house.stored(handle), house.token(handle)
    assert first_token == first.access
    house.make_due(handle)
    assert house.refresher.turn() == {"refreshed": 1}
    second = house.stored(handle)
    assert second.refresh_token != first.refresh_token
    assert house.token(handle) == second.access != first.access
    assert house.refresher.turn() == {}


def test_the_database_says_who_let_us_in_and_holds_no_token(
    house: House, server: AuthorizationServer
) -> None:
    handle = house.add_connection()
    house.authorise(handle, server.provider())
    (grant,) = house.grants(handle)
    assert (grant.authorised_by, grant.client_id) == ("ann", client_id())
    assert grant.scopes == ["items", "people"]
    assert grant.state == GrantState.ACTIVE
    assert grant.token_expires_at == house.token(handle).expires_at
    stored = house.stored(handle)
    assert stored.refresh_token is not None
    secrets = (stored.refresh_token, stored.access.value, CLIENT_SECRET)
    row = repr({name: value for name, value in vars(grant).items() if name[0] != "_"})
    assert not [secret for secret in secrets if secret.get_secret_value() in row]


def test_a_second_authorisation_revokes_the_first_at_the_server(
    house: House, server: AuthorizationServer
) -> None:
    handle = house.add_connection()
    house.authorise(handle, server.provider())
    first = house.stored(handle)
    assert house.authorise(handle, server.provider()).replaced
    second = house.token(handle)
    assert house.refresher.turn()[Outcome.REVOKED] == 1
    new, old = house.grants(handle)
    assert (new.state, old.state) == (GrantState.ACTIVE, GrantState.REVOKED)
    assert house.secrets.get(grant_reference(house.scope(handle), old.id)) == {}
    assert first.refresh_token is not None
    assert _refresh(server, first.refresh_token) == Refused(error="invalid_grant")
    house.refresher.turn()
    assert house.token(handle) != second, "the new one was tried, and stands"
    assert house.attention(handle) is None
    house.authorise(handle, server.provider())
    references = list(house.secrets.references())
    assert grant_reference(house.scope(handle), old.id) not in references


def test_what_is_withdrawn_is_revoked_and_gone_from_runs(
    house: House, server: AuthorizationServer
) -> None:
    handle = house.add_connection()
    house.authorise(handle, server.provider())
    stored = house.stored(handle)
    house.authorizer.withdraw(handle)
    assert token_reference(house.scope(handle)) not in list(house.secrets.references())
    assert "was withdrawn" in str(house.attention(handle))
    assert house.refresher.turn() == {"revoked": 1}
    assert stored.refresh_token is not None
    assert _refresh(server, stored.refresh_token) == Refused(error="invalid_grant")
    with pytest.raises(TenantActionError, match="no authorisation to withdraw"):
        house.authorizer.withdraw(handle)


def test_a_grant_that_is_revoked_there_needs_the_tenant_until_it_is_given_again(
    house: House, server: AuthorizationServer
) -> None:
    handle = house.add_connection()
    house.authorise(handle, server.provider())
    with open_http() as http:
        token = house.stored(handle).refresh_token
        assert token is not None
        TokenEndpoint(server.client(), http, SystemClock()).revoke(token)
    house.make_due(handle)
    assert house.refresher.turn() == {"refused": 1}
    assert "was revoked at the source" in str(house.attention(handle))
    assert not house.authorise(handle, server.provider()).replaced
    assert house.attention(handle) is None
    house.make_due(handle)
    assert house.refresher.turn() == {"refreshed": 1}


def test_a_refresh_token_that_was_used_ends_its_grant_at_a_strict_server(
    house: House, server: AuthorizationServer
) -> None:
    handle = house.add_connection()
    house.authorise(handle, server.provider())
    token = house.stored(handle).refresh_token
    assert token is not None
    assert not isinstance(_refresh(server, token), Refused), "as if our answer had been lost"
    house.make_due(handle)
    assert house.refresher.turn() == {"refused": 1}


@pytest.mark.parametrize(
    ("answers", "says"),
    (("deny", "consent was refused"), ("partial", "leaves out people")),
)
def test_a_consent_that_is_not_whole_leaves_nothing_behind(
    house: House, server: AuthorizationServer, answers: str, says: str
) -> None:
    handle = house.add_connection()
    with pytest.raises(TenantActionError, match=says):
        house.authorise(handle, server.provider(answers=answers))
    _require_untouched(house, handle)


def test_a_wrong_secret_is_named(house: House, server: AuthorizationServer) -> None:
    handle = house.add_connection()
    with pytest.raises(TenantActionError, match="check --client-id and the client secret"):
        house.authorise(handle, server.provider(), secret=Secret("another secret"))
    _require_untouched(house, handle)


def test_a_code_for_another_redirect_address_is_not_taken(
    house: House, server: AuthorizationServer
) -> None:
    request = AuthorizationRequest.new(server.provider(), client_id(), REDIRECT_URL)
    code = request.code_pasted(answer_to(request))
    with pytest.raises(TenantActionError, match=r"only for http://127\.0\.0\.1:10/callback"):
        _accept(house, replace(request, redirect_url="http://127.0.0.1:10/callback"), code)


def test_a_redirect_address_that_is_not_registered_is_refused_before_anybody_agrees(
    server: AuthorizationServer,
) -> None:
    request = AuthorizationRequest.new(server.provider(), client_id(), "http://127.0.0.1:9/other")
    page = visit(request.url)
    assert page.status_code == 400
    assert "redirect_uri" in page.text


def test_a_code_without_its_verifier_is_worth_nothing(
    house: House, server: AuthorizationServer
) -> None:
    request = AuthorizationRequest.new(server.provider(), client_id(), REDIRECT_URL)
    code = request.code_pasted(answer_to(request))
    thief = AuthorizationRequest.new(server.provider(), client_id(), REDIRECT_URL)
    with pytest.raises(TenantActionError, match="does not take the code"):
        _accept(house, thief, code)


def test_a_code_that_is_too_old_is_told_from_others(
    house: House, hasty_server: AuthorizationServer
) -> None:
    request = AuthorizationRequest.new(hasty_server.provider(), client_id(), REDIRECT_URL)
    code = request.code_pasted(answer_to(request))
    time.sleep(2)
    with pytest.raises(TenantActionError, match="lives for a minute or so and is good once"):
        _accept(house, request, code)


def test_a_database_that_breaks_off_leaves_the_authorisation_before_as_it_was(
    house: House, server: AuthorizationServer, migrated_url: str
) -> None:
    handle = house.add_connection()
    house.authorise(handle, server.provider())
    before = house.stored(handle)
    with (
        _BreaksOff(migrated_url) as database,
        pytest.raises(RetryLaterError, match="broke off"),
    ):
        replace(house, database=database).authorise(handle, server.provider())
    assert house.stored(handle) == before
    assert len(list(house.secrets.references())) == 2, "one grant, one token"
    house.make_due(handle)
    assert house.refresher.turn() == {"refreshed": 1}


def test_a_run_that_is_longer_than_its_token_goes_on_with_the_next(
    house: House, hasty_server: AuthorizationServer
) -> None:
    handle = house.add_connection()
    house.authorise(handle, hasty_server.provider())
    stored = StoredToken(house.secrets, token_reference(house.scope(handle)), cache_s=0)
    token_of = FreshToken(stored.read, house.clock, sleep=lambda _: time.sleep(0.05), wait_s=200)
    first = token_of()
    time.sleep(GOOD_S)
    with ThreadPoolExecutor(1) as run:
        waiting = run.submit(token_of)
        time.sleep(0.2)
        assert not waiting.done()
        house.make_due(handle)
        house.refresher.turn()
        assert waiting.result(20) == house.token(handle).value != first


class _BreaksOff(Database):
    """At the end of its second transaction."""

    sessions = 0

    @contextmanager
    def control(self) -> Iterator[Session]:
        self.sessions += 1
        with super().control() as session:
            yield session
            if self.sessions == 2:
                raise RetryLaterError("The database broke off.")


def _refresh(server: AuthorizationServer, token: Secret) -> object:
    with open_http() as http:
        return TokenEndpoint(server.client(), http, SystemClock()).refresh(token)


def _accept(house: House, request: AuthorizationRequest, code: Secret) -> None:
    handle = house.add_connection()
    house.authorizer.accept(handle, request, code, client_secret=CLIENT_SECRET, authorised_by="ann")


def _require_untouched(house: House, handle: str) -> None:
    assert house.grants(handle) == []
    assert list(house.secrets.references()) == []
