# Segments are prepared documents on their way to Elasticsearch: clients' data, for minutes. What is
# deleted here has to be gone, so there are no versions, no soft deletion, and no backup.
resource "google_storage_bucket" "segments" {
  name                        = "${var.project_id}-segments"
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # Deleting must delete: a version that stays would break the promise to whoever asked for it.
  versioning {
    enabled = false
  }

  # The same, for the week that Google would otherwise keep everything.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  # A run deletes what is confirmed. This is for what a broken one left.
  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      age = var.segment_days
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }

    condition {
      age = 1
    }
  }

  encryption {
    default_kms_key_name = google_kms_crypto_key.this["segments"].id
  }

  depends_on = [google_kms_crypto_key_iam_member.service]
}

# Snapshots of Elasticsearch. They hold what was deleted since, until `backup_days` are over: the
# snapshot policy deletes them by then, and the bucket's own rule does where that one fails.
resource "google_storage_bucket" "snapshots" {
  name                        = "${var.project_id}-snapshots"
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  # Snapshots share files, so an old file may belong to a new snapshot: the rule is for a repository
  # that nobody tends any more, well behind the snapshot policy.
  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      age = 10 * var.backup_days
    }
  }

  encryption {
    default_kms_key_name = google_kms_crypto_key.this["snapshots"].id
  }

  depends_on = [google_kms_crypto_key_iam_member.service]
}

# The journal of deletions and erasures, by which a restored backup shows. It is encrypted, names
# nobody, and must outlive every backup: so nothing here deletes, and nobody may write over an entry.
resource "google_storage_bucket" "journal" {
  name                        = "${var.project_id}-journal"
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }

    condition {
      age = 1
    }
  }

  encryption {
    default_kms_key_name = google_kms_crypto_key.this["journal"].id
  }

  depends_on = [google_kms_crypto_key_iam_member.service]
}

# A folder for each tenant, with rights of its own: a run works as `run` in its tenant's namespace,
# and reaches nothing of another tenant's, whatever its code tries.
resource "google_storage_managed_folder" "tenant" {
  for_each = var.tenants

  bucket = google_storage_bucket.segments.name
  name   = "segments/${each.value}/"
}

resource "google_storage_managed_folder_iam_member" "runs" {
  for_each = var.tenants

  bucket         = google_storage_bucket.segments.name
  managed_folder = google_storage_managed_folder.tenant[each.value].name
  role           = "roles/storage.objectUser"
  member         = "principal://iam.googleapis.com/projects/${data.google_project.this.number}/locations/global/workloadIdentityPools/${var.project_id}.svc.id.goog/subject/ns/cw-${each.value}/sa/run"

  depends_on = [google_container_cluster.coworker]
}
