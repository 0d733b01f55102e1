# A network of its own, closed in both directions, then opened for what each needs. The ranges stand
# here and not in variables, because deploy/kubernetes/overlays/gcp names three of them; a test
# keeps the two together.
locals {
  ranges = {
    nodes         = "10.10.0.0/20"
    proxies       = "10.10.16.0/23"
    database      = "10.20.0.0/20"
    pods          = "10.64.0.0/14"
    services      = "10.68.0.0/20"
    control_plane = "172.16.0.0/28"
    # Google's APIs by private addresses (private.googleapis.com), and its health checks.
    google_apis   = "199.36.153.8/30"
    health_checks = ["35.191.0.0/16", "130.211.0.0/22"]
  }
}

resource "google_compute_network" "coworker" {
  name                            = "coworker"
  auto_create_subnetworks         = false
  delete_default_routes_on_create = true

  depends_on = [google_project_service.this]
}

resource "google_compute_subnetwork" "nodes" {
  name                     = "nodes"
  network                  = google_compute_network.coworker.id
  region                   = var.region
  ip_cidr_range            = local.ranges.nodes
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = local.ranges.pods
  }

  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = local.ranges.services
  }

  log_config {
    aggregation_interval = "INTERVAL_5_MIN"
    flow_sampling        = 0.5
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# The internal load balancer in front of Dagster's UI speaks from here.
resource "google_compute_subnetwork" "proxies" {
  name          = "proxies"
  network       = google_compute_network.coworker.id
  region        = var.region
  ip_cidr_range = local.ranges.proxies
  purpose       = "REGIONAL_MANAGED_PROXY"
  role          = "ACTIVE"
}

# The way out: sources are on the internet. Nodes have no public address; they leave by the one of
# Cloud NAT, which clients can put on their own lists.
resource "google_compute_route" "internet" {
  name             = "internet"
  network          = google_compute_network.coworker.id
  dest_range       = "0.0.0.0/0"
  next_hop_gateway = "default-internet-gateway"
}

resource "google_compute_router" "coworker" {
  name    = "coworker"
  network = google_compute_network.coworker.id
  region  = var.region

  dynamic "bgp" {
    for_each = var.vpn == null ? [] : [var.vpn]

    content {
      asn               = bgp.value.our_asn
      advertise_mode    = "CUSTOM"
      advertised_groups = ["ALL_SUBNETS"]

      # Engineers behind the VPN reach the cluster's API.
      advertised_ip_ranges {
        range = local.ranges.control_plane
      }
    }
  }
}

resource "google_compute_address" "nat" {
  name         = "nat"
  region       = var.region
  address_type = "EXTERNAL"
  description  = "What sources see of us; nothing can be reached through it."

  depends_on = [google_project_service.this]
}

resource "google_compute_router_nat" "coworker" {
  name                               = "coworker"
  router                             = google_compute_router.coworker.name
  region                             = var.region
  nat_ip_allocate_option             = "MANUAL_ONLY"
  nat_ips                            = [google_compute_address.nat.self_link]
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"
  enable_dynamic_port_allocation     = true
  min_ports_per_vm                   = 128
  max_ports_per_vm                   = 4096

  subnetwork {
    name                    = google_compute_subnetwork.nodes.id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}

# Google's APIs are reached by private addresses: names under googleapis.com and pkg.dev lead there.
resource "google_dns_managed_zone" "google" {
  for_each = toset(["googleapis.com", "pkg.dev"])

  name        = replace(each.value, ".", "-")
  dns_name    = "${each.value}."
  description = "Google's APIs by private addresses."
  visibility  = "private"

  private_visibility_config {
    networks {
      network_url = google_compute_network.coworker.id
    }
  }
}

resource "google_dns_record_set" "google_addresses" {
  for_each = google_dns_managed_zone.google

  managed_zone = each.value.name
  name         = each.key == "googleapis.com" ? "private.googleapis.com." : "pkg.dev."
  type         = "A"
  ttl          = 300
  rrdatas      = [for host in range(4) : cidrhost(local.ranges.google_apis, host)]
}

resource "google_dns_record_set" "google_names" {
  for_each = google_dns_managed_zone.google

  managed_zone = each.value.name
  name         = "*.${each.key}."
  type         = "CNAME"
  ttl          = 300
  rrdatas      = [each.key == "googleapis.com" ? "private.googleapis.com." : "pkg.dev."]
}

# Cloud SQL answers at an address of ours.
resource "google_compute_global_address" "database" {
  name          = "database"
  network       = google_compute_network.coworker.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  address       = cidrhost(local.ranges.database, 0)
  prefix_length = tonumber(split("/", local.ranges.database)[1])
}

resource "google_service_networking_connection" "database" {
  network                 = google_compute_network.coworker.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.database.name]
}
