# A highly available VPN to the office or another cloud: the way to the cluster's API and to Dagster's
# UI, neither of which has a public address. The shared secret is read from Secret Manager at the
# moment of applying and handed over by a write-only argument: it is in no state and no plan.
ephemeral "google_secret_manager_secret_version" "vpn" {
  count = var.vpn == null ? 0 : 1

  secret  = var.vpn.secret_id
  version = var.vpn.secret_version
}

resource "google_compute_ha_vpn_gateway" "coworker" {
  count = var.vpn == null ? 0 : 1

  name    = "coworker"
  network = google_compute_network.coworker.id
  region  = var.region
}

resource "google_compute_external_vpn_gateway" "peer" {
  count = var.vpn == null ? 0 : 1

  name            = "peer"
  redundancy_type = "TWO_IPS_REDUNDANCY"

  dynamic "interface" {
    for_each = var.vpn.peer_addresses

    content {
      id         = interface.key
      ip_address = interface.value
    }
  }
}

resource "google_compute_vpn_tunnel" "peer" {
  count = var.vpn == null ? 0 : 2

  name                            = "peer-${count.index}"
  region                          = var.region
  router                          = google_compute_router.coworker.id
  vpn_gateway                     = google_compute_ha_vpn_gateway.coworker[0].id
  vpn_gateway_interface           = count.index
  peer_external_gateway           = google_compute_external_vpn_gateway.peer[0].id
  peer_external_gateway_interface = count.index
  ike_version                     = 2
  shared_secret_wo                = ephemeral.google_secret_manager_secret_version.vpn[0].secret_data
  shared_secret_wo_version        = var.vpn.secret_version
}

resource "google_compute_router_interface" "peer" {
  count = var.vpn == null ? 0 : 2

  name       = "peer-${count.index}"
  router     = google_compute_router.coworker.name
  region     = var.region
  ip_range   = "169.254.${count.index + 1}.1/30"
  vpn_tunnel = google_compute_vpn_tunnel.peer[count.index].name
}

resource "google_compute_router_peer" "peer" {
  count = var.vpn == null ? 0 : 2

  name            = "peer-${count.index}"
  router          = google_compute_router.coworker.name
  region          = var.region
  interface       = google_compute_router_interface.peer[count.index].name
  peer_ip_address = "169.254.${count.index + 1}.2"
  peer_asn        = var.vpn.peer_asn
}
