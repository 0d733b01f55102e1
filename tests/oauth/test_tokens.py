"""How a run that is longer than its token's life goes on with the next."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.stored import AccessToken
from coworker_pipelines.oauth.tokens import (
    EXPIRY_MARGIN,
    POLL_S,
    FreshToken,
    StoredToken,
)
from coworker_pipelines.secrets.mounted import MountedSecretReader
from coworker_pipelines.secrets.references import token_reference
from coworker_pipelines.secrets.store import MemorySecretStore
from tests.secrets.test_mounted import SCOPE, Mount

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
REFERENCE = token_reference(SCOPE)


def token(value: str, *, life: timedelta | None = timedelta(hours=1)) -> AccessToken:
    return AccessToken(value=Secret(value), expires_at=None if life is None else NOW + life)


def test_a_mounted_token_is_another_when_the_kubelet_swapped_it(tmp_path: Path) -> None:
    mount = Mount(tmp_path / "mount")
    reader = MountedSecretReader(mount.folder)
    mounted = StoredToken(reader, token_reference(SCOPE), cache_s=0)
    assert mounted.read() is None
    for given in (token("first"), token("second"), token("for ever", life=None)):
        values = {name: value.get_secret_value() for name, value in given.to_values().items()}
        mount.plant(token_reference(SCOPE), values)
        assert mounted.read() == given


def test_a_stored_token_is_asked_for_again_after_some_seconds() -> None:
    store = MemorySecretStore()
    patient, eager = StoredToken(store, REFERENCE), StoredToken(store, REFERENCE, cache_s=0)
    assert patient.read() is eager.read() is None
    store.put(REFERENCE, token("new").to_values())
    assert patient.read() is None
    assert eager.read() == token("new")
    store.put(REFERENCE, {})
    assert eager.read() is None


def replaced(*tokens: AccessToken | None) -> Callable[[], AccessToken | None]:
    """Gives one after the other, and the last for ever."""
    left = list(tokens)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def fresh(read: Callable[[], AccessToken | None], clock: FixedClock) -> FreshToken:
    def sleep(seconds: float) -> None:
        clock.advance(timedelta(seconds=seconds))

    return FreshToken(read, clock, sleep=sleep, wait_s=10)


@pytest.mark.parametrize(
    ("given", "expected"),
    (
        (token("good"), "good"),
        (token("good", life=EXPIRY_MARGIN + timedelta(seconds=1)), "good"),
        (token("for ever", life=None), "for ever"),
        (None, None),
    ),
)
def test_a_token_that_is_good_is_given_at_once(
    given: AccessToken | None, expected: str | None
) -> None:
    clock = FixedClock(NOW)
    got = fresh(replaced(given), clock)()
    assert (got and got.get_secret_value()) == expected
    assert clock.now() == NOW


def test_a_run_waits_for_the_next_token() -> None:
    clock = FixedClock(NOW)
    old, new = token("old", life=timedelta(0)), token("new")
    got = fresh(replaced(old, old, old, new), clock)()
    assert got == new.value
    assert clock.now() == NOW + 3 * timedelta(seconds=POLL_S)


def test_a_run_does_not_wait_for_ever() -> None:
    clock = FixedClock(NOW)
    source = fresh(replaced(token("old", life=timedelta(seconds=5))), clock)
    with pytest.raises(RetryLaterError) as raised:
        source()
    assert clock.now() - NOW == timedelta(seconds=10)
    assert "2026-03-15 12:00:05" in str(raised.value)
    assert "12:00:10 by this machine's clock" in str(raised.value)
    assert "oauth_tokens" in str(raised.value)


def test_a_run_stops_waiting_where_the_token_is_taken_away() -> None:
    assert fresh(replaced(token("old", life=timedelta(0)), None), FixedClock(NOW))() is None
