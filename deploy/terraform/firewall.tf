# Nothing in, nothing out, each refusal logged; then what is needed. Below this, NetworkPolicies say
# which pod may use what is open here.
locals {
  allowed_out = {
    control-plane = { ranges = [local.ranges.control_plane], ports = ["443", "8132"] }
    # Nodes and pods among each other; pods are kept apart by NetworkPolicies.
    cluster     = { ranges = [local.ranges.nodes, local.ranges.pods], ports = null }
    database    = { ranges = [local.ranges.database], ports = ["5432"] }
    google-apis = { ranges = [local.ranges.google_apis], ports = ["443"] }
    # Sources: web addresses, git over SSH, Postgres and MySQL.
    sources = { ranges = ["0.0.0.0/0"], ports = ["443", "22", "5432", "3306"] }
  }
}

resource "google_compute_firewall" "deny_in" {
  name          = "deny-in"
  network       = google_compute_network.coworker.id
  direction     = "INGRESS"
  priority      = 65000
  source_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_firewall" "deny_out" {
  name               = "deny-out"
  network            = google_compute_network.coworker.id
  direction          = "EGRESS"
  priority           = 65000
  destination_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_firewall" "allow_out" {
  for_each = local.allowed_out

  name                    = "allow-out-${each.key}"
  network                 = google_compute_network.coworker.id
  direction               = "EGRESS"
  priority                = 1000
  destination_ranges      = each.value.ranges
  target_service_accounts = [google_service_account.this["nodes"].email]

  dynamic "allow" {
    for_each = each.value.ports == null ? ["all"] : ["tcp"]

    content {
      protocol = allow.value
      ports    = each.value.ports
    }
  }
}

resource "google_compute_firewall" "cluster_in" {
  name                    = "allow-in-cluster"
  network                 = google_compute_network.coworker.id
  direction               = "INGRESS"
  priority                = 1000
  source_ranges           = [local.ranges.nodes, local.ranges.pods]
  target_service_accounts = [google_service_account.this["nodes"].email]

  allow {
    protocol = "all"
  }
}

resource "google_compute_firewall" "user_interface_in" {
  name                    = "allow-in-user-interface"
  network                 = google_compute_network.coworker.id
  direction               = "INGRESS"
  priority                = 1000
  source_ranges           = concat([local.ranges.proxies], local.ranges.health_checks)
  target_service_accounts = [google_service_account.this["nodes"].email]

  allow {
    protocol = "tcp"
    ports    = ["3000"]
  }
}
