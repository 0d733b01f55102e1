# Who did what, kept apart from who may change it: reading and writing of data is logged for every
# service that holds some, and the logs go to a bucket with a key of its own.
resource "google_project_iam_audit_config" "data_access" {
  for_each = toset([
    "artifactregistry.googleapis.com",
    "cloudkms.googleapis.com",
    "cloudsql.googleapis.com",
    "container.googleapis.com",
    "iam.googleapis.com",
    "iap.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
  ])

  project = var.project_id
  service = each.value

  dynamic "audit_log_config" {
    for_each = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]

    content {
      log_type = audit_log_config.value
    }
  }
}

resource "google_logging_project_bucket_config" "audit" {
  project        = var.project_id
  location       = var.region
  bucket_id      = "audit"
  retention_days = var.log_days
  description    = "Audit logs of Google's cloud and of the cluster's API."

  cmek_settings {
    kms_key_name = google_kms_crypto_key.this["logs"].id
  }

  depends_on = [google_kms_crypto_key_iam_member.service]
}

resource "google_logging_project_sink" "audit" {
  name                   = "audit"
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.audit.id}"
  filter                 = "logName:\"cloudaudit.googleapis.com\""
  unique_writer_identity = true
}

# What somebody has to look at when it happens.
locals {
  alarms = {
    # A person in the most powerful pod is rare, and has a reason.
    entered-control-plane = "resource.type=\"k8s_cluster\" AND protoPayload.methodName=\"io.k8s.core.v1.pods.exec.create\""
    refused-by-policy     = "resource.type=\"k8s_cluster\" AND protoPayload.response.message:\"ValidatingAdmissionPolicy\""
    secret-read           = "resource.type=\"k8s_cluster\" AND protoPayload.methodName=~\"io.k8s.core.v1.secrets.(get|list|watch)\" AND NOT protoPayload.authenticationInfo.principalEmail=~\"^system:\""
    rights-changed        = "protoPayload.methodName=~\"SetIamPolicy|io.k8s.authorization.rbac.*.(create|update|patch|delete)\""
    key-disabled          = "protoPayload.serviceName=\"cloudkms.googleapis.com\" AND protoPayload.methodName=~\"DestroyCryptoKeyVersion|UpdateCryptoKeyVersion\""
    unattested-image      = "resource.type=\"k8s_cluster\" AND protoPayload.response.reason=\"VIOLATES_POLICY\""
  }
}

resource "google_logging_metric" "alarm" {
  for_each = local.alarms

  name   = each.key
  filter = each.value

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}
