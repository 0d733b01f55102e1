output "manifests" {
  description = "What deploy/kubernetes/render.py fills into the manifests. Nothing secret."
  value = {
    PROJECT = var.project_id
    REGION  = var.region
    DOMAIN  = var.domain
    HOST    = var.user_interface_host
    BUCKET  = google_storage_bucket.segments.name
    IMAGES  = "${var.region}-docker.pkg.dev/${var.project_id}"
  }
}

output "cluster" {
  description = "The cluster's name, for gcloud container clusters get-credentials --internal-ip."
  value       = google_container_cluster.coworker.name
}

output "database_address" {
  description = "Postgres, inside the VPC: the host in the components' addresses of databases."
  value       = google_sql_database_instance.coworker.private_ip_address
}

output "egress_address" {
  description = "What sources see of us. Clients put it on their own lists."
  value       = google_compute_address.nat.address
}

output "user_interface_address" {
  description = "Where Dagster's UI answers, inside the VPC."
  value       = google_compute_address.user_interface.address
}

output "snapshots_bucket" {
  description = "The bucket of Elasticsearch's snapshots."
  value       = google_storage_bucket.snapshots.name
}
