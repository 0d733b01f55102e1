"""Kill -9 of the refresher, at any instant."""

import random
import time
from pathlib import Path

import pytest

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.oauth.grants import GrantState
from tests.oauth.authorization_server import AuthorizationServer, authorization_server
from tests.oauth.house import House
from tests.oauth.refresher_process import file_store, turning

GRANTS = 6
GRACE_S = 60
TRIES = 4


def _kill(
    house: House, url: str, folder: Path, server: AuthorizationServer, instants: int, *, seed: int
) -> list[str]:
    """Kills so many turns; handles of the connections, each of which had its turn afterwards."""
    handles = [house.add_connection(f"source-{number}") for number in range(GRANTS)]
    for handle in handles:
        house.authorise(handle, server.provider())
    whole_s = _whole_turn(house, url, folder, handles)
    chosen, killed = random.Random(seed), 0
    for _ in range(TRIES * instants):
        _make_due(house, handles)
        with turning(url, folder) as process:
            process.join(chosen.uniform(0.0, whole_s))
            killed += process.is_alive()
        if killed == instants:
            break
    assert killed == instants, "too many turns had ended before they were to be killed"
    _make_due(house, handles)
    house.refresher.turn()
    return handles


def _whole_turn(house: House, url: str, folder: Path, handles: list[str]) -> float:
    _make_due(house, handles)
    with turning(url, folder) as process:
        began = time.monotonic()
        process.join(60)
        assert process.exitcode == 0
    return time.monotonic() - began


def _make_due(house: House, handles: list[str]) -> None:
    for handle in handles:
        house.make_due(handle)


def _require_whole(house: House, handle: str) -> None:
    """The grant stands, runs have its newest token, and it is renewed once more."""
    (grant,) = house.grants(handle)
    assert grant.state == GrantState.ACTIVE
    assert house.token(handle) == house.stored(handle).access
    before = house.stored(handle)
    house.make_due(handle)
    assert house.refresher.turn() == {"refreshed": 1}
    assert house.stored(handle).serial == before.serial + 1


def _no_grant_is_lost(database: Database, url: str, folder: Path, instants: int) -> None:
    house = House(database=database, secrets=file_store(folder), clock=SystemClock())
    with authorization_server(grace_s=GRACE_S) as server:
        for handle in _kill(house, url, folder, server, instants, seed=instants):
            assert house.attention(handle) is None
            _require_whole(house, handle)


def _no_grant_is_lost_in_silence(database: Database, url: str, folder: Path, instants: int) -> None:
    house = House(database=database, secrets=file_store(folder), clock=SystemClock())
    with authorization_server() as server:
        for handle in _kill(house, url, folder, server, instants, seed=instants):
            sentence = house.attention(handle)
            if sentence is None:
                _require_whole(house, handle)
            else:
                assert "was lost on the way" in sentence


def test_no_grant_is_lost_where_the_server_allows_for_lost_answers(
    database: Database, migrated_url: str, tmp_path: Path
) -> None:
    _no_grant_is_lost(database, migrated_url, tmp_path, 10)


def test_no_grant_is_lost_in_silence_where_a_token_is_good_once(
    database: Database, migrated_url: str, tmp_path: Path
) -> None:
    _no_grant_is_lost_in_silence(database, migrated_url, tmp_path, 5)


@pytest.mark.soak
def test_200_instants(database: Database, migrated_url: str, tmp_path: Path) -> None:
    _no_grant_is_lost(database, migrated_url, tmp_path, 200)


@pytest.mark.soak
def test_100_instants_at_a_strict_server(
    database: Database, migrated_url: str, tmp_path: Path
) -> None:
    _no_grant_is_lost_in_silence(database, migrated_url, tmp_path, 100)
