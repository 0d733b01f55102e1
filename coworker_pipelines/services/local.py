"""The services of one machine together."""

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.services.account import Account, server_account
from coworker_pipelines.services.address import DatabaseAddress, ElasticsearchAddress
from coworker_pipelines.services.distribution import install_distribution
from coworker_pipelines.services.docker import ElasticsearchContainer
from coworker_pipelines.services.elasticsearch import ElasticsearchNode
from coworker_pipelines.services.java import find_jdk
from coworker_pipelines.services.locks import file_lock
from coworker_pipelines.services.postgres import PostgresServer
from coworker_pipelines.services.state import (
    SYSTEM_FOLDER,
    Passwords,
    find_servers_folder,
    make_servers_folder,
    reachable_folder,
)

_LOCK_WAIT_S: Final = 300.0
_NOT_UP: Final = "The local services are not up: run `coworker services up`."


class Service(StrEnum):
    ELASTICSEARCH = "elasticsearch"
    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where everything answers. Each database's URL names the driver that its user needs."""

    elasticsearch: ElasticsearchAddress
    database_url: str = field(repr=False)
    dagster_database_url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """What is known of a service from outside; ``address`` holds no password."""

    service: Service
    running: bool
    pid: int | None = None
    address: str | None = None


class LocalServices:
    """The servers whose state is in one folder. No process is needed for them to live on."""

    def __init__(
        self,
        state: Path,
        *,
        elasticsearch_port: int | None,
        environment: Mapping[str, str],
        cache: Path | None = None,
        fallback: Path = SYSTEM_FOLDER,
    ) -> None:
        self._state = state.resolve()
        self._cache = (cache or self._state / "cache").resolve()
        self._fallback = fallback
        self._port = elasticsearch_port
        self._environment = environment

    def up(self, progress: Callable[[str], None]) -> Endpoints:
        """Both services run, and the database and the node are ready for their first user."""
        self.start(frozenset(Service), progress)
        return self.endpoints()

    def start(self, services: Collection[Service], progress: Callable[[str], None]) -> None:
        """These services run, started at the same time; those that ran already were left alone.

        Raises:
            TenantActionError: something is missing on this machine; the sentence says what.
            RetryLaterError: another process starts or stops them, or one is not ready in time.
        """
        account = server_account()
        say = _one_at_a_time(progress)
        starts = {
            Service.ELASTICSEARCH: self._start_elasticsearch,
            Service.POSTGRES: self._start_postgres,
        }
        with self._lock():
            passwords = Passwords.make(self._state)
            servers = make_servers_folder(self._state, account=account, fallback=self._fallback)
            with ThreadPoolExecutor(max_workers=len(Service)) as pool:
                futures = [
                    pool.submit(
                        starts[service],
                        _Servers(servers, passwords, self._environment),
                        account,
                        say,
                    )
                    for service in services
                ]
            for future in futures:
                future.result()

    def down(self) -> None:
        """Neither service runs; what they hold stays."""
        if self._servers() is None:
            return
        with self._lock():
            servers = self._servers()
            assert servers is not None
            stops = [servers.node.stop, servers.container.stop, servers.postgres.stop]
            with ThreadPoolExecutor(max_workers=len(stops)) as pool:
                futures = [pool.submit(stop) for stop in stops]
            for future in futures:
                future.result()

    def status(self) -> list[ServiceStatus]:
        """Each service, running or not; nothing is started or made by asking."""
        servers = self._servers()
        if servers is None:
            return [ServiceStatus(service=service, running=False) for service in Service]
        return [servers.elasticsearch_status(), servers.postgres_status()]

    def endpoints(self) -> Endpoints:
        """The addresses of what runs.

        Raises:
            TenantActionError: one of the services does not run.
        """
        return Endpoints(
            elasticsearch=self.elasticsearch_address(),
            database_url=self.database_url(),
            dagster_database_url=self.dagster_database_url(),
        )

    def elasticsearch_address(self) -> ElasticsearchAddress:
        """The node's address, whatever Postgres does; errors as in ``endpoints``."""
        servers = self._servers()
        address = servers.elasticsearch_address() if servers else None
        if address is None:
            raise TenantActionError(_NOT_UP)
        return address

    def database_url(self) -> str:
        """Our database, for SQLAlchemy with psycopg 3; errors as in ``endpoints``."""
        return self._database().url("coworker", driver="psycopg")

    def dagster_database_url(self) -> str:
        """Dagster's database, for SQLAlchemy with psycopg 2; errors as in ``endpoints``.

        Dagster notifies through ``NOTIFY`` with a parameter, which psycopg 3 sends to the server
        as one, where it is a syntax error; and psycopg 3 is what SQLAlchemy 2.1 takes for a URL
        that names no driver.
        """
        return self._database().url("dagster", driver="psycopg2")

    def _database(self) -> DatabaseAddress:
        servers = self._servers()
        address = servers.postgres.address() if servers else None
        if address is None:
            raise TenantActionError(_NOT_UP)
        return address

    def _servers(self) -> "_Servers | None":
        folder = find_servers_folder(self._state)
        if folder is None:
            return None
        return _Servers(folder, Passwords.load(self._state), self._environment)

    def _lock(self) -> AbstractContextManager[None]:
        return file_lock(self._state / "services.lock", wait_s=_LOCK_WAIT_S)

    def _start_elasticsearch(
        self, servers: "_Servers", account: Account, progress: Callable[[str], None]
    ) -> None:
        try:
            jdk = find_jdk(self._environment, reaches=account.reaches)
            home = install_distribution(
                downloads=self._cache,
                installed=self._installed(account),
                jdk=jdk,
                environment=self._environment,
                progress=progress,
            )
        except TenantActionError:
            if not servers.container.engine_answers():
                raise
            progress("starting Elasticsearch in a container")
            servers.container.start(port=self._port)
            return
        servers.node.start(
            home=home,
            jdk=jdk,
            account=account,
            port=self._port,
            environment=self._environment,
            progress=progress,
        )

    def _start_postgres(
        self, servers: "_Servers", account: Account, progress: Callable[[str], None]
    ) -> None:
        servers.postgres.start(
            installed=self._installed(account), account=account, progress=progress
        )

    def _installed(self, account: Account) -> Path:
        return reachable_folder(self._cache, self._fallback / "cache", account)


class _Servers:
    """What may run in a folder."""

    def __init__(self, folder: Path, passwords: Passwords, environment: Mapping[str, str]) -> None:
        self.node = ElasticsearchNode(
            folder=folder / "elasticsearch", password=passwords.elasticsearch
        )
        self.container = ElasticsearchContainer(
            folder=folder, password=passwords.elasticsearch, environment=environment
        )
        self.postgres = PostgresServer(folder=folder / "postgres", password=passwords.postgres)

    def elasticsearch_address(self) -> ElasticsearchAddress | None:
        return self.node.address() or self.container.address()

    def elasticsearch_status(self) -> ServiceStatus:
        process, address = self.node.process(), self.elasticsearch_address()
        return ServiceStatus(
            service=Service.ELASTICSEARCH,
            running=address is not None,
            pid=process.pid if process else None,
            address=address.url if address else None,
        )

    def postgres_status(self) -> ServiceStatus:
        process, address = self.postgres.process(), self.postgres.address()
        return ServiceStatus(
            service=Service.POSTGRES,
            running=address is not None,
            pid=process.pid if process else None,
            address=str(address.socket_folder) if address else None,
        )


def _one_at_a_time(progress: Callable[[str], None]) -> Callable[[str], None]:
    lock = threading.Lock()

    def say(message: str) -> None:
        with lock:
            progress(message)

    return say
