terraform {
  # Write-only arguments, which keep a VPN's shared secret out of the state, came with 1.11.
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.7"
    }
  }

  # Made by hand before the first run, encrypted with a key of its own; its name is given by
  # `terraform init -backend-config=bucket=...` (see deploy/README.md).
  backend "gcs" {
    prefix = "coworker"
  }
}

provider "google" {
  project = var.project_id
  region  = var.region

  default_labels = {
    system = "coworker"
  }
}
