# Dagster's UI: an address inside the VPC, behind Identity-Aware Proxy. The load balancer itself is
# made by deploy/kubernetes/addons/user-interface.
resource "google_compute_address" "user_interface" {
  name         = "coworker-user-interface"
  region       = var.region
  subnetwork   = google_compute_subnetwork.nodes.id
  address_type = "INTERNAL"
  purpose      = "SHARED_LOADBALANCER_VIP"
}

resource "google_dns_managed_zone" "user_interface" {
  name        = "user-interface"
  dns_name    = "${var.user_interface_host}."
  description = "Where Dagster's UI answers, inside the VPC."
  visibility  = "private"

  private_visibility_config {
    networks {
      network_url = google_compute_network.coworker.id
    }
  }
}

resource "google_dns_record_set" "user_interface" {
  managed_zone = google_dns_managed_zone.user_interface.name
  name         = "${var.user_interface_host}."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_address.user_interface.address]
}

# Who may see it. Whoever sees it may also launch, so these are the data engineers and no others.
resource "google_iap_web_iam_member" "engineers" {
  project = var.project_id
  role    = "roles/iap.httpsResourceAccessor"
  member  = "group:${var.groups.engineers}"

  depends_on = [google_project_service.this]
}
