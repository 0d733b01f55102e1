"""Whether the database is reached, ready, and holds its roles to their tenants."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import text

from coworker_pipelines.database.database import CONTROL_ROLE, RUN_ROLE, Database
from coworker_pipelines.doctor.check import Check, Outcome, not_applicable, outcome

SUBJECT: Final = "database"
_CLOSED_TO_RUNS: Final = (
    ("connections", "secret_fingerprint"),
    ("selections", "made_by"),
    ("document_readings", "reason"),
    ("access_reviews", "note"),
    ("tenants", "pass_digest"),
    ("tenants", "key_salt"),
)
_APPEND_ONLY: Final = ("access_reviews", "document_readings")


def database_checks(
    database: Callable[[], Database],
    pending: Callable[[], Sequence[str]],
    *,
    is_local: bool,
    run_login: str | None = None,
    roles: Sequence[str] = (RUN_ROLE, CONTROL_ROLE),
) -> list[Check]:
    """``is_local``: Postgres is this machine's own, whose one login made the server.

    ``run_login`` is the name that runs enter by.
    """
    looks = {
        "connects": lambda: _connects(database()),
        "newest revision": lambda: _revision(pending()),
        "login has no power over isolation": lambda: _login(database(), is_local=is_local),
        "runs enter by a login that is a run's alone": lambda: _run_login(
            database(), run_login, is_local=is_local
        ),
        "roles have no power of their own": lambda: _roles(database(), roles),
        "row-level security is forced": lambda: _row_security(database()),
        "runs cannot read what is not theirs": lambda: _closed(database()),
        "reviews and readings are append-only": lambda: _append_only(database()),
    }
    return [Check(subject=SUBJECT, name=name, look=look) for name, look in looks.items()]


def _connects(database: Database) -> Outcome:
    with database.control() as session:
        name = session.scalar(text("SELECT current_database()"))
    return outcome(
        holds=True, expected="a session can be opened", seen=f"database {name} answers", advice=""
    )


def _revision(missing: Sequence[str]) -> Outcome:
    return outcome(
        holds=not missing,
        expected="no migration is pending",
        seen=f"pending: {', '.join(missing)}" if missing else "none is pending",
        advice="Run `coworker services up`: it brings the database to the newest revision.",
    )


def _login(database: Database, *, is_local: bool) -> Outcome:
    expected = "neither superuser nor bypassing row security"
    with database.control() as session:
        row = session.execute(
            text(
                "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = session_user"
            )
        ).one()
    powers = {"superuser": row.rolsuper, "bypasses row security": row.rolbypassrls}
    seen = f"{row.rolname}: {', '.join(name for name, has in powers.items() if has) or 'neither'}"
    if is_local and any(powers.values()):
        return not_applicable(expected, f"{seen}, on this machine's own server")
    return outcome(
        holds=not any(powers.values()),
        expected=expected,
        seen=seen,
        advice=f"ALTER ROLE {row.rolname} NOSUPERUSER NOBYPASSRLS; as the server's administrator.",
    )


def _run_login(database: Database, login: str | None, *, is_local: bool) -> Outcome:
    expected = f"it may take on {RUN_ROLE} alone, owns nothing and has no attribute"
    if login is None and is_local:
        return not_applicable(expected, "runs are processes of this machine's own user")
    if login is None:
        return outcome(
            holds=False,
            expected=expected,
            seen="runs enter by the control plane's own login",
            advice="Make a login for runs, and name it in COWORKER_RUN_DATABASE_URL_FILE.",
        )
    with database.control() as session:
        row = session.execute(
            text(
                "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb AS strong, "
                "pg_has_role(oid, :run, 'SET') AS is_run, "
                "pg_has_role(oid, :control, 'MEMBER') AS is_control, "
                "EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid) AS owns "
                "FROM pg_roles r WHERE rolname = :login"
            ),
            {"login": login, "run": RUN_ROLE, "control": CONTROL_ROLE},
        ).one_or_none()
    if row is None:
        wrong = ["there is no such login"]
    else:
        faults = {
            f"may not take on {RUN_ROLE}": not row.is_run,
            f"is a member of {CONTROL_ROLE}": row.is_control,
            "has an attribute": row.strong,
            "owns tables": row.owns,
        }
        wrong = [fault for fault, is_so in faults.items() if is_so]
    return outcome(
        holds=not wrong,
        expected=expected,
        seen=f"{login}: {'; '.join(wrong) or 'so it is'}",
        advice=f"CREATE ROLE ... LOGIN; GRANT {RUN_ROLE} TO it, and nothing else.",
    )


def _roles(database: Database, roles: Sequence[str]) -> Outcome:
    with database.control() as session:
        rows = session.execute(
            text(
                "SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles) AND "
                "(rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolcreatedb)"
            ),
            {"roles": list(roles)},
        )
        strong = sorted(row.rolname for row in rows)
    return outcome(
        holds=not strong,
        expected=f"{' and '.join(roles)} cannot log in and have no attribute",
        seen=f"too strong: {', '.join(strong)}" if strong else "both are plain",
        advice="ALTER ROLE ... NOSUPERUSER NOBYPASSRLS NOLOGIN NOCREATEROLE NOCREATEDB;",
    )


def _row_security(database: Database) -> Outcome:
    with database.control() as session:
        rows = session.execute(
            text(
                "SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced "
                "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
                "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT a.attisdropped"
            )
        ).all()
    bare = sorted(row.name for row in rows if not row.forced)
    return outcome(
        holds=bool(rows) and not bare,
        expected="forced on every table with a tenant_id",
        seen=f"not on {', '.join(bare)}" if bare else f"on all {len(rows)} tables",
        advice="ALTER TABLE ... ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;",
    )


def _closed(database: Database) -> Outcome:
    with database.control() as session:
        readable = [
            f"{table}.{column}"
            for table, column in _CLOSED_TO_RUNS
            if session.scalar(
                text("SELECT has_column_privilege(:role, :table, :column, 'SELECT')"),
                {"role": RUN_ROLE, "table": table, "column": column},
            )
        ]
    closed = ", ".join(f"{table}.{column}" for table, column in _CLOSED_TO_RUNS)
    return outcome(
        holds=not readable,
        expected=f"{RUN_ROLE} may not read {closed}",
        seen=f"it may read {', '.join(readable)}" if readable else "it may read none of them",
        advice="Take it away again: REVOKE SELECT on what is named.",
    )


def _append_only(database: Database) -> Outcome:
    with database.control() as session:
        changeable = [
            f"{role} on {table}"
            for role in (RUN_ROLE, CONTROL_ROLE)
            for table in _APPEND_ONLY
            if session.scalar(
                text("SELECT has_table_privilege(:role, :table, 'UPDATE, DELETE, TRUNCATE')"),
                {"role": role, "table": table},
            )
        ]
    return outcome(
        holds=not changeable,
        expected="no role may change or remove what was recorded",
        seen=", ".join(changeable) if changeable else "none may",
        advice="REVOKE UPDATE, DELETE, TRUNCATE ON ... FROM the roles that are named;",
    )
