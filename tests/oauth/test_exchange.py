"""What the token endpoint says, and what is made of it when it says something else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from coworker_pipelines.kernel.clock import FixedClock, SystemClock
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.exchange import Issued, Refused, TokenEndpoint, open_http
from tests.oauth.faulty_server import SLOW_S, Fault, FaultyServer, faulty_server

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
REFRESH_TOKEN = Secret("first-refresh-token")


@pytest.fixture
def faulty() -> Iterator[FaultyServer]:
    with faulty_server() as running:
        yield running


@pytest.fixture
def endpoint(faulty: FaultyServer) -> Iterator[TokenEndpoint]:
    with open_http() as http:
        http.timeout = httpx.Timeout(SLOW_S / 4)
        yield TokenEndpoint(faulty.client, http, SystemClock())


@pytest.mark.parametrize("fault", tuple(Fault))
def test_whatever_is_no_answer_is_for_later(
    faulty: FaultyServer, endpoint: TokenEndpoint, fault: Fault
) -> None:
    faulty.faults.append(fault)
    with pytest.raises(RetryLaterError) as raised:
        endpoint.refresh(REFRESH_TOKEN)
    assert raised.value.retry_after_s == (120 if fault is Fault.OVERLOADED else None)
    told = f"{raised.value} {raised.value.__cause__!r}"
    assert faulty.url in told
    assert "client-secret" not in told
    assert REFRESH_TOKEN.get_secret_value() not in told
    assert len(faulty.asked) == 1, "nothing is sent twice, and nothing to where it was sent on"


def test_who_cannot_be_reached_is_asked_later() -> None:
    with open_http() as http:
        nobody = TokenEndpoint(FaultyServer(url="http://127.0.0.1:1").client, http, SystemClock())
        with pytest.raises(RetryLaterError, match="cannot be reached"):
            nobody.refresh(REFRESH_TOKEN)


@pytest.mark.parametrize(
    ("life_s", "expires_in_s"),
    (
        (3600, 3600),
        ("3600", 3600),
        (12.5, 12.5),
        (None, None),
        (0, None),
        (-5, None),
        ("soon", None),
        (1e300, 10 * 366 * 24 * 3600),
    ),
)
def test_a_token_is_good_from_when_we_asked(
    faulty: FaultyServer, life_s: object, expires_in_s: float | None
) -> None:
    faulty.life_s = life_s
    with open_http() as http:
        issued = TokenEndpoint(faulty.client, http, FixedClock(NOW)).refresh(REFRESH_TOKEN)
    assert isinstance(issued, Issued)
    expected = None if expires_in_s is None else NOW + timedelta(seconds=expires_in_s)
    assert issued.expires_at == expected


def test_the_difference_of_the_clocks_is_seen(faulty: FaultyServer) -> None:
    slow = FixedClock(datetime.now(UTC) - timedelta(minutes=10))
    with open_http() as http:
        issued = TokenEndpoint(faulty.client, http, slow).refresh(REFRESH_TOKEN)
    assert isinstance(issued, Issued)
    assert issued.clock_ahead_s == pytest.approx(600, abs=30)


@pytest.mark.parametrize(
    ("said", "understood"),
    (
        ("invalid_grant", "invalid_grant"),
        ("bad_refresh_token", "invalid_grant"),
        ("incorrect_client_credentials", "invalid_client"),
        ("Something <odd>", "unknown_error"),
    ),
)
def test_a_refusal_is_understood_in_the_words_of_the_standard(
    faulty: FaultyServer, endpoint: TokenEndpoint, said: str, understood: str
) -> None:
    faulty.errors.append(said)
    assert endpoint.refresh(REFRESH_TOKEN) == Refused(error=understood)


def test_a_refusal_to_revoke_is_told(faulty: FaultyServer, endpoint: TokenEndpoint) -> None:
    assert endpoint.revoke(REFRESH_TOKEN) is None
    assert faulty.revoked == [REFRESH_TOKEN.get_secret_value()]
    faulty.errors.append("unsupported_token_type")
    assert endpoint.revoke(REFRESH_TOKEN) == Refused(error="unsupported_token_type")
