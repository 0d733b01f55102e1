"""The services as a user meets them: up, down, and up again with everything kept."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import urllib3

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.services.account import Account
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.local import Endpoints, LocalServices, Service
from coworker_pipelines.services.postgres import find_programs
from tests.conftest import CACHE

POSTGRES = frozenset({Service.POSTGRES})


def make_services(folder: Path) -> LocalServices:
    return LocalServices(
        folder / "state",
        elasticsearch_port=None,
        environment=os.environ,
        cache=CACHE,
        fallback=folder / "fallback",
    )


@pytest.fixture
def services(open_folder: Path) -> Iterator[LocalServices]:
    """Services that are down, in a folder of their own; stopped whatever the test did."""
    made = make_services(open_folder)
    yield made
    made.down()


def ignore(_: str) -> None:
    """No progress is wanted."""


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def call(address: ElasticsearchAddress, method: str, path: str) -> urllib3.BaseHTTPResponse:
    assert address.password is not None
    headers = urllib3.make_headers(
        basic_auth=f"{address.user}:{address.password.get_secret_value()}"
    )
    with urllib3.PoolManager(headers=headers, retries=False) as pool:
        return pool.request(method, address.url + path, timeout=30)


def pid_of(services: LocalServices, service: Service) -> int:
    pid = next(status.pid for status in services.status() if status.service == service)
    assert pid is not None
    return pid


def is_alive(pid: int) -> bool:
    """A process that has ended and waits to be collected by a lazy parent is not alive."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_both_come_up_go_down_and_keep_what_they_hold(
    services: LocalServices, open_folder: Path
) -> None:
    first = services.up(ignore)
    execute(first.database_url, "CREATE TABLE kept AS SELECT 42 AS number")
    assert call(first.elasticsearch, "PUT", "/kept").status == 200
    pids = [status.pid for status in services.status() if status.running]
    assert len(pids) == 2
    again: list[str] = []
    assert services.up(again.append) == first
    assert again == []

    services.down()
    assert not any(is_alive(pid) for pid in pids if pid is not None)
    assert not any(status.running for status in services.status())

    node_pid = open_folder / "state" / "services" / "elasticsearch" / "pid"
    node_pid.write_text(f"{os.getpid()}\n", encoding="utf-8")
    second = make_services(open_folder).up(ignore)
    # Its port is the one of before, unless somebody else has taken that meanwhile.
    assert second.elasticsearch.password == first.elasticsearch.password
    assert second.database_url == first.database_url
    assert execute(second.database_url, "SELECT number FROM kept") == [(42,)]
    assert call(second.elasticsearch, "GET", "/kept").status == 200


def test_one_may_be_started_without_the_other(services: LocalServices) -> None:
    services.start(POSTGRES, ignore)
    running = {status.service: status.running for status in services.status()}
    assert running == {Service.ELASTICSEARCH: False, Service.POSTGRES: True}
    assert execute(services.database_url(), "SELECT current_database()") == [("coworker",)]
    dagster = services.dagster_database_url().replace("psycopg2", "psycopg")
    assert execute(dagster, "SELECT current_database()") == [("dagster",)]
    with pytest.raises(TenantActionError, match="run `coworker services up`"):
        services.endpoints()


def test_postgres_comes_back_after_a_kill_whose_id_went_to_another_process(
    services: LocalServices, open_folder: Path
) -> None:
    services.start(POSTGRES, ignore)
    execute(services.database_url(), "CREATE TABLE kept AS SELECT 42 AS number")
    psutil.Process(pid_of(services, Service.POSTGRES)).kill()
    pid_file = open_folder / "state" / "services" / "postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text(encoding="utf-8").splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]), encoding="utf-8")
    assert not any(status.running for status in services.status())
    services.start(POSTGRES, ignore)
    assert execute(services.database_url(), "SELECT number FROM kept") == [(42,)]


def test_a_folder_too_deep_for_a_socket_is_no_obstacle(open_folder: Path) -> None:
    deep = open_folder / ("deep" * 20) / ("deeper folder " * 5)
    services = make_services(deep)
    try:
        services.start(POSTGRES, ignore)
        assert execute(services.database_url(), "SELECT 1") == [(1,)]
    finally:
        services.down()


def test_a_state_in_a_closed_home_works_and_leaves_it_closed(
    tmp_path: Path, open_folder: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    services = LocalServices(
        home / "state", elasticsearch_port=None, environment={}, fallback=open_folder / "fallback"
    )
    try:
        services.start(POSTGRES, ignore)
        assert execute(services.database_url(), "SELECT 1") == [(1,)]
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
    finally:
        services.down()


def test_programs_in_a_closed_home_are_copied_out_of_it(open_folder: Path) -> None:
    wheel = open_folder / "home" / "wheel"
    (wheel / "pginstall18" / "bin").mkdir(parents=True)
    (wheel / "pginstall18" / "bin" / "postgres").touch(mode=0o755)
    (open_folder / "home").chmod(0o700)
    stranger = Account(name="stranger", uid=64_000, gid=64_000, switched=True)
    programs = find_programs(wheel, installed=open_folder, account=stranger)
    assert (programs / "postgres").is_file()
    assert stranger.reaches(programs)


def test_a_password_is_asked_for(services: LocalServices) -> None:
    services.start(POSTGRES, ignore)
    url = services.database_url()
    password = url.partition("coworker:")[2].partition("@")[0]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        execute(url.replace(password, "guessed"), "SELECT 1")


def test_what_the_servers_keep_is_closed_to_others(
    services: LocalServices, open_folder: Path
) -> None:
    services.start(POSTGRES, ignore)
    state = open_folder / "state"
    modes = {
        name: stat.S_IMODE((state / name).stat().st_mode)
        for name in ("passwords.json", "services/postgres", "services/postgres/data")
    }
    assert modes == {
        "passwords.json": 0o600,
        "services/postgres": 0o700,
        "services/postgres/data": 0o700,
    }
    assert not (state / "services" / "postgres" / "password").exists()


def test_passwords_that_were_replaced_are_named_as_the_reason(
    services: LocalServices, open_folder: Path
) -> None:
    services.start(POSTGRES, ignore)
    (open_folder / "state" / "passwords.json").unlink()
    with pytest.raises(TenantActionError, match="refuses the password"):
        services.start(POSTGRES, ignore)


def test_asking_makes_nothing(services: LocalServices, open_folder: Path) -> None:
    assert not any(status.running for status in services.status())
    services.down()
    with pytest.raises(TenantActionError, match="not up"):
        services.endpoints()
    assert list(open_folder.iterdir()) == []


def test_a_fresh_database_is_there_and_empty(database_url: str) -> None:
    tables = execute(database_url, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'")
    assert tables == []


def test_endpoints_hold_no_password_in_their_text(endpoints: Endpoints) -> None:
    password = endpoints.elasticsearch.password
    assert password is not None
    database_password = endpoints.database_url.partition("coworker:")[2].partition("@")[0]
    assert password.get_secret_value() not in str(endpoints)
    assert database_password not in str(endpoints)
