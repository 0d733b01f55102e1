import re
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from tests.deploy.formatter import formatted
from tests.deploy.manifests import KUBERNETES, named, read_manifests
from tests.deploy.terraform import (
    TERRAFORM,
    Block,
    careless_buckets,
    dangling,
    open_ingress,
    public_addresses,
    read_blocks,
    read_terraform,
    resources,
    secrets_in_state,
    undescribed,
    unencrypted,
    wide_roles,
)

FILES: Final = tuple(sorted([*TERRAFORM.glob("*.tf"), *TERRAFORM.glob("*.tfvars.example")]))
Rule = Callable[[list[Block]], Iterator[str]]
RULES: Final[tuple[Rule, ...]] = (
    public_addresses,
    open_ingress,
    wide_roles,
    unencrypted,
    careless_buckets,
    secrets_in_state,
    undescribed,
)


@pytest.fixture(scope="module")
def blocks() -> list[Block]:
    return read_terraform()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_has_the_canonical_format(path: object) -> None:
    text = TERRAFORM.joinpath(str(path)).read_text(encoding="utf-8")
    assert formatted(text) == text


def test_another_format_is_seen() -> None:
    assert formatted('a = 1\nlong = "b"\n') == 'a    = 1\nlong = "b"\n'


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_is_kept(rule: Rule, blocks: list[Block]) -> None:
    assert list(rule(blocks)) == []


@pytest.mark.parametrize(
    ("rule", "planted"),
    (
        (
            public_addresses,
            """resource "google_sql_database_instance" "planted" {
              settings {
                ip_configuration {
                  ipv4_enabled = true
                }
              }
            }""",
        ),
        (
            public_addresses,
            """resource "google_container_cluster" "planted" {
              private_cluster_config {
                enable_private_nodes    = true
                enable_private_endpoint = false
              }
            }""",
        ),
        (
            public_addresses,
            """resource "google_container_node_pool" "planted" {
              network_config {
                enable_private_nodes = false
              }
            }""",
        ),
        (public_addresses, 'resource "google_compute_global_address" "planted" {\n name = "a"\n}'),
        (
            public_addresses,
            """resource "google_compute_instance" "planted" {
              network_interface {
                access_config {
                  nat_ip = "198.51.100.1"
                }
              }
            }""",
        ),
        (
            open_ingress,
            """resource "google_compute_firewall" "planted" {
              source_ranges = ["10.0.0.0/8", "0.0.0.0/0"]
              allow {
                protocol = "tcp"
              }
            }""",
        ),
        (
            open_ingress,
            """resource "google_container_cluster" "planted" {
              master_authorized_networks_config {
                cidr_blocks {
                  cidr_block = "198.51.100.0/24"
                }
              }
            }""",
        ),
        (wide_roles, 'resource "google_project_iam_member" "planted" {\n role = "roles/owner"\n}'),
        (wide_roles, 'locals {\n roles = { planted = ["roles/editor"] }\n}'),
        (wide_roles, 'locals {\n roles = { planted = ["roles/storage.objectUser"] }\n}'),
        (
            wide_roles,
            (
                'resource "google_storage_bucket_iam_member" "planted" {\n'
                ' role = "roles/storage.admin"\n}'
            ),
        ),
        (
            wide_roles,
            'resource "google_storage_bucket_iam_member" "planted" {\n member = "allUsers"\n}',
        ),
        (unencrypted, 'resource "google_storage_bucket" "planted" {\n name = "a"\n}'),
        (
            unencrypted,
            """resource "google_container_cluster" "planted" {
              database_encryption {
                state = "DECRYPTED"
              }
            }""",
        ),
        (unencrypted, 'resource "google_kms_crypto_key" "planted" {\n name = "a"\n}'),
        (
            careless_buckets,
            """resource "google_storage_bucket" "planted" {
              uniform_bucket_level_access = true
              public_access_prevention    = "enforced"
              versioning {
                enabled = true
              }
            }""",
        ),
        (
            secrets_in_state,
            'resource "google_sql_user" "planted" {\n password = "hunter2-planted"\n}',
        ),
        (
            secrets_in_state,
            'resource "google_sql_user" "planted" {\n password = var.planted\n}',
        ),
        (
            secrets_in_state,
            'resource "google_compute_vpn_tunnel" "planted" {\n shared_secret = var.planted\n}',
        ),
        (secrets_in_state, 'resource "google_service_account_key" "planted" {\n id = "a"\n}'),
        (
            secrets_in_state,
            'data "google_secret_manager_secret_version" "planted" {\n secret = "a"\n}',
        ),
        (undescribed, 'variable "planted" {\n type = string\n}'),
        (undescribed, 'output "planted" {\n value = "a"\n}'),
    ),
)
def test_what_breaks_a_rule_is_found(rule: Rule, planted: str, blocks: list[Block]) -> None:
    found = list(rule([*blocks, *read_blocks(planted)]))
    assert found
    assert all("planted" in one or one.startswith("locals") for one in found)


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in TERRAFORM.glob("*.tf")}


def test_every_name_is_declared_and_used(texts: dict[str, str]) -> None:
    assert list(dangling(texts)) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    (
        ('output "planted" {\n value = var.planted\n}', "variable planted"),
        ('variable "planted" {\n type = string\n}', "variable planted"),
        ('output "planted" {\n value = local.planted\n}', "local planted"),
        (
            'output "planted" {\n value = google_storage_bucket.planted.name\n}',
            "resource google_storage_bucket.planted",
        ),
    ),
)
def test_a_name_that_leads_nowhere_is_found(
    texts: dict[str, str], planted: str, found: str
) -> None:
    assert list(dangling(texts | {"planted.tf": planted})) == [found]


def test_every_type_that_keeps_data_is_known_to_the_rule_of_encryption(
    blocks: list[Block],
) -> None:
    """A new type is looked at here, and put where it belongs."""
    keeps_none = {
        "google_binary_authorization_attestor",
        "google_binary_authorization_policy",
        "google_container_analysis_note",
        "google_kms_crypto_key",
        "google_kms_key_ring",
        "google_logging_metric",
        "google_logging_project_sink",
        "google_org_policy_policy",
        "google_service_networking_connection",
        "google_sql_database",
        "google_storage_managed_folder",
    }
    types = {block.type for block in blocks if block.kind == "resource"}
    prefixes = ("google_compute_", "google_dns_", "google_project_", "google_iap_")
    named_here = {
        type_
        for type_ in types
        if not type_.startswith(prefixes)
        and not type_.endswith("_iam_member")
        and type_ not in {"google_service_account", "google_sql_user"}
    }
    assert named_here - keeps_none == {
        "google_artifact_registry_repository",
        "google_container_cluster",
        "google_container_node_pool",
        "google_logging_project_bucket_config",
        "google_sql_database_instance",
        "google_storage_bucket",
    }


def test_who_reads_data_is_logged_for_every_service_that_keeps_some(blocks: list[Block]) -> None:
    (audit,) = resources(blocks, "google_project_iam_audit_config")
    services = set(re.findall(r'"([a-z]+)\.googleapis\.com"', str(audit.body["for_each"])))
    assert {"cloudkms", "storage", "cloudsql", "container", "secretmanager", "iap"} <= services
    kinds = set(re.findall(r"[A-Z]+_[A-Z]+", str(audit.body["dynamic"])))
    assert kinds == {"ADMIN_READ", "DATA_READ", "DATA_WRITE"}


def test_the_manifests_name_the_ranges_that_terraform_makes(blocks: list[Block]) -> None:
    (ranges,) = (b.body["ranges"] for b in blocks if b.kind == "locals" and "ranges" in b.body)
    overlay = (KUBERNETES / "overlays/gcp/kustomization.yaml").read_text(encoding="utf-8")
    assert f"cidr: {ranges['database']}" in overlay
    assert f"cidr: {ranges['control_plane']}" in overlay
    policies = list(read_manifests(KUBERNETES / "overlays" / "gcp"))
    (ingress,) = named(policies, "NetworkPolicy", "webserver-from-load-balancer")["spec"]["ingress"]
    let_in = {peer["ipBlock"]["cidr"] for peer in ingress["from"]}
    assert let_in == {ranges["proxies"], *ranges["health_checks"]}
    settings = (KUBERNETES / "overlays/gcp/settings.env").read_text(encoding="utf-8")
    assert f"COWORKER_RUN_EGRESS={ranges['database']}:5432," in settings


def test_terraform_says_all_that_the_manifests_ask_for(blocks: list[Block]) -> None:
    (output,) = (b for b in blocks if b.kind == "output" and b.name == "manifests")
    files = (p for p in KUBERNETES.rglob("*") if p.is_file() and p.suffix != ".pyc")
    texts = (p.read_text(encoding="utf-8") for p in files)
    asked = {name for text in texts for name in re.findall(r"FILL_([A-Z_]*[A-Z])\b", text)}
    assert asked - set(output.body["value"]) == {"DIGEST", "ELASTICSEARCH_DIGEST", "NAME"}
