# Postgres, reachable inside the VPC alone, by TLS alone. Logins are made by deploy/database/logins.py
# and not here: a password that Terraform knows is in its state. People sign in as themselves, by IAM.
resource "google_sql_database_instance" "coworker" {
  name                = "coworker"
  region              = var.region
  database_version    = "POSTGRES_18"
  encryption_key_name = google_kms_crypto_key.this["database"].id
  deletion_protection = true

  settings {
    tier                        = var.database_tier
    edition                     = "ENTERPRISE"
    availability_type           = "REGIONAL"
    disk_type                   = "PD_SSD"
    disk_autoresize             = true
    deletion_protection_enabled = true

    ip_configuration {
      ipv4_enabled       = false
      private_network    = google_compute_network.coworker.id
      allocated_ip_range = google_compute_global_address.database.name
      ssl_mode           = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      location                       = var.region
      start_time                     = "01:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = min(var.backup_days, 7)

      backup_retention_settings {
        retained_backups = var.backup_days
        retention_unit   = "COUNT"
      }
    }

    # A backup that outlives the database would outlive the promise of deletion.
    final_backup_config {
      enabled = false
    }

    maintenance_window {
      day          = 7
      hour         = 3
      update_track = "stable"
    }

    dynamic "database_flags" {
      for_each = {
        "cloudsql.iam_authentication"         = "on"
        "cloudsql.enable_pgaudit"             = "on"
        "pgaudit.log"                         = "role,ddl"
        "password_encryption"                 = "scram-sha-256"
        "log_connections"                     = "on"
        "log_disconnections"                  = "on"
        "log_lock_waits"                      = "on"
        "idle_in_transaction_session_timeout" = "600000"
        # Statements and their values may hold clients' data.
        "log_statement"                     = "none"
        "log_min_duration_statement"        = "-1"
        "log_parameter_max_length"          = "0"
        "log_parameter_max_length_on_error" = "0"
      }

      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }

    insights_config {
      query_insights_enabled  = true
      query_string_length     = 1024
      record_application_tags = false
      record_client_address   = true
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_service_networking_connection.database, google_kms_crypto_key_iam_member.service]
}

resource "google_sql_database" "this" {
  for_each = toset(["coworker", "dagster"])

  name     = each.value
  instance = google_sql_database_instance.coworker.name
}

# No password: whoever is in the group signs in with a token of Google's that lives an hour.
resource "google_sql_user" "platform" {
  name     = var.groups.platform
  instance = google_sql_database_instance.coworker.name
  type     = "CLOUD_IAM_GROUP"
}
