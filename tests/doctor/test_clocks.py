"""Clocks that agree, and clocks that do not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from elasticsearch import Elasticsearch

from coworker_pipelines.database.database import Database
from coworker_pipelines.doctor.check import Verdict
from coworker_pipelines.doctor.clocks import clock_checks, database_times, elasticsearch_times
from tests.doctor.asking import FAILED, OK, answer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAME = "it and this machine agree"


@pytest.mark.parametrize(
    ("seconds", "verdict", "seen"),
    (
        ([0.0], OK, "the same time"),
        ([1.9], OK, "1.9 s ahead"),
        ([2.1], FAILED, "2.1 s ahead"),
        ([-2.1], FAILED, "2.1 s behind"),
        ([0.0, 0.0, -90.0], FAILED, "90.0 s behind"),
        ([0.0, 7.0, 0.0], FAILED, "7.0 s ahead"),
    ),
)
def test_a_difference_is_found(seconds: Sequence[float], verdict: Verdict, seen: str) -> None:
    there = [NOW + timedelta(seconds=offset) for offset in seconds]
    found = answer(clock_checks({"it": lambda: there}, lambda: NOW), NAME)
    assert (found.verdict, found.seen) == (verdict, seen)


def test_the_time_that_asking_takes_is_no_difference() -> None:
    ticks = iter([NOW, NOW + timedelta(seconds=20)])
    there = [NOW + timedelta(seconds=10)]
    assert answer(clock_checks({"it": lambda: there}, lambda: next(ticks)), NAME).verdict is OK


def test_the_real_servers_agree(database: Database, admin: Elasticsearch) -> None:
    asks = {"a": lambda: database_times(database), "b": lambda: elasticsearch_times(admin)}
    checks = clock_checks(asks, lambda: datetime.now(UTC))
    for name in asks:
        assert answer(checks, f"{name} and this machine agree").verdict is OK
    late = clock_checks(asks, lambda: datetime.now(UTC) + timedelta(hours=1))
    for name in asks:
        assert answer(late, f"{name} and this machine agree").verdict is FAILED
