"""IAM bindings as Terraform's files declare them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from coworker_pipelines.access.findings import Known, judged
from coworker_pipelines.access.grants import Finding, Grant
from coworker_pipelines.access.terraform import terraform_answer
from coworker_pipelines.assembly.access import TERRAFORM

KNOWN = Known(now=datetime(2026, 3, 1, tzinfo=UTC))
ACCOUNT = "serviceAccount:${google_service_account.run.email}"


def _grants(folder: Path, text: str) -> list[Grant]:
    (folder / "iam.tf").write_text(text, encoding="utf-8")
    answer = terraform_answer(folder)
    assert answer.gaps == []
    return list(answer.grants)


def test_a_member_of_a_project(tmp_path: Path) -> None:
    (grant,) = _grants(
        tmp_path,
        f"""
        resource "google_project_iam_member" "logs" {{
          project = var.project
          role    = "roles/logging.logWriter"
          member  = "{ACCOUNT}"
        }}
        """,
    )
    assert grant.subject == "service account run"
    assert grant.may == ("roles/logging.logWriter",)
    assert grant.on == "project var.project"
    assert grant.through == "google_project_iam_member.logs in iam.tf"


def test_a_binding_of_several_members_with_a_role_of_our_own(tmp_path: Path) -> None:
    one, other = _grants(
        tmp_path,
        f"""
        resource "google_project_iam_custom_role" "segments" {{
          role_id     = "segments"
          permissions = ["storage.objects.create", "storage.objects.get"]
        }}
        resource "google_storage_bucket_iam_binding" "segments" {{
          bucket  = google_storage_bucket.segments.name
          role    = google_project_iam_custom_role.segments.id
          members = ["{ACCOUNT}", "allUsers"]
        }}
        """,
    )
    assert one.may == other.may == ("storage.objects.create", "storage.objects.get")
    assert one.on == "storage bucket google_storage_bucket.segments.name"
    assert Finding.EVERYBODY not in judged(one, KNOWN).findings
    assert Finding.EVERYBODY in judged(other, KNOWN).findings


@pytest.mark.parametrize(
    ("each", "role", "expected"),
    (
        ('toset(["roles/a", "roles/b"])', "each.value", {"roles/a", "roles/b"}),
        ("toset(local.roles)", "each.value", {"roles/c", "roles/d"}),
        ("local.grants", "each.value.role", {"roles/e"}),
        ("local.grants", "each.key", {"one"}),
    ),
)
def test_what_is_repeated_is_told_one_by_one(
    tmp_path: Path, each: str, role: str, expected: set[str]
) -> None:
    grants = _grants(
        tmp_path,
        f"""
        locals {{
          roles  = ["roles/c", "roles/d"]
          grants = {{ one = {{ role = "roles/e" }} }}
        }}
        resource "google_project_iam_member" "many" {{
          for_each = {each}
          project  = "p"
          role     = {role}
          member   = "group:a@example.org"
        }}
        """,
    )
    assert {grant.may for grant in grants} == {(name,) for name in expected}


def test_a_table_of_members_and_their_roles_is_told_one_by_one(tmp_path: Path) -> None:
    grants = _grants(
        tmp_path,
        """
        locals {
          table  = { a = { member = "group:a", roles = ["roles/x", "roles/y"] } }
          grants = merge([for n, e in local.table : { for r in e.roles : "${n} ${r}" => {
            member = e.member, role = r
          } }]...)
        }
        resource "google_project_iam_member" "many" {
          for_each = local.grants
          project  = "p"
          role     = each.value.role
          member   = each.value.member
        }
        """,
    )
    assert [(grant.subject, grant.may) for grant in grants] == [
        ("group:a", ("roles/x",)),
        ("group:a", ("roles/y",)),
    ]


def test_roles_that_have_to_be_computed_are_said_to_be_unseen(tmp_path: Path) -> None:
    (tmp_path / "iam.tf").write_text(
        """
        resource "google_project_iam_member" "many" {
          for_each = { for r in var.x : r => r }
          project  = "p"
          role     = each.value
          member   = "group:a@example.org"
        }
        """,
        encoding="utf-8",
    )
    (gap,) = terraform_answer(tmp_path).gaps
    assert "google_project_iam_member.many in iam.tf is repeated by an expression" in gap.sentence


def test_a_key_and_an_account_of_a_repeated_resource_are_named(tmp_path: Path) -> None:
    key, identity = _grants(
        tmp_path,
        """
        resource "google_kms_crypto_key_iam_member" "service" {
          for_each      = { disks = local.agents.compute }
          crypto_key_id = google_kms_crypto_key.this[each.key].id
          role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
          member        = each.value
        }
        resource "google_service_account_iam_member" "pods" {
          for_each           = { control-plane = "coworker/control-plane" }
          service_account_id = google_service_account.this[each.key].name
          role               = "roles/iam.workloadIdentityUser"
          member             = "serviceAccount:${var.p}.svc.id.goog[${each.value}]"
        }
        """,
    )
    assert key.subject == "local.agents.compute"
    assert key.on == 'kms crypto key google_kms_crypto_key.this["disks"].id'
    assert identity.subject == "serviceAccount:${var.p}.svc.id.goog[coworker/control-plane]"
    assert identity.on == "service account control-plane"
    assert judged(key, KNOWN).findings == judged(identity, KNOWN).findings == ()


def test_every_binding_that_our_own_files_declare_is_explained() -> None:
    answer = terraform_answer(TERRAFORM)
    assert [grant for grant in answer.grants if judged(grant, KNOWN).findings] == []


@pytest.mark.parametrize("role", ("roles/owner", "roles/editor"))
def test_a_role_over_everything_is_found(tmp_path: Path, role: str) -> None:
    (grant,) = _grants(
        tmp_path,
        f"""
        resource "google_project_iam_member" "all" {{
          project = "p"
          role    = "{role}"
          member  = "user:ann@example.org"
        }}
        """,
    )
    assert set(judged(grant, KNOWN).findings) == {Finding.UNEXPLAINED, Finding.SUPERUSER}


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken.tf").write_text('resource "x" {', encoding="utf-8")
    (gap,) = terraform_answer(tmp_path).gaps
    assert gap.sentence.startswith("broken.tf cannot be parsed")


def test_a_checkout_without_terraform_says_so(tmp_path: Path) -> None:
    (gap,) = terraform_answer(tmp_path / "nothing").gaps
    assert "no Terraform" in gap.sentence
