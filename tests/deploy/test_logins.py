"""The logins of a deployment, on a real server of its own: roles belong to a whole server."""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final
from urllib.parse import urlsplit

import psycopg
import pytest
from dagster import DagsterInstance
from dagster._core.test_utils import instance_for_test
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from coworker_pipelines.database.migrations import migrate
from coworker_pipelines.services.local import LocalServices, Service
from tests.conftest import CACHE
from tests.deploy.scripts import load_script

TAKES_ON: Final[Mapping[str, frozenset[str]]] = {
    "webserver": frozenset(),
    "daemon": frozenset({"coworker_locator"}),
    "code_location": frozenset({"coworker_control"}),
    "control_plane": frozenset({"coworker_control", "coworker_run"}),
    "oauth_refresher": frozenset({"coworker_control"}),
    "privacy_worker": frozenset({"coworker_privacy"}),
    "dispatcher": frozenset({"coworker_dispatch"}),
    "runs": frozenset({"coworker_run"}),
}
ROLES: Final = (
    "coworker_run",
    "coworker_control",
    "coworker_locator",
    "coworker_privacy",
    "coworker_dispatch",
    "coworker_owner",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server with the logins; ``url`` says how one of them enters a database."""

    admin_url: str
    passwords: Mapping[str, str]

    def url(self, login: str, database: str, *, generation: int = 1) -> str:
        parts = urlsplit(self.admin_url)
        user = f"coworker_{login}" + (f"_{generation}" if generation > 1 else "")
        host = f"{user}:{self.passwords[login]}@{parts.netloc.rpartition('@')[2]}"
        return f"postgresql://{host}/{database}?{parts.query}"


@pytest.fixture(scope="module")
def logins() -> ModuleType:
    return load_script("database/logins.py")


@pytest.fixture(scope="module")
def server(logins: ModuleType) -> Iterator[Server]:
    """After both migrations, as a deployment has it."""
    with tempfile.TemporaryDirectory(prefix="coworker-logins-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        services = LocalServices(
            folder, elasticsearch_port=None, environment=os.environ, cache=CACHE
        )
        try:
            services.start({Service.POSTGRES}, print)
            admin = (
                services.database_url().replace("+psycopg", "").replace("/coworker?", "/postgres?")
            )
            made = Server(admin_url=admin, passwords=logins.make_logins(admin))
            migrate(made.url("migrate", "coworker").replace("postgresql", "postgresql+psycopg", 1))
            with _dagster(made.url("migrate", "dagster")):
                pass
            yield made
        finally:
            services.down()


@pytest.mark.parametrize("login", TAKES_ON)
def test_a_session_takes_on_the_roles_of_its_component_alone(server: Server, login: str) -> None:
    if not TAKES_ON[login]:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(server.url(login, "coworker"))
        return
    with psycopg.connect(server.url(login, "coworker"), autocommit=True) as session:
        assert {role for role in ROLES if _can(session, "SET ROLE {}", role)} == TAKES_ON[login]


@pytest.mark.parametrize("login", [name for name, roles in TAKES_ON.items() if roles])
def test_a_login_sees_nothing_before_it_took_a_role_on(server: Server, login: str) -> None:
    with psycopg.connect(server.url(login, "coworker"), autocommit=True) as session:
        assert not _can(session, "SELECT FROM {}", "tenants")
        assert not _can(session, "CREATE TABLE {} ()", "planted")


def test_the_tables_are_the_owners(server: Server) -> None:
    with psycopg.connect(server.url("migrate", "coworker")) as session:
        owners = session.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    assert owners == [("coworker_owner",)]


@pytest.mark.parametrize("login", TAKES_ON)
def test_every_component_works_with_dagsters_tables_and_changes_none(
    server: Server, login: str
) -> None:
    with _dagster(server.url(login, "dagster")) as instance:
        instance.add_dynamic_partitions(f"of_{login}", ["one"])
        assert instance.get_dynamic_partitions(f"of_{login}") == ["one"]
        assert instance.get_runs_count() == 0
    with psycopg.connect(server.url(login, "dagster"), autocommit=True) as session:
        assert not _can(session, "DROP TABLE {}", "runs")
        assert not _can(session, "CREATE TABLE {} ()", "planted")


def test_another_generation_works_beside_the_first(server: Server, logins: ModuleType) -> None:
    second = Server(
        admin_url=server.admin_url, passwords=logins.make_logins(server.admin_url, generation=2)
    )
    for made, generation in ((server, 1), (second, 2)):
        url = made.url("daemon", "coworker", generation=generation)
        with psycopg.connect(url, autocommit=True) as session:
            assert _can(session, "SET ROLE {}", "coworker_locator")
    # A migration by the second leaves the tables with the same owner.
    migrate(
        second.url("migrate", "coworker", generation=2).replace(
            "postgresql", "postgresql+psycopg", 1
        )
    )


def test_each_components_addresses_are_files_for_its_own_secret(
    logins: ModuleType, tmp_path: Path
) -> None:
    passwords = {login.name: f"password/of {login.name}" for login in logins.LOGINS}
    logins.write_files(tmp_path, passwords, ("10.20.0.3:5432", "require"))
    files = {str(p.relative_to(tmp_path)): p for p in tmp_path.rglob("*") if p.is_file()}
    both = (
        *("code-location", "control-plane", "daemon", "migrate"),
        *("oauth-refresher", "privacy-worker", "dispatcher"),
    )
    assert set(files) == {
        *(f"{name}/{file}" for name in both for file in ("database_url", "dagster_database_url")),
        "webserver/dagster_database_url",
        "control-plane/run_database_url",
        "control-plane/run_dagster_database_url",
    }
    assert files["daemon/database_url"].read_text(encoding="utf-8") == (
        "postgresql://coworker_daemon:password%2Fof%20daemon@10.20.0.3:5432/coworker?sslmode=require"
    )
    assert (
        files["webserver/dagster_database_url"]
        .read_text(encoding="utf-8")
        .startswith("postgresql+psycopg2://coworker_webserver:")
    )
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}


def test_what_is_wrong_is_said_in_one_line(
    logins: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = tmp_path / "admin"
    arguments = ["--host", "a", "--admin-url-file", str(admin), "--out", str(tmp_path)]
    assert logins.main(arguments) == 2
    assert capsys.readouterr().err == f"{admin} cannot be read.\n"
    admin.write_text("postgresql://nobody@127.0.0.1:1/postgres", encoding="utf-8")
    assert logins.main(arguments) == 2
    assert capsys.readouterr().err == f"{tmp_path} is there already: name a new folder.\n"


def _can(session: psycopg.Connection, statement: str, name: str) -> bool:
    try:
        session.execute(sql.SQL(statement).format(sql.Identifier(name)))
    except InsufficientPrivilege:
        return False
    session.execute("RESET ROLE")
    return True


def _dagster(url: str) -> AbstractContextManager[DagsterInstance]:
    storage = {"postgres": {"postgres_url": url.replace("postgresql", "postgresql+psycopg2", 1)}}
    return instance_for_test(overrides={"storage": storage})
