"""What GitHub refuses, and the sentence that says who must act."""

from contextlib import closing
from typing import Any

import pytest

from coworker_pipelines.connectors.github.connector import GitHubConnector
from coworker_pipelines.connectors.github.streams import ISSUES
from coworker_pipelines.kernel.errors import CoworkerError, RetryLaterError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.conformance.reading import read_pages, records_of, request
from coworker_pipelines.sdk.http.limits import HttpLimits
from tests.connectors.github.planting import settings_for
from tests.connectors.github.reading import AWAKE, NOON, ONE_TRY, WINDOW, Source, minutes
from tests.fakes.github_server import FakeGitHub

PERMISSIONS = {"X-Accepted-GitHub-Permissions": "issues=read; pull_requests=read"}
SCOPES = {"X-Accepted-OAuth-Scopes": "admin:org, read:org", "X-OAuth-Scopes": "repo, user"}
IN_AN_HOUR = str(int(NOON.timestamp()) + 3_599)
FOREIGN = {"X-Accepted-OAuth-Scopes": "<Person@example.com>"}


@pytest.fixture
def source(github: FakeGitHub) -> Source:
    one = Source.on(github)
    one.repository("secret-project")
    return one


@pytest.mark.parametrize(
    ("status", "values", "says"),
    (
        (401, {}, "refuses the token: it is wrong, expired or revoked"),
        (403, {"headers": PERMISSIONS}, "it needs issues=read or pull_requests=read"),
        (403, {"headers": SCOPES}, "it needs admin:org or read:org, and has repo, user"),
        (403, {"headers": {**SCOPES, "X-OAuth-Scopes": ""}}, "and has none"),
        (403, {"headers": FOREIGN}, "the token lacks a permission"),
        (403, {"headers": {"X-GitHub-SSO": "required; url=https://x/"}}, "single sign-on"),
        (403, {"body": b'{"message": "... an IP allow list enabled ..."}'}, "allowed IP addresses"),
        (403, {}, "the token lacks a permission"),
        (422, {}, "with status 422"),
        (200, {"body": b"<html>Log in</html>"}, "no API"),
    ),
)
def test_a_refusal_says_what_is_missing(
    source: Source, status: int, values: dict[str, Any], says: str
) -> None:
    source.github.fault("secret-project", status, **{"body": b"{}", **values})
    told = refusal(source, TenantActionError)
    assert says in told
    assert "secret" not in told
    assert "@" not in told


@pytest.mark.parametrize(
    ("status", "headers"),
    (
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": IN_AN_HOUR}),
        (403, {"Retry-After": "3600"}),
        (429, {"Retry-After": "3600"}),
    ),
)  # fmt: skip
def test_a_long_rate_limit_ends_the_run_and_says_when_to_come_again(
    source: Source, status: int, headers: dict[str, str]
) -> None:
    source.github.fault("secret-project", status, headers=headers, body=b"{}")
    with pytest.raises(RetryLaterError) as raised:
        source.sync(ISSUES)
    assert raised.value.retry_after_s == pytest.approx(3_600, abs=2)


def test_a_server_that_fails_is_a_matter_of_time(source: Source) -> None:
    source.github.fault("secret-project", 502, times=9)
    assert "fails now, with status 502" in refusal(source, RetryLaterError)


def test_a_failure_in_the_midst_of_a_run_is_tried_again(source: Source) -> None:
    source.organisation.repositories[0].add_issue(1, NOON)
    source.github.fault("secret-project", 502, times=2)
    connector = source.connector(HttpLimits())
    assert len(records_of(read_pages(connector, request(ISSUES, WINDOW)))) == 1


def test_a_token_that_is_renewed_during_a_run_is_picked_up(github: FakeGitHub) -> None:
    """What was mounted when the run began expires in the midst of it."""
    repository = github.organisation("acme").add_repository("code")
    for number in range(1, 301):
        repository.add_issue(number, minutes(number))
    github.tokens, held = {"first"}, ["first"]

    def renew() -> None:
        github.tokens, held[0] = {"second"}, "second"

    github.fault("/issues[?]", 0, after=1, then=renew)
    connector = GitHubConnector(
        settings_for(github, "acme"),
        token_source=lambda: Secret(held[0]),
        limits=ONE_TRY,
        surroundings=AWAKE,
    )
    assert len(records_of(read_pages(connector, request(ISSUES, WINDOW)))) == 300
    assert 401 in [asked.status for asked in github.asked]


@pytest.mark.parametrize(("granted", "sent"), ((Secret("granted"), "granted"), (None, "own")))
def test_what_was_granted_goes_before_the_token_of_the_settings(
    github: FakeGitHub, granted: Secret | None, sent: str
) -> None:
    github.organisation("acme")
    settings = settings_for(github, "acme", token=Secret("own"))
    with closing(GitHubConnector(settings, token_source=lambda: granted)) as connector:
        connector.check()
    assert {asked.headers["authorization"] for asked in github.asked} == {f"Bearer {sent}"}


def test_a_private_address_is_refused_when_it_is_first_used(github: FakeGitHub) -> None:
    settings = settings_for(github, "acme").model_copy(update={"allow_private_addresses": False})
    with pytest.raises(TenantActionError, match="allow_private_addresses"):
        GitHubConnector(settings).check()
    assert github.asked == []


def test_the_settings_say_where_access_is_granted(github: FakeGitHub) -> None:
    provider = GitHubConnector.oauth_provider(settings_for(github, "acme"))
    site = github.base_url.removesuffix("/api/v3")
    assert provider.token_url == f"{site}/login/oauth/access_token"
    assert GitHubConnector.oauth is not None
    assert GitHubConnector.oauth.token_url == "https://github.com/login/oauth/access_token"


def refusal(source: Source, kind: type[CoworkerError]) -> str:
    with pytest.raises(kind) as raised:
        source.sync(ISSUES)
    return str(raised.value)
