"""One connection's stores, opened with what is its own: its key, its prefix, its tenant's keys."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from elasticsearch import Elasticsearch

from coworker_pipelines.activities.store import ActivitiesStore
from coworker_pipelines.connections.rejected import DatabaseRejectedStore, RejectedStore
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.documents.endpoint import Endpoint
from coworker_pipelines.documents.reader import DocumentsReader
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.secrets.closed_files import make_closed_folder
from coworker_pipelines.secrets.file_store import FileSecretStore
from coworker_pipelines.secrets.keys import TenantKeys
from coworker_pipelines.secrets.store_keys import KeyFile, KeyPlace
from coworker_pipelines.segments.local import LocalSegmentStore
from coworker_pipelines.segments.root import LocalSegmentRoot, SegmentRoot
from coworker_pipelines.segments.store import SegmentStore
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.settings import BucketAddress, SecretsKey, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """``subject_key`` makes the tenant's pseudonyms; ``cipher`` has the tenant's data key."""

    client: Elasticsearch
    endpoint: Endpoint
    reader: DocumentsReader
    activities: ActivitiesStore
    rejected: RejectedStore
    segments: SegmentStore
    subject_key: bytes
    cipher: Cipher

    def writer(self, alias: str) -> DocumentsWriter:
        return DocumentsWriter(self.endpoint, alias)


@contextmanager
def open_stores(
    scope: Scope,
    *,
    address: ElasticsearchAddress,
    keys: TenantKeys,
    segments: SegmentStore,
    database: Database,
) -> Iterator[Stores]:
    """``address`` with the connection's own key; ``keys`` are its tenant's."""
    cipher = Cipher(keys.data)
    with ExitStack() as opened:
        client, endpoint = open_client(address), Endpoint(address)
        opened.callback(client.close)
        opened.callback(endpoint.close)
        writer = DocumentsWriter(endpoint, names.activities_alias(scope))
        yield Stores(
            client=client,
            endpoint=endpoint,
            reader=DocumentsReader(client, scope),
            activities=ActivitiesStore(client, writer, scope),
            rejected=DatabaseRejectedStore(database, scope, cipher),
            segments=segments,
            subject_key=keys.subject,
            cipher=cipher,
        )


def open_segments(place: Path | BucketAddress, scope: Scope) -> SegmentStore:
    """The connection's own folder, or its own prefix of a bucket."""
    match place:
        case Path():
            # They hold clients' data, and every folder that is missing is made as its owner's.
            make_closed_folder(place)
            return LocalSegmentStore(place / scope.tenant / scope.connection)
        case BucketAddress():
            return _open_bucket(place, scope.tenant, scope.connection)


def open_journal(place: Path | BucketAddress) -> SegmentStore:
    """Where the journal of orders rests, apart from what it is about."""
    match place:
        case Path():
            make_closed_folder(place.parent)
            return LocalSegmentStore(place)
        case BucketAddress():
            return _open_bucket(place)


def open_segment_root(place: Path | BucketAddress) -> SegmentRoot:
    """All connections' segments together, for whoever may remove them."""
    match place:
        case Path():
            return LocalSegmentRoot(place)
        case BucketAddress():
            from dagster_gcp import GCSResource  # noqa: PLC0415 - as below

            from coworker_pipelines.segments.gcs import GcsSegmentRoot  # noqa: PLC0415

            return GcsSegmentRoot(GCSResource().get_client(), place.bucket, place.prefix)


def _open_bucket(place: BucketAddress, *parts: str) -> SegmentStore:
    # Both cost seconds to import, and only deployments with a bucket need them.
    from dagster_gcp import GCSResource  # noqa: PLC0415

    from coworker_pipelines.segments.gcs import GcsSegmentStore  # noqa: PLC0415

    prefix = "/".join(part for part in (place.prefix, *parts) if part)
    return GcsSegmentStore(GCSResource().get_client(), place.bucket, prefix)


def open_file_store(settings: Settings) -> FileSecretStore:
    """The secret store of this machine, with its key from where the settings say."""
    folder = settings.state / "secrets"
    match settings.secrets_key:
        case SecretsKey.FILE:
            return FileSecretStore(folder, KeyFile(settings.state / "secrets.key"))
        case SecretsKey.KEYRING:
            return FileSecretStore(folder, _open_keyring(str(folder)))


def _open_keyring(store: str) -> KeyPlace:
    # It looks for backends when it is imported, and only who keeps the key there needs them.
    from keyring import get_keyring  # noqa: PLC0415

    from coworker_pipelines.secrets.keyring_place import KeyringPlace  # noqa: PLC0415

    return KeyringPlace(get_keyring(), store)
