"""What an environment describes: its database, its Elasticsearch, its cluster, its secrets."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from typing import Self

from elasticsearch import Elasticsearch

from coworker_pipelines.assembly.places import (
    SecretPlace,
    in_the_cluster,
    on_this_machine,
    open_own_cluster,
    redacted,
)
from coworker_pipelines.assembly.safeguards import Safeguards
from coworker_pipelines.assembly.stores import open_file_store
from coworker_pipelines.cluster.client import Cluster
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.kernel.clock import Clock, SystemClock
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.key_file import read_master_key
from coworker_pipelines.secrets.keys import MasterKey
from coworker_pipelines.secrets.redaction.process import process_redactor
from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.local import LocalServices
from coworker_pipelines.settings import SecretsIn, Settings
from coworker_pipelines.syncs.context import Step


def silent(_: Step) -> None:
    """Progress that nobody watches."""


class Deployment:
    """Each of its parts is opened when it is first needed, and masked where it is secret."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        progress: Callable[[Step], None] = silent,
        redactor: Redactor | None = None,
    ) -> None:
        self._settings = settings
        self._redactor = redactor or Redactor()
        self._progress = progress
        self._opened = ExitStack()
        self.clock: Clock = clock or SystemClock()

    @classmethod
    def from_environment(cls, *, progress: Callable[[Step], None] = silent) -> Self:
        """That of this process, whose redactor knows what is read of secrets."""
        settings = Settings.from_environment(os.environ)
        return cls(settings, progress=progress, redactor=process_redactor())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back all connections; what is used afterwards is opened anew."""
        self._opened.close()
        for name in ("database", "admin", "cluster"):
            self.__dict__.pop(name, None)

    @cached_property
    def local(self) -> LocalServices:
        """The services of this machine, for what the settings name no other address of."""
        return LocalServices(
            self._settings.state,
            elasticsearch_port=self._settings.elasticsearch_port,
            environment=os.environ,
            cache=self._settings.cache,
        )

    @cached_property
    def database(self) -> Database:
        url = self._settings.database_url or self.local.database_url()
        self._redactor.register(url)
        return self._opened.enter_context(Database(url, self._pass_of))

    @cached_property
    def master(self) -> MasterKey:
        return read_master_key(self._settings.master_key_file)

    @property
    def safeguards(self) -> Safeguards:
        """What keeps removed data removed, and proves that it is; asked by the control plane."""
        database = self.database
        return Safeguards(
            self._settings, database, database.control, lambda: self.master, lambda: self.admin
        )

    @cached_property
    def file_secrets(self) -> FileSecretStore:
        """The store of this machine, which only a deployment without a cluster has."""
        return open_file_store(self._settings)

    @cached_property
    def cluster(self) -> Cluster:
        return self._opened.enter_context(open_own_cluster(self._settings))

    @property
    def place(self) -> SecretPlace:
        """Where the secrets of connections rest; what passes is masked from then on."""
        match self._settings.secrets:
            case SecretsIn.FILE:
                place = on_this_machine(self.file_secrets)
            case SecretsIn.KUBERNETES:
                place = in_the_cluster(self.cluster, self._settings)
        return redacted(place, self._redactor)

    @cached_property
    def admin(self) -> Elasticsearch:
        """With our own rights, which no connection's run has."""
        client = open_client(self.elasticsearch)
        self._opened.callback(client.close)
        return client

    @property
    def elasticsearch(self) -> ElasticsearchAddress:
        """With our own login, where it has one."""
        address = self._settings.elasticsearch or self.local.elasticsearch_address()
        if address.user is not None and address.password is not None:
            self._redactor.register_login(address.user, address.password)
        if address.api_key is not None:
            self._redactor.register(address.api_key)
        return address

    def _pass_of(self, tenant: str) -> Secret:
        # Who works with no tenant's rows, as sensors do, needs no master key.
        database_pass = self.master.database_pass(tenant)
        self._redactor.register(database_pass)
        return database_pass
