"""What a real database tells of roles, memberships, owners and grants."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from secrets import token_hex

import psycopg
import pytest

from coworker_pipelines.access.database import OWN_LOGIN, OWN_SERVER, database_answer
from coworker_pipelines.access.findings import Known, judged
from coworker_pipelines.access.grants import Finding, Grant
from coworker_pipelines.database.database import Database

OURS = {"role coworker_run", "role coworker_control", "everybody"}
KNOWN = Known(now=datetime(2026, 3, 1, tzinfo=UTC))


def _of(database: Database, *subjects: str, run_login: str | None = None) -> list[Grant]:
    found = database_answer(database, run_login=run_login).grants
    return [judged(grant, KNOWN) for grant in found if grant.subject in subjects]


def test_every_right_that_our_migrations_give_is_explained(database: Database) -> None:
    grants = _of(database, *OURS)
    assert {grant.subject for grant in grants} == OURS
    assert [grant for grant in grants if grant.findings] == []
    assert len(grants) > 20


def test_our_own_login_is_explained_by_whose_server_it_is(database: Database) -> None:
    for through, findings in (
        (OWN_SERVER, (Finding.SUPERUSER, Finding.BYPASSES_ROW_SECURITY)),
        (OWN_LOGIN, (Finding.UNEXPLAINED, Finding.SUPERUSER, Finding.BYPASSES_ROW_SECURITY)),
    ):
        grants = database_answer(database, through=through).grants
        (login,) = [one for one in grants if one.subject == "role coworker" and one.on == "server"]
        assert login.through == through
        assert judged(login, KNOWN).findings == findings


@pytest.mark.parametrize(
    ("statement", "on", "may"),
    (
        ("GRANT SELECT ON tenants TO coworker_run", "tenants", ("SELECT",)),
        ("GRANT DELETE ON access_reviews TO coworker_control", "access_reviews", None),
        (
            "GRANT SELECT (id, secret_fingerprint) ON connections TO coworker_run",
            "connections (",
            ("SELECT",),
        ),
        ("GRANT SELECT ON syncs TO PUBLIC", "syncs", ("SELECT",)),
        (
            "CREATE FUNCTION all_rows() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            "function all_rows",
            ("EXECUTE as its owner",),
        ),
    ),
)
def test_a_right_beyond_is_found(
    database: Database, migrated_url: str, statement: str, on: str, may: tuple[str, ...] | None
) -> None:
    _plant(migrated_url, statement)
    (grant,) = [grant for grant in _of(database, *OURS) if grant.findings]
    assert grant.on.startswith(on)
    assert Finding.UNEXPLAINED in grant.findings
    assert (Finding.EVERYBODY in grant.findings) == ("PUBLIC" in statement)
    assert may is None or grant.may == may


@pytest.mark.parametrize(
    ("attributes", "statement", "findings"),
    (
        ("LOGIN BYPASSRLS", "SELECT 1", {Finding.UNEXPLAINED, Finding.BYPASSES_ROW_SECURITY}),
        ("NOLOGIN SUPERUSER", "SELECT 1", {Finding.UNEXPLAINED, Finding.SUPERUSER}),
        ("NOLOGIN", "GRANT coworker_control TO {}", {Finding.UNEXPLAINED}),
        ("NOLOGIN", "GRANT pg_read_all_data TO {}", {Finding.UNEXPLAINED}),
        ("NOLOGIN", "ALTER TABLE syncs OWNER TO {}", {Finding.UNEXPLAINED}),
    ),
)
def test_somebody_elses_role_is_found(
    database: Database,
    migrated_url: str,
    attributes: str,
    statement: str,
    findings: set[Finding],
) -> None:
    with _role(migrated_url, attributes) as name:
        _plant(migrated_url, statement.format(name))
        (grant,) = _of(database, f"role {name}")
        _plant(migrated_url, f"REASSIGN OWNED BY {name} TO CURRENT_USER")
    assert set(grant.findings) == findings


def test_the_login_of_runs_is_explained_with_the_runs_role_alone(
    database: Database, migrated_url: str
) -> None:
    with _role(migrated_url, "LOGIN") as name:
        _plant(migrated_url, f"GRANT coworker_run TO {name}")
        fitting = _of(database, f"role {name}", run_login=name)
        _plant(migrated_url, f"GRANT coworker_control TO {name}")
        wide = _of(database, f"role {name}", run_login=name)
    assert [grant.findings for grant in fitting] == [(), ()]
    assert [grant.on for grant in wide if grant.findings] == ["role coworker_control"]


def test_a_login_whose_time_is_over_says_so(database: Database, migrated_url: str) -> None:
    with _role(migrated_url, "LOGIN VALID UNTIL '2026-01-01'") as name:
        (grant,) = _of(database, f"role {name}")
    assert grant.until is not None
    assert grant.findings == ()


def _plant(url: str, statement: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def _role(url: str, attributes: str) -> Iterator[str]:
    name = f"review_{token_hex(6)}"
    _plant(url, f"CREATE ROLE {name} {attributes}")
    try:
        yield name
    finally:
        _plant(url, f"DROP ROLE {name}")
