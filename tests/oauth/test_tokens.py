"""How a run that is longer than its token's life goes on with the next."""

import shutil
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
    MountedToken,
    StoredToken,
    TokenPlace,
)
from coworker_pipelines.secrets.store import MemorySecretStore

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
REFERENCE = "token/t/c"


class Kubelet:
    """Lays a projected volume out as a kubelet does: a new folder, then one link swapped."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount
        self._turn = 0

    def bring(self, token: AccessToken | None, *, keep_old: bool = False) -> None:
        self._turn += 1
        name = f"..2026_{self._turn}"
        folder = self._mount / name / "token"
        folder.mkdir(parents=True)
        for file, value in (token.to_values() if token else {}).items():
            (folder / file).write_text(value.get_secret_value())
        link = self._mount / "..data"
        before = link.resolve() if link.exists() else None
        beside = self._mount / "..data_tmp"
        beside.symlink_to(name)
        beside.replace(link)
        if not (self._mount / "token").is_symlink():
            (self._mount / "token").symlink_to("..data/token")
        if before is not None and not keep_old:
            shutil.rmtree(before)


def token(value: str, *, life: timedelta | None = timedelta(hours=1)) -> AccessToken:
    return AccessToken(value=Secret(value), expires_at=None if life is None else NOW + life)


def test_a_mounted_token_is_read_again_when_the_kubelet_swapped_it(tmp_path: Path) -> None:
    kubelet, mounted = Kubelet(tmp_path), MountedToken(tmp_path / "token")
    assert mounted.read() is None
    for number in range(5):
        kubelet.bring(token(f"token {number}"))
        assert mounted.read() == token(f"token {number}")
    kubelet.bring(token("for ever", life=None), keep_old=True)
    assert mounted.read() == token("for ever", life=None)
    kubelet.bring(None)
    assert mounted.read() is None


def test_a_mounted_token_that_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    Kubelet(tmp_path).bring(token("the same"))
    mounted = MountedToken(tmp_path / "token")
    assert mounted.read() is mounted.read()


def test_a_plain_folder_is_read_again_when_a_file_was_replaced(tmp_path: Path) -> None:
    mounted = MountedToken(tmp_path)
    for number in range(3):
        for name, value in token(f"token {number}").to_values().items():
            beside = tmp_path / f"{name}.new"
            beside.write_text(value.get_secret_value())
            beside.replace(tmp_path / name)
        assert mounted.read() == token(f"token {number}")


def test_a_stored_token_is_asked_for_again_after_some_seconds() -> None:
    store = MemorySecretStore()
    patient, eager = StoredToken(store, REFERENCE), StoredToken(store, REFERENCE, cache_s=0)
    assert patient.read() is eager.read() is None
    store.put(REFERENCE, token("new").to_values())
    assert patient.read() is None
    assert eager.read() == token("new")
    store.put(REFERENCE, {})
    assert eager.read() is None


class Refreshed(TokenPlace):
    """A place whose token is replaced after so many looks."""

    def __init__(self, *tokens: AccessToken | None) -> None:
        self._tokens = list(tokens)

    def read(self) -> AccessToken | None:
        return self._tokens.pop(0) if len(self._tokens) > 1 else self._tokens[0]


def fresh(place: TokenPlace, clock: FixedClock, *, wait_s: float = 10) -> FreshToken:
    return FreshToken(
        place, clock, sleep=lambda s: clock.advance(timedelta(seconds=s)), wait_s=wait_s
    )


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
    got = fresh(Refreshed(given), clock)()
    assert (got and got.get_secret_value()) == expected
    assert clock.now() == NOW


def test_a_run_waits_for_the_next_token() -> None:
    clock = FixedClock(NOW)
    old, new = token("old", life=timedelta(0)), token("new")
    got = fresh(Refreshed(old, old, old, new), clock)()
    assert got == new.value
    assert clock.now() == NOW + 3 * timedelta(seconds=POLL_S)


def test_a_run_does_not_wait_for_ever() -> None:
    clock = FixedClock(NOW)
    source = fresh(Refreshed(token("old", life=timedelta(seconds=5))), clock)
    with pytest.raises(RetryLaterError) as raised:
        source()
    assert clock.now() - NOW == timedelta(seconds=10)
    assert "2026-03-15 12:00:05" in str(raised.value)
    assert "12:00:10 by this machine's clock" in str(raised.value)
    assert "oauth_tokens" in str(raised.value)


def test_a_run_stops_waiting_where_the_token_is_taken_away() -> None:
    assert fresh(Refreshed(token("old", life=timedelta(0)), None), FixedClock(NOW))() is None
