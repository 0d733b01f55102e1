"""Each fault of a database, planted into a real one."""

from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex

import psycopg
import pytest

from coworker_pipelines.database.database import Database
from coworker_pipelines.database.migrations import migrate, pending, unmigrate
from coworker_pipelines.doctor.check import Outcome, Verdict
from coworker_pipelines.doctor.database import database_checks
from tests.doctor.asking import FAILED, NOT_APPLICABLE, OK, answer

NAMES = (
    "connects",
    "newest revision",
    "roles have no power of their own",
    "row-level security is forced",
    "runs cannot read what is not theirs",
    "reviews and readings are append-only",
)
RUN_LOGIN = "runs enter by a login that is a run's alone"
LOGIN = "login has no power over isolation"


def _asked(url: str, name: str, *, is_local: bool = False, run_login: str | None = None) -> Outcome:
    with Database(url) as database:
        checks = database_checks(
            lambda: database, lambda: pending(url), is_local=is_local, run_login=run_login
        )
        return answer(checks, name)


def _plant(url: str, statement: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize("name", NAMES)
def test_a_database_as_we_make_it_is_well(migrated_url: str, name: str) -> None:
    assert _asked(migrated_url, name).verdict is OK


@pytest.mark.parametrize("name", (*NAMES, LOGIN))
def test_one_that_does_not_answer_fails_every_check(name: str) -> None:
    found = _asked("postgresql://nobody@127.0.0.1:1/nowhere", name)
    assert found.verdict is FAILED
    assert "cannot be reached" in found.seen


def test_an_older_revision_is_found(migrated_url: str) -> None:
    unmigrate(migrated_url, "-1")
    found = _asked(migrated_url, "newest revision")
    assert (found.verdict, found.seen) == (FAILED, f"pending: {pending(migrated_url)[-1]}")
    migrate(migrated_url)
    assert _asked(migrated_url, "newest revision").verdict is OK


@pytest.mark.parametrize(
    ("name", "statement", "seen"),
    (
        (
            "row-level security is forced",
            "ALTER TABLE syncs NO FORCE ROW LEVEL SECURITY",
            "not on syncs",
        ),
        (
            "row-level security is forced",
            "CREATE TABLE notes (tenant_id text, note text)",
            "not on notes",
        ),
        (
            "runs cannot read what is not theirs",
            "GRANT SELECT (secret_fingerprint) ON connections TO coworker_run",
            "connections.secret_fingerprint",
        ),
        (
            "runs cannot read what is not theirs",
            "GRANT SELECT ON document_readings TO coworker_run",
            "document_readings.reason",
        ),
        (
            "reviews and readings are append-only",
            "GRANT UPDATE ON access_reviews TO coworker_control",
            "coworker_control on access_reviews",
        ),
        (
            "reviews and readings are append-only",
            "GRANT DELETE ON document_readings TO coworker_run",
            "coworker_run on document_readings",
        ),
    ),
)
def test_what_was_loosened_is_found(
    migrated_url: str, name: str, statement: str, seen: str
) -> None:
    _plant(migrated_url, statement)
    found = _asked(migrated_url, name)
    assert found.verdict is FAILED
    assert seen in found.seen


def test_a_superuser_is_found_and_excused_on_its_own_machine_alone(migrated_url: str) -> None:
    found = _asked(migrated_url, LOGIN)
    assert found.verdict is FAILED
    assert "superuser" in found.seen
    assert _asked(migrated_url, LOGIN, is_local=True).verdict is NOT_APPLICABLE


@pytest.mark.parametrize(
    ("attribute", "verdict"), (("", OK), ("BYPASSRLS", FAILED), ("SUPERUSER", FAILED))
)
def test_a_login_without_power_is_well(migrated_url: str, attribute: str, verdict: Verdict) -> None:
    with _role(migrated_url, f"LOGIN PASSWORD 'made-up' {attribute}") as name:
        _plant(migrated_url, f"GRANT coworker_run, coworker_control TO {name}")
        _, _, place = migrated_url.partition("@")
        assert _asked(f"postgresql://{name}:made-up@{place}", LOGIN).verdict is verdict


@pytest.mark.parametrize(
    ("attributes", "statement", "seen"),
    (
        ("LOGIN", "GRANT coworker_run TO {}", "so it is"),
        ("LOGIN", "SELECT 1", "may not take on coworker_run"),
        ("LOGIN", "GRANT coworker_run, coworker_control TO {}", "is a member of coworker_control"),
        ("LOGIN CREATEROLE", "GRANT coworker_run TO {}", "has an attribute"),
        ("LOGIN", "GRANT coworker_run TO {}; ALTER TABLE syncs OWNER TO {}", "owns tables"),
    ),
)
def test_the_login_of_runs_is_held_to_what_a_run_needs(
    migrated_url: str, attributes: str, statement: str, seen: str
) -> None:
    with _role(migrated_url, attributes) as name:
        _plant(migrated_url, statement.replace("{}", name))
        found = _asked(migrated_url, RUN_LOGIN, run_login=name)
        _plant(migrated_url, f"REASSIGN OWNED BY {name} TO CURRENT_USER")
    assert found.seen == f"{name}: {seen}"
    assert (found.verdict is OK) == (seen == "so it is")


def test_runs_without_a_login_of_their_own_are_found_and_excused_on_one_machine_alone(
    migrated_url: str,
) -> None:
    assert _asked(migrated_url, RUN_LOGIN).verdict is FAILED
    assert _asked(migrated_url, RUN_LOGIN, is_local=True).verdict is NOT_APPLICABLE
    missing = _asked(migrated_url, RUN_LOGIN, run_login="nobody_of_that_name")
    assert "there is no such login" in missing.seen


@pytest.mark.parametrize("attribute", ("LOGIN", "BYPASSRLS", "CREATEROLE"))
def test_a_role_with_power_is_found(migrated_url: str, attribute: str) -> None:
    with _role(migrated_url, attribute) as name, Database(migrated_url) as database:
        checks = database_checks(
            lambda: database, lambda: (), is_local=False, roles=("coworker_run", name)
        )
        found = answer(checks, "roles have no power of their own")
    assert (found.verdict, found.seen) == (FAILED, f"too strong: {name}")


@contextmanager
def _role(url: str, attributes: str) -> Iterator[str]:
    """A role of the test's own: roles are the whole server's."""
    name = f"strong_{token_hex(6)}"
    _plant(url, f"CREATE ROLE {name} {attributes}")
    try:
        yield name
    finally:
        _plant(url, f"DROP ROLE {name}")
