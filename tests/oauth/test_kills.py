"""Kill -9 of the refresher, at any instant."""

import random
from collections import Counter
from pathlib import Path

import pytest

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.oauth.grants import GrantState
from tests.oauth.authorization_server import AuthorizationServer, authorization_server
from tests.oauth.house import House
from tests.oauth.refresher_process import file_store, kill_after, turning, work_of_a_turn
from tests.victims import tell

GRANTS = 6
GRACE_S = 60
TRIES = 4


def _kill(
    house: House,
    url: str,
    folder: Path,
    server: AuthorizationServer,
    instants: int,
    *,
    may_be_lost: bool,
) -> list[str]:
    """Kills so many turns; handles of the connections, each of which had its turn afterwards."""
    handles = [house.add_connection(f"source-{number}") for number in range(GRANTS)]
    for handle in handles:
        house.authorise(handle, server.provider())
    _make_due(house, handles)
    work_s = work_of_a_turn(url, folder)
    chosen, left = random.Random(instants), Counter[int]()
    for _ in range(TRIES * instants):
        if may_be_lost:
            _let_in_again(house, handles, server)
        _make_due(house, handles)
        before = _serials(house, handles)
        with turning(url, folder) as process:
            if kill_after(process, chosen.uniform(0.0, work_s)):
                renewed = _serials(house, handles) - before
                left[GRANTS - renewed.total()] += 1
        if left.total() == instants:
            break
    tell(f"{left.total()} turns killed, by grants that were left: {dict(sorted(left.items()))}")
    assert left.total() == instants, "too many turns had ended before they were to be killed"
    assert len(left) >= min(instants, GRANTS) // 2, "kills were not spread over the turn"
    _make_due(house, handles)
    house.refresher.turn()
    return handles


def _let_in_again(house: House, handles: list[str], server: AuthorizationServer) -> None:
    """Those whose grant a kill has cost, which is told; else there would soon be none to kill."""
    for handle in handles:
        sentence = house.attention(handle)
        if sentence is not None:
            assert "was lost on the way" in sentence
            house.authorise(handle, server.provider())


def _serials(house: House, handles: list[str]) -> Counter[str]:
    """How often each grant's tokens were written."""
    return Counter({handle: house.serial(handle) for handle in handles})


def _make_due(house: House, handles: list[str]) -> None:
    for handle in handles:
        house.make_due(handle)


def _require_whole(house: House, handle: str) -> None:
    """The grant stands, runs have its newest token, and it is renewed once more."""
    grant = house.grants(handle)[0]
    assert grant.state == GrantState.ACTIVE
    assert house.token(handle) == house.stored(handle).access
    before = house.stored(handle)
    house.make_due(handle)
    assert house.refresher.turn() == {"refreshed": 1}
    assert house.stored(handle).serial == before.serial + 1


def _no_grant_is_lost(database: Database, url: str, folder: Path, instants: int) -> None:
    house = House(database=database, secrets=file_store(folder), clock=SystemClock())
    with authorization_server(grace_s=GRACE_S) as server:
        for handle in _kill(house, url, folder, server, instants, may_be_lost=False):
            assert house.attention(handle) is None
            _require_whole(house, handle)


def _no_grant_is_lost_in_silence(database: Database, url: str, folder: Path, instants: int) -> None:
    house = House(database=database, secrets=file_store(folder), clock=SystemClock())
    with authorization_server() as server:
        for handle in _kill(house, url, folder, server, instants, may_be_lost=True):
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
