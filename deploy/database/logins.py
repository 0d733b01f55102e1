#!/usr/bin/env python3
"""A login for each component, with what it may do in our database and in Dagster's.

    uv run deploy/database/logins.py --admin-url-file FILE --host HOST --out FOLDER

The address in FILE is an administrator's, of the server's database `postgres`. Passwords are made
here, sent as SCRAM verifiers, and written into FOLDER (mode 0700), which has to be new: a folder
for each component with a file for each address, as `kubectl create secret generic NAME --from-file`
takes it. Delete FOLDER afterwards. No password is printed.

Run it before the first migration; run again, it changes nothing but the passwords. With
`--generation 2` it makes a second set of logins beside the first: that is how passwords are rotated
while everything runs.
"""

import argparse
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

PASSWORD_BYTES = 32
CONNECT_S = 10
OWN, DAGSTER = "coworker", "dagster"
OWNER = "coworker_owner"
"""Both databases and all their tables are this role's, whichever login migrates them."""
ROLES = (
    "coworker_run",
    "coworker_control",
    "coworker_locator",
    "coworker_privacy",
    "coworker_dispatch",
)
"""What sessions take on in our database; the migrations say what each may do there."""
MEMBER = "dagster_member"
"""What works with Dagster's tables and changes none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """``roles`` are those that its sessions may take on in our database; none: it has no way in.

    ``holder`` is the component whose Secret holds the address, under ``prefix`` and the name of
    the database.
    """

    name: str
    roles: tuple[str, ...]
    holder: str
    prefix: str = ""


LOGINS = (
    Login(name="migrate", roles=(*ROLES, OWNER), holder="migrate"),
    Login(name="webserver", roles=(), holder="webserver"),
    Login(name="daemon", roles=("coworker_locator",), holder="daemon"),
    Login(name="code_location", roles=("coworker_control",), holder="code-location"),
    Login(name="control_plane", roles=("coworker_control", "coworker_run"), holder="control-plane"),
    Login(name="oauth_refresher", roles=("coworker_control",), holder="oauth-refresher"),
    Login(name="privacy_worker", roles=("coworker_privacy",), holder="privacy-worker"),
    Login(name="dispatcher", roles=("coworker_dispatch",), holder="dispatcher"),
    # The control plane hands it to runs, in each connection's own Secret.
    Login(name="runs", roles=("coworker_run",), holder="control-plane", prefix="run_"),
)


class RefusedError(Exception):
    """Nothing was changed; the sentence says why."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--admin-url-file", type=Path, required=True)
    parser.add_argument("--host", required=True, help="where components find the server")
    parser.add_argument("--port", type=int, default=5432)
    parser.add_argument("--sslmode", default="require")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--generation", type=int, default=1)
    given = parser.parse_args(arguments)
    try:
        admin = _read(given.admin_url_file)
        _make_folder(given.out)
        passwords = make_logins(admin, generation=given.generation)
    except (RefusedError, psycopg.OperationalError) as error:
        sys.stderr.write(f"{str(error).splitlines()[0]}\n")
        return 2
    address = f"{given.host}:{given.port}", given.sslmode
    write_files(given.out, passwords, address, generation=given.generation)
    return 0


def make_logins(admin_url: str, *, generation: int = 1) -> dict[str, str]:
    """Both databases, the roles and the logins are there; passwords by the login's name."""
    passwords = {login.name: secrets.token_urlsafe(PASSWORD_BYTES) for login in LOGINS}
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=CONNECT_S) as admin:
        for role in (*ROLES, MEMBER, OWNER):
            _ensure_role(admin, role, sql.SQL("NOLOGIN"))
        for login in LOGINS:
            _make_login(admin, login, role_name(login, generation), passwords[login.name])
        for database in (OWN, DAGSTER):
            _ensure_database(admin, database)
        _limit_databases(admin, generation)
    with psycopg.connect(admin_url, dbname=DAGSTER, autocommit=True) as admin:
        _open_dagster(admin)
    return passwords


def write_files(
    folder: Path, passwords: Mapping[str, str], address: tuple[str, str], *, generation: int = 1
) -> None:
    """Each address in a file of mode 0600, as the component's Secret is to hold it."""
    host, sslmode = address
    for login in LOGINS:
        place = folder / login.holder
        place.mkdir(mode=0o700, exist_ok=True)
        user, password = role_name(login, generation), quote(passwords[login.name], safe="")
        # Dagster speaks to Postgres by this driver alone; ours is added where it is read.
        files = [("postgresql+psycopg2", DAGSTER, "dagster_database_url")]
        if login.roles:
            files.append(("postgresql", OWN, "database_url"))
        for scheme, database, name in files:
            path = place / f"{login.prefix}{name}"
            path.touch(mode=0o600)
            path.write_text(f"{scheme}://{user}:{password}@{host}/{database}?sslmode={sslmode}")


def role_name(login: Login, generation: int) -> str:
    return f"coworker_{login.name}" + (f"_{generation}" if generation > 1 else "")


def _make_login(admin: psycopg.Connection, login: Login, role: str, password: str) -> None:
    # NOINHERIT: it has no right before a session takes a role on, and says which.
    _ensure_role(admin, role, sql.SQL("LOGIN NOINHERIT NOCREATEDB"))
    verifier = admin.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    admin.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(
            sql.Identifier(role), sql.Literal(verifier.decode())
        )
    )
    for granted in login.roles:
        admin.execute(
            sql.SQL("GRANT {} TO {} WITH INHERIT FALSE").format(
                sql.Identifier(granted), sql.Identifier(role)
            )
        )
    if OWNER in login.roles:
        admin.execute(
            sql.SQL("ALTER ROLE {} SET role = {}").format(sql.Identifier(role), sql.Literal(OWNER))
        )
    # Dagster takes no role on, so this one is inherited.
    admin.execute(
        sql.SQL("GRANT {} TO {} WITH INHERIT TRUE").format(
            sql.Identifier(MEMBER), sql.Identifier(role)
        )
    )


def _ensure_role(admin: psycopg.Connection, role: str, options: sql.SQL) -> None:
    if admin.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
        admin.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), options))


def _ensure_database(admin: psycopg.Connection, database: str) -> None:
    """There is such a database, and it is the owner's."""
    # Who gives something away has to belong to whom it is given.
    admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))
    found = admin.execute("SELECT FROM pg_database WHERE datname = %s", [database]).fetchone()
    statement = "CREATE DATABASE {} OWNER {}" if found is None else "ALTER DATABASE {} OWNER TO {}"
    admin.execute(sql.SQL(statement).format(sql.Identifier(database), sql.Identifier(OWNER)))


def _limit_databases(admin: psycopg.Connection, generation: int) -> None:
    """Nobody enters a database but those who have something to do there."""
    for database in (OWN, DAGSTER):
        admin.execute(
            sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))
        )
        for login in LOGINS:
            if database == DAGSTER or login.roles:
                admin.execute(
                    sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                        sql.Identifier(database), sql.Identifier(role_name(login, generation))
                    )
                )


def _open_dagster(admin: psycopg.Connection) -> None:
    """Tables that are there, and those that a migration of Dagster's makes later."""
    rights = {
        "TABLES": sql.SQL("SELECT, INSERT, UPDATE, DELETE"),
        "SEQUENCES": sql.SQL("USAGE, SELECT"),
    }
    for kind, may in rights.items():
        admin.execute(
            sql.SQL("GRANT {} ON ALL {} IN SCHEMA public TO {}").format(
                may, sql.SQL(kind), sql.Identifier(MEMBER)
            )
        )
        admin.execute(
            sql.SQL(
                "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT {} ON {} TO {}"
            ).format(sql.Identifier(OWNER), may, sql.SQL(kind), sql.Identifier(MEMBER))
        )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise RefusedError(f"{path} cannot be read.") from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise RefusedError(f"{folder} is there already: name a new folder.") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
