# Images come from here alone: ours, and a mirror of those others make. What is pushed cannot be
# changed under its tag, and what was not attested does not run.
resource "google_artifact_registry_repository" "this" {
  for_each = toset(["coworker", "mirror"])

  repository_id = each.value
  location      = var.region
  format        = "DOCKER"
  kms_key_name  = google_kms_crypto_key.this["images"].id

  docker_config {
    immutable_tags = true
  }

  vulnerability_scanning_config {
    enablement_config = "INHERITED"
  }

  depends_on = [google_kms_crypto_key_iam_member.service]
}

resource "google_container_analysis_note" "tested" {
  name = "tested"

  attestation_authority {
    hint {
      human_readable_name = "Built and tested by the pipeline"
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_binary_authorization_attestor" "pipeline" {
  name = "pipeline"

  attestation_authority_note {
    note_reference = google_container_analysis_note.tested.name

    dynamic "public_keys" {
      for_each = var.attestor_keys

      content {
        id = "//coworker/${sha256(public_keys.value)}"

        pkix_public_key {
          public_key_pem      = public_keys.value
          signature_algorithm = "ECDSA_P256_SHA256"
        }
      }
    }
  }
}

resource "google_binary_authorization_policy" "this" {
  # GKE's own images are judged by Google's policy.
  global_policy_evaluation_mode = "ENABLE"

  default_admission_rule {
    evaluation_mode         = "REQUIRE_ATTESTATION"
    enforcement_mode        = "ENFORCED_BLOCK_AND_AUDIT_LOG"
    require_attestations_by = [google_binary_authorization_attestor.pipeline.name]
  }
}
