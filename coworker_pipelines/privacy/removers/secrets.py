"""What sources and our own stores are entered with."""

from collections.abc import Iterator
from dataclasses import dataclass

from coworker_pipelines.cluster.client import Cluster
from coworker_pipelines.cluster.names import secret_name
from coworker_pipelines.cluster.tenants import remaining_namespaces
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.targets import Remover
from coworker_pipelines.secrets.references import (
    access_reference,
    grant_reference,
    source_reference,
    token_reference,
)
from coworker_pipelines.secrets.store import SecretHouse, SecretStore, SecretWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSecretRemover(Remover):
    """Of a store that can say what it holds."""

    store: SecretStore

    def count(self, reached: Reached) -> int:
        return len(self._found(reached))

    def delete(self, reached: Reached) -> int:
        found = self._found(reached)
        # Those that ought to be there go as well: a killed writer may have left a part of one.
        for reference in {*found, *_expected(reached)}:
            self.store.delete(reference)
        return len(found)

    def _found(self, reached: Reached) -> list[str]:
        extent = reached.extent
        return [
            reference
            for reference in self.store.references()
            if reference.split("/")[1] == extent.tenant
            and extent.connection in {None, reference.split("/")[2]}
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSecretRemover(Remover):
    """Of a cluster, in which nobody may list or read them.

    Whether one is there is asked by deleting it without effect; of a whole tenant the namespaces
    go, with all that is in them.
    """

    cluster: Cluster
    writer: SecretWriter
    house: SecretHouse

    def count(self, reached: Reached) -> int:
        found = sum(
            self.cluster.would_delete(secret_name(reference).place)
            for reference in _expected(reached)
        )
        if not reached.is_whole_tenant:
            return found
        return found + len(remaining_namespaces(self.cluster, reached.extent.tenant))

    def delete(self, reached: Reached) -> int:
        found = self.count(reached)
        for reference in _expected(reached):
            self.writer.delete(reference)
        if reached.is_whole_tenant:
            self.house.close(reached.extent.tenant)
        return found


def _expected(reached: Reached) -> Iterator[str]:
    for connection in reached.connections:
        scope = Scope(
            tenant=reached.extent.tenant, connection=connection.id, epoch=connection.epoch
        )
        yield source_reference(scope)
        yield access_reference(scope)
        yield token_reference(scope)
        for grant in connection.grants:
            yield grant_reference(scope, grant)
