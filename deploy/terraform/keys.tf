# One key for each kind of resting data, so that each can be disabled by itself, and each may be used
# by the one service that encrypts with it. Nobody may decrypt by hand: no person is bound to one.
locals {
  # Google's own accounts, which do the encrypting. The databases' and the images' are there only
  # after `gcloud beta services identity create` (see deploy/README.md).
  agents = {
    for name, domain in {
      compute   = "compute-system"
      container = "container-engine-robot"
      database  = "gcp-sa-cloud-sql"
      images    = "gcp-sa-artifactregistry"
    } : name => "serviceAccount:service-${data.google_project.this.number}@${domain}.iam.gserviceaccount.com"
  }

  # Key to the account that uses it.
  keys = {
    cluster   = local.agents.container
    database  = local.agents.database
    disks     = local.agents.compute
    images    = local.agents.images
    journal   = data.google_storage_project_service_account.this.member
    logs      = "serviceAccount:${data.google_logging_project_cmek_settings.this.service_account_id}"
    segments  = data.google_storage_project_service_account.this.member
    snapshots = data.google_storage_project_service_account.this.member
  }
}

resource "google_kms_key_ring" "coworker" {
  name     = "coworker"
  location = var.region

  depends_on = [google_project_service.this]
}

resource "google_kms_crypto_key" "this" {
  for_each = local.keys

  name                       = each.key
  key_ring                   = google_kms_key_ring.coworker.id
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = "${var.key_rotation_days * 86400}s"
  destroy_scheduled_duration = "2592000s"

  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = "HSM"
  }

  lifecycle {
    # Without its key, everything that it encrypted is gone.
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "service" {
  for_each = local.keys

  crypto_key_id = google_kms_crypto_key.this[each.key].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}

# Nodes' boot disks are encrypted by Compute Engine with the key of disks; GKE's control plane has to
# be able to name it.
resource "google_kms_crypto_key_iam_member" "container_disks" {
  crypto_key_id = google_kms_crypto_key.this["disks"].id
  role          = "roles/cloudkms.viewer"
  member        = local.agents.container
}

data "google_storage_project_service_account" "this" {}

data "google_logging_project_cmek_settings" "this" {
  project = var.project_id
}
