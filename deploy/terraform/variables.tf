variable "project_id" {
  description = "The project that holds everything below, and nothing else."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "region" {
  description = "Where all data rests. Every resource with data is regional, and stays there."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]$", var.region))
    error_message = "A region is written like europe-west3."
  }
}

variable "authorised_ips" {
  description = "The one list of address ranges that may reach the cluster's API, by their names: the VPN's, an office's. The API has a private endpoint alone, so these are private ranges."
  type        = map(string)

  validation {
    condition     = length(var.authorised_ips) > 0
    error_message = "Without an authorised range nobody reaches the cluster's API."
  }

  validation {
    condition     = alltrue([for range in values(var.authorised_ips) : can(cidrhost(range, 0)) && tonumber(split("/", range)[1]) >= 16])
    error_message = "An authorised range is written like 10.200.0.0/24, and is no wider than /16."
  }
}

variable "domain" {
  description = "The organisation's domain: groups below are in it, and only its members get access."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+[.][a-z]+$", var.domain))
    error_message = "A domain is written like example.com."
  }
}

variable "directory_customer_id" {
  description = "The organisation's customer id in Cloud Identity (C0...): policies let only its members be given rights."
  type        = string

  validation {
    condition     = can(regex("^C[0-9a-z]+$", var.directory_customer_id))
    error_message = "A customer id begins with C: gcloud organizations list shows it."
  }
}

variable "user_interface_host" {
  description = "The name under which Dagster's UI answers inside the VPC, like dagster.example.com."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+([.][a-z0-9-]+)+$", var.user_interface_host))
    error_message = "A host is written like dagster.example.com."
  }
}

variable "groups" {
  description = "Groups of people, by what they do: platform (builds and repairs this), operators (work with the CLI), engineers (see Dagster's UI), auditors (read logs and rights)."
  type = object({
    platform  = string
    operators = string
    engineers = string
    auditors  = string
  })

  validation {
    condition     = alltrue([for group in values(var.groups) : can(regex("^[^@ ]+@[^@ ]+$", group))])
    error_message = "A group is written as its address, like coworker-operators@example.com."
  }
}

variable "security_group" {
  description = "The group gke-security-groups@DOMAIN, which brings groups into the cluster's own rights."
  type        = string

  validation {
    condition     = startswith(var.security_group, "gke-security-groups@")
    error_message = "GKE accepts no other name than gke-security-groups@DOMAIN."
  }
}

variable "tenants" {
  description = "Ids of the tenants there are, as `coworker tenants list` shows them. Each gets a folder in the bucket of segments that its own runs alone can reach."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for tenant in var.tenants : can(regex("^t[a-z0-9]{15}$", tenant))])
    error_message = "A tenant's id is a t and 15 lower-case letters and digits."
  }
}

variable "segment_days" {
  description = "After how many days a segment that a broken run left behind is deleted. What is confirmed is deleted at once, by the run itself."
  type        = number
  default     = 7

  validation {
    condition     = var.segment_days >= 1 && var.segment_days <= 30
    error_message = "Segments hold clients' data: 1 to 30 days."
  }
}

variable "backup_days" {
  description = "How long backups of the databases and snapshots of Elasticsearch are kept, and so for how long what a client had deleted is still in one. Receipts have to name this number."
  type        = number
  default     = 7

  validation {
    condition     = var.backup_days >= 3 && var.backup_days <= 30
    error_message = "3 to 30 days: long enough to notice a loss, short enough for the promise of deletion."
  }
}

variable "log_days" {
  description = "How long audit logs are kept."
  type        = number
  default     = 400

  validation {
    condition     = var.log_days >= 365 && var.log_days <= 3650
    error_message = "Audit logs are kept between one and ten years."
  }
}

variable "key_rotation_days" {
  description = "After how many days each key gets a new version. What older versions encrypted stays readable."
  type        = number
  default     = 90

  validation {
    condition     = var.key_rotation_days >= 30 && var.key_rotation_days <= 365
    error_message = "Keys are rotated every 30 to 365 days."
  }
}

variable "database_tier" {
  description = "The machine type of Postgres."
  type        = string
  default     = "db-custom-4-16384"
}

variable "general_nodes" {
  description = "Nodes for components and runs, in each of the region's zones: the least and the most, and their type."
  type = object({
    least        = number
    most         = number
    machine_type = string
  })
  default = {
    least        = 1
    most         = 10
    machine_type = "n2d-standard-8"
  }

  validation {
    condition     = var.general_nodes.least >= 1 && var.general_nodes.most >= var.general_nodes.least && var.general_nodes.most <= 100
    error_message = "At least one node a zone, at most 100, and the least no more than the most."
  }
}

variable "elasticsearch_machine_type" {
  description = "The machine type of Elasticsearch's nodes, one in each of three zones."
  type        = string
  default     = "n2d-highmem-4"
}

variable "vpn" {
  description = "The other end of the VPN: its two public addresses and BGP's numbers. The shared secret rests in Secret Manager under secret_id, and never here. Null: no VPN."
  type = object({
    peer_addresses = list(string)
    peer_asn       = number
    our_asn        = number
    secret_id      = string
    secret_version = number
  })
  default = null

  validation {
    condition     = var.vpn == null || try(length(var.vpn.peer_addresses) == 2, false)
    error_message = "A highly available VPN has two addresses at its other end."
  }
}

variable "attestor_keys" {
  description = "Public keys, as PEM, of the pipeline that attests images after it has tested and scanned them. Nothing unattested runs."
  type        = list(string)

  validation {
    condition     = length(var.attestor_keys) > 0 && alltrue([for key in var.attestor_keys : strcontains(key, "BEGIN PUBLIC KEY")])
    error_message = "At least one public key, in PEM."
  }
}

variable "organisation_policies" {
  description = "Whether this project sets its organisation policies itself. False where the organisation's own team sets them, or the caller has no orgpolicy.policyAdmin."
  type        = bool
  default     = true
}
