"""`coworker doctor` on a real deployment, well and broken."""

import json
from typing import Any

import pytest

from coworker_pipelines.services.local import Endpoints
from tests.cli.conftest import Coworker, Stocked

CLOSED = "postgresql://ann@127.0.0.1:1/shop"
MISSING = {
    ("database", "login has no power over isolation"),
    ("database", "runs enter by a login that is a run's alone"),
    ("elasticsearch", "control plane is no superuser"),
    ("dagster", "daemon is alive"),
    ("dagster", "foreign errors are kept out of its events"),
}
"""What the suite's own servers lack: one login for everything, and no daemon."""


@pytest.fixture
def doctor(coworker: Coworker, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Coworker:
    monkeypatch.setenv("COWORKER_DAGSTER_DATABASE_URL", endpoints.dagster_database_url)
    monkeypatch.delenv("DAGSTER_REDACT_USER_CODE_ERRORS", raising=False)
    return coworker


def _results(doctor: Coworker, status: int = 1) -> dict[tuple[str, str], dict[str, Any]]:
    outcome = doctor("doctor", "--json")
    assert (outcome.status, outcome.err) == (status, "")
    return {(row["subject"], row["check"]): row for row in json.loads(outcome.out)}


def test_every_check_is_made_and_tells_what_to_do(doctor: Coworker) -> None:
    results = _results(doctor)
    assert len(results) > 40
    for row in results.values():
        assert "could not be made" not in row["seen"]
        assert row["expected"]
        assert row["seen"]
        assert (row["do"] is None) == (row["verdict"] in {"ok", "not applicable"})
    failed = {place for place, row in results.items() if row["verdict"] == "failed"}
    assert failed == MISSING
    assert {subject for subject, _ in results} == {
        *("database", "elasticsearch", "keys", "clocks", "secrets", "dagster", "versions", "room"),
        "attention",
    }


def test_people_see_what_is_not_well_and_how_to_mend_it(doctor: Coworker) -> None:
    shown = doctor("doctor")
    assert shown.status == 1
    assert "daemon is alive" in shown.out
    assert "to do: Start the daemon" in shown.out
    assert "row-level security is forced" not in shown.out
    assert "5 failed" in shown.out
    assert "row-level security is forced" in doctor("doctor", "--all").out


def test_a_process_with_the_variable_redacts(
    doctor: Coworker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_REDACT_USER_CODE_ERRORS", "1")
    results = _results(doctor)
    assert results["dagster", "foreign errors are kept out of its events"]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("variable", "value", "subject"),
    (
        ("COWORKER_DATABASE_URL", CLOSED, "database"),
        ("COWORKER_ELASTICSEARCH_URL", "http://127.0.0.1:1", "elasticsearch"),
        ("COWORKER_DAGSTER_DATABASE_URL", CLOSED, "dagster"),
    ),
)
def test_what_cannot_be_reached_has_failed_and_the_rest_is_still_checked(
    doctor: Coworker,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    subject: str,
) -> None:
    monkeypatch.setenv(variable, value)
    results = _results(doctor)
    broken = [row for place, row in results.items() if place[0] == subject]
    assert sum("could not be made" in row["seen"] for row in broken) > len(broken) / 2
    assert results["versions", "Python"]["verdict"] == "ok"
    assert results["room", "segments can be kept"]["verdict"] == "ok"


def test_settings_that_do_not_fit_are_said_in_one_sentence(
    doctor: Coworker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COWORKER_ELASTICSEARCH_URL", "es")
    outcome = doctor("doctor")
    assert (outcome.status, outcome.out) == (2, "")
    (line,) = outcome.err.splitlines()
    assert "COWORKER_ELASTICSEARCH_URL is no" in line


def test_a_secret_store_that_is_open_to_others_is_found(doctor: Coworker, stocked: Stocked) -> None:
    key = stocked.world.settings.state / "secrets.key"
    key.chmod(0o644)
    try:
        results = _results(doctor)
    finally:
        key.chmod(0o600)
    assert results["secrets", "store is closed to others"]["verdict"] == "failed"
    assert results["secrets", "store opens"]["verdict"] == "failed"
