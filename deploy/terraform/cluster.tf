# A private cluster: nodes without public addresses, an API with a private endpoint alone.
resource "google_container_cluster" "coworker" {
  name                = "coworker"
  location            = var.region
  network             = google_compute_network.coworker.id
  subnetwork          = google_compute_subnetwork.nodes.id
  deletion_protection = true

  remove_default_node_pool = true
  initial_node_count       = 1

  # Of the pool that is removed at once; without it, its nodes would be somebody with many rights.
  node_config {
    service_account   = google_service_account.this["nodes"].email
    boot_disk_kms_key = google_kms_crypto_key.this["disks"].id

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
  }

  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = true
    master_ipv4_cidr_block  = local.ranges.control_plane
  }

  control_plane_endpoints_config {
    dns_endpoint_config {
      allow_external_traffic = false
    }
  }

  master_authorized_networks_config {
    gcp_public_cidrs_access_enabled      = false
    private_endpoint_enforcement_enabled = true

    dynamic "cidr_blocks" {
      for_each = var.authorised_ips

      content {
        display_name = cidr_blocks.key
        cidr_block   = cidr_blocks.value
      }
    }
  }

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  # Dataplane V2 enforces NetworkPolicies, always.
  datapath_provider           = "ADVANCED_DATAPATH"
  enable_intranode_visibility = true
  enable_shielded_nodes       = true
  enable_legacy_abac          = false

  # Secrets are encrypted with a key of ours before they reach the control plane's disk.
  database_encryption {
    state    = "ENCRYPTED"
    key_name = google_kms_crypto_key.this["cluster"].id
  }

  workload_identity_config {
    workload_pool = "${var.project_id}.svc.id.goog"
  }

  binary_authorization {
    evaluation_mode = "PROJECT_SINGLETON_POLICY_ENFORCE"
  }

  authenticator_groups_config {
    security_group = var.security_group
  }

  anonymous_authentication_config {
    mode = "LIMITED"
  }

  # Nobody can give rights to everybody, as `system:authenticated`: that is any account of Google's.
  rbac_binding_config {
    enable_insecure_binding_system_unauthenticated = false
    enable_insecure_binding_system_authenticated   = false
  }

  master_auth {
    client_certificate_config {
      issue_client_certificate = false
    }
  }

  release_channel {
    channel = "REGULAR"
  }

  maintenance_policy {
    recurring_window {
      start_time = "2026-01-03T02:00:00Z"
      end_time   = "2026-01-03T08:00:00Z"
      recurrence = "FREQ=WEEKLY;BYDAY=SA,SU"
    }
  }

  gateway_api_config {
    channel = "CHANNEL_STANDARD"
  }

  addons_config {
    gce_persistent_disk_csi_driver_config {
      enabled = true
    }

    http_load_balancing {
      disabled = false
    }
  }

  logging_config {
    enable_components = ["SYSTEM_COMPONENTS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER", "WORKLOADS"]
  }

  monitoring_config {
    enable_components = ["SYSTEM_COMPONENTS", "APISERVER", "SCHEDULER", "CONTROLLER_MANAGER", "POD", "DEPLOYMENT", "STATEFULSET", "STORAGE"]

    managed_prometheus {
      enabled = true
    }
  }

  security_posture_config {
    mode               = "BASIC"
    vulnerability_mode = "VULNERABILITY_BASIC"
  }

  lifecycle {
    # Of the pool that was removed.
    ignore_changes = [node_config]
  }

  depends_on = [google_kms_crypto_key_iam_member.service, google_kms_crypto_key_iam_member.container_disks]
}

locals {
  pools = {
    # Components and runs.
    general = {
      machine_type = var.general_nodes.machine_type
      least        = var.general_nodes.least
      most         = var.general_nodes.most
      disk_gb      = 200
      sysctls      = {}
      taints       = []
    }
    elasticsearch = {
      machine_type = var.elasticsearch_machine_type
      least        = 1
      most         = 1
      disk_gb      = 50
      # Elasticsearch maps its files into memory and refuses to start with less.
      sysctls = { "vm.max_map_count" = "1048576" }
      taints  = ["elasticsearch"]
    }
  }
}

resource "google_container_node_pool" "this" {
  for_each = local.pools

  name               = each.key
  cluster            = google_container_cluster.coworker.id
  initial_node_count = each.value.least

  autoscaling {
    min_node_count = each.value.least
    max_node_count = each.value.most
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  upgrade_settings {
    max_surge       = 1
    max_unavailable = 0
  }

  network_config {
    enable_private_nodes = true
  }

  node_config {
    machine_type      = each.value.machine_type
    image_type        = "COS_CONTAINERD"
    service_account   = google_service_account.this["nodes"].email
    oauth_scopes      = ["https://www.googleapis.com/auth/cloud-platform"]
    disk_size_gb      = each.value.disk_gb
    disk_type         = "pd-ssd"
    boot_disk_kms_key = google_kms_crypto_key.this["disks"].id

    labels = {
      "coworker.io/pool" = each.key
    }

    dynamic "taint" {
      for_each = each.value.taints

      content {
        key    = "coworker.io/pool"
        value  = taint.value
        effect = "NO_SCHEDULE"
      }
    }

    dynamic "linux_node_config" {
      for_each = length(each.value.sysctls) == 0 ? [] : [each.value.sysctls]

      content {
        sysctls = linux_node_config.value
      }
    }

    kubelet_config {
      insecure_kubelet_readonly_port_enabled = "FALSE"
    }

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }

    # Pods get an identity of their own from GKE's metadata server, and never the node's.
    workload_metadata_config {
      mode = "GKE_METADATA"
    }

    metadata = {
      disable-legacy-endpoints = "true"
    }
  }
}
