# Who we are in Google's cloud. Only what has something to do there has an account; webserver, daemon,
# code location and refresher are nobody. No account has a key: pods get their identity from GKE.
locals {
  accounts = {
    nodes          = "The cluster's nodes: pull images, write logs and metrics."
    control-plane  = "The CLI: lists and deletes segments."
    privacy-worker = "Deletions, erasures and sweeps: list and delete segments."
    elasticsearch  = "Elasticsearch: writes and reads its snapshots."
  }

  # Roles in the project. No role here may read data.
  project_roles = {
    "nodes"     = { member = google_service_account.this["nodes"].member, roles = ["roles/container.defaultNodeServiceAccount"] }
    "operators" = { member = "group:${var.groups.operators}", roles = ["roles/container.clusterViewer"] }
    "engineers" = { member = "group:${var.groups.engineers}", roles = ["roles/monitoring.viewer"] }
    "platform" = {
      member = "group:${var.groups.platform}"
      roles = [
        "roles/cloudsql.client",
        "roles/cloudsql.instanceUser",
        "roles/container.clusterViewer",
        "roles/logging.viewer",
        "roles/monitoring.viewer",
      ]
    }
    "auditors" = {
      member = "group:${var.groups.auditors}"
      roles = [
        "roles/iam.securityReviewer",
        "roles/logging.privateLogViewer",
      ]
    }
  }

  grants = merge([
    for name, entry in local.project_roles : {
      for role in entry.roles : "${name} ${role}" => { member = entry.member, role = role }
    }
  ]...)
}

resource "google_service_account" "this" {
  for_each = local.accounts

  account_id   = "coworker-${each.key}"
  display_name = "coworker ${each.key}"
  description  = each.value

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "this" {
  for_each = local.grants

  project = var.project_id
  role    = each.value.role
  member  = each.value.member
}

resource "google_artifact_registry_repository_iam_member" "nodes" {
  for_each = google_artifact_registry_repository.this

  repository = each.value.name
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.this["nodes"].member
}

# The control plane counts and deletes segments when a tenant asks for deletion. It cannot read one.
resource "google_project_iam_custom_role" "segment_remover" {
  role_id     = "coworkerSegmentRemover"
  title       = "Coworker: remover of segments"
  description = "Lists and deletes objects, and sees none."
  permissions = ["storage.objects.list", "storage.objects.delete"]
}

resource "google_storage_bucket_iam_member" "control_plane" {
  bucket = google_storage_bucket.segments.name
  role   = google_project_iam_custom_role.segment_remover.name
  member = google_service_account.this["control-plane"].member
}

# To write over an object needs the right to delete it, which nobody has: the journal only grows.
resource "google_project_iam_custom_role" "journal_keeper" {
  role_id     = "coworkerJournalKeeper"
  title       = "Coworker: keeper of the journal"
  description = "Reads and adds objects, and neither changes nor deletes one."
  permissions = ["storage.objects.get", "storage.objects.list", "storage.objects.create"]
}

resource "google_storage_bucket_iam_member" "control_plane_journal" {
  bucket = google_storage_bucket.journal.name
  role   = google_project_iam_custom_role.journal_keeper.name
  member = google_service_account.this["control-plane"].member
}

resource "google_storage_bucket_iam_member" "privacy_worker_journal" {
  bucket = google_storage_bucket.journal.name
  role   = google_project_iam_custom_role.journal_keeper.name
  member = google_service_account.this["privacy-worker"].member
}

resource "google_storage_bucket_iam_member" "privacy_worker" {
  bucket = google_storage_bucket.segments.name
  role   = google_project_iam_custom_role.segment_remover.name
  member = google_service_account.this["privacy-worker"].member
}

# How old a segment is that nobody stored, its manifest says: a sweep reads that, and no segment.
resource "google_project_iam_custom_role" "manifest_reader" {
  role_id     = "coworkerManifestReader"
  title       = "Coworker: reader of manifests"
  description = "Reads objects; bound for manifests alone."
  permissions = ["storage.objects.get"]
}

resource "google_storage_bucket_iam_member" "privacy_worker_manifests" {
  bucket = google_storage_bucket.segments.name
  role   = google_project_iam_custom_role.manifest_reader.name
  member = google_service_account.this["privacy-worker"].member

  condition {
    title      = "manifests"
    expression = "resource.name.endsWith(\"/manifest.json\")"
  }
}

resource "google_storage_bucket_iam_member" "elasticsearch" {
  bucket = google_storage_bucket.snapshots.name
  role   = "roles/storage.objectUser"
  member = google_service_account.this["elasticsearch"].member
}

# Elasticsearch asks whether its bucket is there.
resource "google_storage_bucket_iam_member" "elasticsearch_bucket" {
  bucket = google_storage_bucket.snapshots.name
  role   = "roles/storage.legacyBucketReader"
  member = google_service_account.this["elasticsearch"].member
}

# Pod to account: the one service account of the one namespace, and no other.
resource "google_service_account_iam_member" "pods" {
  for_each = {
    control-plane  = "coworker/control-plane"
    privacy-worker = "coworker/privacy-worker"
    elasticsearch  = "coworker-elasticsearch/elasticsearch"
  }

  service_account_id = google_service_account.this[each.key].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.project_id}.svc.id.goog[${each.value}]"

  depends_on = [google_container_cluster.coworker]
}
