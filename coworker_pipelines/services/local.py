"""The services of one machine together."""

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.services.account import Account, server_account
from coworker_pipelines.services.address import DatabaseAddress, ElasticsearchAddress
from coworker_pipelines.services.distribution import install_distribution
from coworker_pipelines.services.elasticsearch import ElasticsearchNode
from coworker_pipelines.services.java import find_jdk
from coworker_pipelines.services.locks import file_lock
from coworker_pipelines.services.postgres import PostgresServer
from coworker_pipelines.services.state import SYSTEM_FOLDER, Passwords, StatePlaces

_LOCK_WAIT_S: Final = 300.0
_NOT_UP: Final = "The local services are not up: run `coworker services up`."


class Service(StrEnum):
    ELASTICSEARCH = "elasticsearch"
    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where everything answers. ``dagster_database_url`` is a libpq URL, without a driver."""

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
        self._state = state.absolute()
        self._cache = (cache or self._state / "cache").absolute()
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
        with file_lock(self._state / "services.lock", wait_s=_LOCK_WAIT_S):
            places = StatePlaces.make(
                self._state, cache=self._cache, account=account, fallback=self._fallback
            )
            passwords = Passwords.make(self._state)
            say = _one_at_a_time(progress)
            with ThreadPoolExecutor(max_workers=len(Service)) as pool:
                futures: list[Future[object]] = []
                if Service.ELASTICSEARCH in services:
                    node = _node(places, passwords)
                    futures.append(pool.submit(self._start_node, node, places, account, say))
                if Service.POSTGRES in services:
                    server = _server(places, passwords)
                    futures.append(
                        pool.submit(
                            server.start, installed=places.installed, account=account, progress=say
                        )
                    )
            for future in futures:
                future.result()

    def down(self) -> None:
        """Neither service runs; what they hold stays."""
        with file_lock(self._state / "services.lock", wait_s=_LOCK_WAIT_S):
            places = StatePlaces.find(self._state)
            if places is not None:
                passwords = Passwords.load(self._state)
                with ThreadPoolExecutor(max_workers=len(Service)) as pool:
                    stops = [
                        pool.submit(_node(places, passwords).stop),
                        pool.submit(_server(places, passwords).stop),
                    ]
                for stop in stops:
                    stop.result()

    def status(self) -> list[ServiceStatus]:
        """Each service, running or not; nothing is started or made by asking."""
        places = StatePlaces.find(self._state)
        if places is None:
            return [ServiceStatus(service=service, running=False) for service in Service]
        passwords = Passwords.load(self._state)
        node, server = _node(places, passwords), _server(places, passwords)
        node_process, node_address = node.process(), node.address()
        server_process, server_address = server.process(), server.address()
        return [
            ServiceStatus(
                service=Service.ELASTICSEARCH,
                running=node_address is not None,
                pid=node_process.pid if node_process else None,
                address=node_address.url if node_address else None,
            ),
            ServiceStatus(
                service=Service.POSTGRES,
                running=server_address is not None,
                pid=server_process.pid if server_process else None,
                address=str(server_address.socket_folder) if server_address else None,
            ),
        ]

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
        address = _node(*self._known()).address()
        if address is None:
            raise TenantActionError(_NOT_UP)
        return address

    def database_url(self) -> str:
        """Our database, for SQLAlchemy with psycopg 3; errors as in ``endpoints``."""
        return self._database().url("coworker", driver="psycopg")

    def dagster_database_url(self) -> str:
        """Dagster's database, as libpq and dagster-postgres take it; errors as in ``endpoints``."""
        return self._database().url("dagster")

    def _database(self) -> DatabaseAddress:
        address = _server(*self._known()).address()
        if address is None:
            raise TenantActionError(_NOT_UP)
        return address

    def _known(self) -> tuple[StatePlaces, Passwords]:
        places = StatePlaces.find(self._state)
        if places is None:
            raise TenantActionError(_NOT_UP)
        return places, Passwords.load(self._state)

    def _start_node(
        self,
        node: ElasticsearchNode,
        places: StatePlaces,
        account: Account,
        progress: Callable[[str], None],
    ) -> None:
        jdk = find_jdk(self._environment)
        home = install_distribution(
            downloads=self._cache,
            installed=places.installed,
            jdk=jdk,
            environment=self._environment,
            progress=progress,
        )
        node.start(
            home=home,
            jdk=jdk,
            account=account,
            port=self._port,
            environment=self._environment,
            progress=progress,
        )


def _node(places: StatePlaces, passwords: Passwords) -> ElasticsearchNode:
    return ElasticsearchNode(
        folder=places.servers / "elasticsearch", password=passwords.elasticsearch
    )


def _server(places: StatePlaces, passwords: Passwords) -> PostgresServer:
    return PostgresServer(folder=places.servers / "postgres", password=passwords.postgres)


def _one_at_a_time(progress: Callable[[str], None]) -> Callable[[str], None]:
    lock = threading.Lock()

    def say(message: str) -> None:
        with lock:
            progress(message)

    return say
