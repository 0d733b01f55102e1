"""A deletion over a deployment's stores: whose hands are at which target."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from elasticsearch import Elasticsearch

from coworker_pipelines.activities.store import ActivitiesStore
from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.assembly.proving import Proving
from coworker_pipelines.assembly.stores import open_segment_root
from coworker_pipelines.automation import action_rows as _action_rows  # noqa: F401 - its tables
from coworker_pipelines.automation import rows as _automation_rows  # noqa: F401 - its tables
from coworker_pipelines.cluster.client import Cluster
from coworker_pipelines.database.database import OpenSession
from coworker_pipelines.documents import names
from coworker_pipelines.documents.endpoint import Endpoint
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.privacy.deletion.carrying_out import DeletionWork
from coworker_pipelines.privacy.deletion.deletions import Deletions
from coworker_pipelines.privacy.deletion.shutting_out import Runs
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.removers.elasticsearch import (
    DocumentRemover,
    IndexRemover,
    KeyRemover,
    SnapshotRemover,
    StreamActivityRemover,
)
from coworker_pipelines.privacy.removers.rows import RowRemover
from coworker_pipelines.privacy.removers.secrets import ClusterSecretRemover, StoredSecretRemover
from coworker_pipelines.privacy.removers.segments import SegmentRemover
from coworker_pipelines.privacy.targets import Remover, target
from coworker_pipelines.secrets.store import SecretHouse, SecretStore, SecretWriter
from coworker_pipelines.segments.root import SegmentRoot
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.settings import SecretsIn, Settings

ROW_TARGETS: Final = ("rejected", "outbox", "effects", "decisions", "rows", "registration")


def deletions(platform: Platform, settings: Settings, *, traces: Remover) -> Deletions:
    """Orders, made and confirmed with the control plane's rights."""
    return Deletions(
        database=platform.database,
        removers=_removing(platform, settings, traces).removers(platform.database.control),
        clock=platform.clock,
    )


def deletion_work(
    platform: Platform,
    settings: Settings,
    *,
    traces: Remover,
    runs: Runs,
    sleep: Callable[[float], None],
) -> DeletionWork:
    """Orders, carried out with the rights to remove."""
    proving = Proving(
        database=platform.database, safeguards=platform.safeguards, clock=platform.clock
    )
    return DeletionWork(
        database=platform.database,
        removers=_removing(platform, settings, traces).removers(platform.database.privacy),
        runs=runs,
        issue=proving.issue,
        journal=proving,
        clock=platform.clock,
        sleep=sleep,
        backup_days=settings.backup_days,
    )


def _removing(platform: Platform, settings: Settings, traces: Remover) -> "Removing":
    return Removing(
        admin=platform.admin,
        address=settings.elasticsearch or platform.local.elasticsearch_address(),
        segments=open_segment_root(settings.segments),
        secrets=_secrets(platform, settings),
        runs=traces,
        keeps_snapshots=settings.backup_days > 0,
    )


def _secrets(platform: Platform, settings: Settings) -> "SecretStore | ClusterSecrets":
    match settings.secrets:
        case SecretsIn.FILE:
            return platform.file_secrets
        case SecretsIn.KUBERNETES:
            place = platform.place
            return ClusterSecrets(cluster=platform.cluster, writer=place.writer, house=place.house)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSecrets:
    """Secrets in a cluster, which can be removed and not be listed."""

    cluster: Cluster
    writer: SecretWriter
    house: SecretHouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Removing:
    """What the hands work with; ``runs`` are Dagster's, which only its shell can reach."""

    admin: Elasticsearch
    address: ElasticsearchAddress
    segments: SegmentRoot
    secrets: SecretStore | ClusterSecrets
    runs: Remover
    keeps_snapshots: bool

    def removers(self, session: OpenSession) -> Mapping[str, Remover]:
        """A remover for each target of the registry; ``session`` says with whose rights."""
        messages = DocumentRemover(client=self.admin, documents=False)
        return {
            "keys": KeyRemover(client=self.admin),
            "documents": DocumentRemover(client=self.admin, documents=True),
            "activities": StreamActivityRemover(
                client=self.admin, whole=messages, open_activities=self._open_activities
            ),
            "indices": IndexRemover(client=self.admin),
            # Those that nobody may change are exempt, and expire.
            "snapshots": (
                NothingHere() if self.keeps_snapshots else SnapshotRemover(client=self.admin)
            ),
            "segments": SegmentRemover(root=self.segments),
            "secrets": self._secrets(),
            "runs": self.runs,
            **{name: RowRemover(session=session, target=target(name)) for name in ROW_TARGETS},
        }

    def _secrets(self) -> Remover:
        match self.secrets:
            case SecretStore():
                return StoredSecretRemover(store=self.secrets)
            case ClusterSecrets(cluster=cluster, writer=writer, house=house):
                return ClusterSecretRemover(cluster=cluster, writer=writer, house=house)

    @contextmanager
    def _open_activities(self, reached: Reached) -> Iterator[ActivitiesStore]:
        (scope,) = reached.scopes
        endpoint = Endpoint(self.address)
        try:
            writer = DocumentsWriter(endpoint, names.activities_alias(scope))
            yield ActivitiesStore(self.admin, writer, scope)
        finally:
            endpoint.close()


class NothingHere(Remover):
    """A place that this deployment does not have, or that is exempt in it."""

    def count(self, reached: Reached) -> int:
        assert reached
        return 0

    def delete(self, reached: Reached) -> int:
        assert reached
        return 0
