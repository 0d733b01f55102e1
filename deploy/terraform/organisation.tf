# What nobody in this project can do by mistake, whatever their rights.
locals {
  forbidden = toset([
    "compute.disableSerialPortAccess",
    "compute.requireOsLogin",
    "compute.requireShieldedVm",
    "compute.skipDefaultNetworkCreation",
    "iam.automaticIamGrantsForDefaultServiceAccounts",
    "iam.disableServiceAccountKeyCreation",
    "iam.disableServiceAccountKeyUpload",
    "sql.restrictAuthorizedNetworks",
    "sql.restrictPublicIp",
    "storage.publicAccessPrevention",
    "storage.uniformBucketLevelAccess",
  ])

  allowed = {
    # Only members of our own organisation are given rights.
    "iam.allowedPolicyMemberDomains" = [var.directory_customer_id]
    "gcp.resourceLocations"          = ["in:${var.region}-locations"]
    # All data is encrypted with keys of this project.
    "gcp.restrictCmekCryptoKeyProjects" = ["projects/${var.project_id}"]
  }

  denied = {
    "compute.vmExternalIpAccess" = null
    # Services that make a resource without a key of ours.
    "gcp.restrictNonCmekServices" = ["sqladmin.googleapis.com", "storage.googleapis.com", "artifactregistry.googleapis.com"]
  }
}

resource "google_org_policy_policy" "forbidden" {
  for_each = var.organisation_policies ? local.forbidden : toset([])

  name   = "projects/${var.project_id}/policies/${each.value}"
  parent = "projects/${var.project_id}"

  spec {
    rules {
      enforce = "TRUE"
    }
  }
}

resource "google_org_policy_policy" "allowed" {
  for_each = var.organisation_policies ? local.allowed : {}

  name   = "projects/${var.project_id}/policies/${each.key}"
  parent = "projects/${var.project_id}"

  spec {
    rules {
      values {
        allowed_values = each.value
      }
    }
  }
}

resource "google_org_policy_policy" "denied" {
  for_each = var.organisation_policies ? local.denied : {}

  name   = "projects/${var.project_id}/policies/${each.key}"
  parent = "projects/${var.project_id}"

  spec {
    rules {
      deny_all = each.value == null ? "TRUE" : null

      dynamic "values" {
        for_each = each.value == null ? [] : [each.value]

        content {
          denied_values = values.value
        }
      }
    }
  }
}
