"""Why the Terraform of this repository binds what it binds: the cloud's part of the table."""

from typing import Final

from coworker_pipelines.access.grants import Store
from coworker_pipelines.access.purpose import Purpose


def _cloud(subject: str, on: str, may: str, why: str) -> Purpose:
    return Purpose(
        store=Store.TERRAFORM, subject=subject, on=on, may=frozenset(may.split()), why=why
    )


_ENCRYPTING: Final = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
_ENCRYPTERS: Final = (
    "local.agents.*",
    "data.google_storage_project_service_account.this.member",
    "serviceAccount:${data.google_logging_project_cmek_settings.this.service_account_id}",
)
CLOUD: Final = (
    _cloud(
        "service account nodes", "project *", "roles/container.defaultNodeServiceAccount",
        "The cluster's nodes write their logs and metrics.",
    ),
    _cloud(
        "service account nodes", "artifact registry repository *",
        "roles/artifactregistry.reader", "The cluster's nodes pull our images.",
    ),
    _cloud(
        "service account control-plane", "storage bucket *segments*",
        "storage.objects.list storage.objects.delete",
        "The control plane counts and deletes segments when data is to go, and reads none.",
    ),
    _cloud(
        "service account control-plane", "storage bucket *journal*",
        "storage.objects.get storage.objects.list storage.objects.create",
        "The journal of orders is read and added to, and nothing in it is changed or deleted.",
    ),
    _cloud(
        "service account privacy-worker", "storage bucket *journal*",
        "storage.objects.get storage.objects.list storage.objects.create",
        "The journal of orders is read and added to, and nothing in it is changed or deleted.",
    ),
    _cloud(
        "service account privacy-worker", "storage bucket *segments*",
        "storage.objects.list storage.objects.delete",
        "Deletions, erasures and sweeps count and delete segments, and read none.",
    ),
    _cloud(
        "service account privacy-worker", "storage bucket *segments*", "storage.objects.get",
        "A sweep reads how old a segment is from its manifest, and no other object.",
    ),
    _cloud(
        "*.svc.id.goog?coworker/privacy-worker?", "service account privacy-worker",
        "roles/iam.workloadIdentityUser", "A deletion's pod has its identity from GKE.",
    ),
    _cloud(
        "service account elasticsearch", "storage bucket *snapshots*",
        "roles/storage.objectUser roles/storage.legacyBucketReader",
        "Elasticsearch writes and reads its snapshots.",
    ),
    _cloud(
        "*.svc.id.goog?coworker/control-plane?", "service account control-plane",
        "roles/iam.workloadIdentityUser", "The control plane's pod has its identity from GKE.",
    ),
    _cloud(
        "*.svc.id.goog?coworker-elasticsearch/elasticsearch?", "service account elasticsearch",
        "roles/iam.workloadIdentityUser", "Elasticsearch's pods have their identity from GKE.",
    ),
    _cloud(
        "principal://*/subject/ns/cw-*/sa/run", "storage managed folder *",
        "roles/storage.objectUser", "A run keeps its segments in its own tenant's folder.",
    ),
    *(
        _cloud(who, "kms crypto key *", _ENCRYPTING, "A service of Google's encrypts what rests.")
        for who in _ENCRYPTERS
    ),
    _cloud(
        "local.agents.container", "kms crypto key *disks*", "roles/cloudkms.viewer",
        "GKE names the key of the disks when it makes nodes; it cannot use it by that.",
    ),
    _cloud(
        "group:${var.groups.operators}", "project *", "roles/container.clusterViewer",
        "Operators find the cluster; what they may do in it is the cluster's to say.",
    ),
    _cloud(
        "group:${var.groups.engineers}", "project *", "roles/monitoring.viewer",
        "Data engineers see metrics.",
    ),
    _cloud(
        "group:${var.groups.engineers}", "iap web *", "roles/iap.httpsResourceAccessor",
        "Data engineers open Dagster's user interface, behind Google's sign-in.",
    ),
    _cloud(
        "group:${var.groups.platform}", "project *",
        "roles/cloudsql.client roles/cloudsql.instanceUser roles/container.clusterViewer "
        "roles/logging.viewer roles/monitoring.viewer",
        "Platform engineers keep the deployment running; none of it reads clients' data.",
    ),
    _cloud(
        "group:${var.groups.auditors}", "project *",
        "roles/iam.securityReviewer roles/logging.privateLogViewer",
        "Auditors see who has which right, and the logs of who used it.",
    ),
)  # fmt: skip
