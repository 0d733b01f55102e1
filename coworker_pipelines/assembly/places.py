"""Where secrets rest in this deployment: on this machine, or in a cluster."""

from dataclasses import dataclass, replace

from coworker_pipelines.cluster.client import Cluster, ClusterAddress, open_cluster
from coworker_pipelines.cluster.limits import TenantLimits
from coworker_pipelines.oauth.stored import PUBLIC_OF_GRANTS
from coworker_pipelines.provisioning.access import PUBLIC
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.kubernetes import (
    KubernetesDestinationReader,
    KubernetesGrantStore,
    KubernetesSecretHouse,
    KubernetesSecretStore,
)
from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.secrets.redaction.stores import RedactedSecretReader, RedactedSecretWriter
from coworker_pipelines.secrets.store import OpenHouse, SecretHouse, SecretReader, SecretWriter
from coworker_pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPlace:
    """``reader`` is there where who writes may also look.

    Grants are the refresher's, and what is secret of destinations is the dispatcher's to read.
    """

    writer: SecretWriter
    house: SecretHouse
    reader: SecretReader | None
    grant_reader: SecretReader
    grant_writer: SecretWriter
    destination_reader: SecretReader


def on_this_machine(store: FileSecretStore) -> SecretPlace:
    return SecretPlace(
        writer=store,
        house=OpenHouse(store),
        reader=store,
        grant_reader=store,
        grant_writer=store,
        destination_reader=store,
    )


def in_the_cluster(cluster: Cluster, settings: Settings) -> SecretPlace:
    limits, grants = TenantLimits(egress=settings.run_egress), KubernetesGrantStore(cluster)
    return SecretPlace(
        writer=KubernetesSecretStore(cluster),
        house=KubernetesSecretHouse(cluster, limits),
        reader=None,
        grant_reader=grants,
        grant_writer=grants,
        destination_reader=KubernetesDestinationReader(cluster),
    )


def redacted(place: SecretPlace, redactor: Redactor) -> SecretPlace:
    """The place, whose values are masked from the moment that they pass."""
    reader = place.reader
    grants = PUBLIC_OF_GRANTS.union(PUBLIC)
    return replace(
        place,
        writer=RedactedSecretWriter(place.writer, redactor, public=PUBLIC),
        reader=None if reader is None else RedactedSecretReader(reader, redactor, public=PUBLIC),
        grant_reader=RedactedSecretReader(place.grant_reader, redactor, public=grants),
        grant_writer=RedactedSecretWriter(place.grant_writer, redactor, public=grants),
        destination_reader=RedactedSecretReader(place.destination_reader, redactor, public=PUBLIC),
    )


def open_own_cluster(settings: Settings) -> Cluster:
    """The cluster that the settings name, or that we run in; the caller closes it."""
    return open_cluster(
        ClusterAddress(kubeconfig=settings.kubeconfig, context=settings.kube_context)
    )
