"""`coworker services`, where everything is given by addresses and nothing has to be started."""

import json
import os
import signal
from collections.abc import Callable

import pytest

from coworker_pipelines.cli.services import stay_while
from tests.cli.conftest import Coworker, Stocked

CLOSED = "postgresql://ann@127.0.0.1:1/shop"


@pytest.fixture
def addressed(coworker: Coworker, stocked: Stocked, monkeypatch: pytest.MonkeyPatch) -> Coworker:
    """All servers are somebody else's."""
    url = stocked.environment["COWORKER_DATABASE_URL"]
    monkeypatch.setenv("COWORKER_DAGSTER_DATABASE_URL", url)
    return coworker


def test_nothing_is_started_that_has_an_address(addressed: Coworker) -> None:
    for _ in range(2):
        outcome = addressed("services", "up")
        assert (outcome.status, outcome.err) == (0, "")
        assert outcome.out.endswith("the database is ready.\n")
    rows = json.loads(addressed("services", "status", "--json").out)
    assert {row["service"] for row in rows} == {"elasticsearch", "postgres", "dagster"}
    assert not [row for row in rows if row["running"]]


def test_nothing_is_stopped_where_nothing_runs(addressed: Coworker) -> None:
    outcome = addressed("services", "down")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out == "Nothing runs any more.\n"


def test_an_empty_database_is_made_ready(
    addressed: Coworker, monkeypatch: pytest.MonkeyPatch, module_database_url: str
) -> None:
    monkeypatch.setenv("COWORKER_DATABASE_URL", module_database_url)
    assert addressed("services", "up").status == 0
    outcome = addressed("tenants", "list")
    assert outcome.status == 0
    assert "There is no tenant yet. Make one: coworker tenants add" in outcome.out


def test_a_database_that_refuses_is_said_in_one_sentence(
    addressed: Coworker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COWORKER_DATABASE_URL", CLOSED)
    outcome = addressed("services", "up")
    assert outcome.status == 2
    (line,) = outcome.err.splitlines()
    assert line.startswith("coworker: ")
    assert "COWORKER_DATABASE_URL" in line


def _stays(runs: Callable[[], bool]) -> bool:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return stay_while(runs, look_s=0.001)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_who_stays_in_the_foreground_sees_that_it_was_stopped_from_elsewhere() -> None:
    looks = iter([True, True, False])
    assert not _stays(lambda: next(looks))


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
def test_who_stays_in_the_foreground_hears_that_it_is_to_stop(number: signal.Signals) -> None:
    def runs() -> bool:
        os.kill(os.getpid(), number)
        return True

    assert _stays(runs)
