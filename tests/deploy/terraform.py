"""The rules that our Terraform is held to, over its parsed files: each names what breaks it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import hcl2

TERRAFORM: Final = Path(__file__).parents[2] / "deploy" / "terraform"
ANYWHERE: Final = frozenset({"0.0.0.0/0", "::/0"})
PUBLIC_BY_REASON: Final = frozenset({"google_compute_address.nat"})
"""What sources see of us has to be one known address; nothing can be reached through it."""

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of the files; ``name`` is `TYPE.NAME` of a resource, else the name alone."""

    kind: str
    name: str
    body: Body

    @property
    def type(self) -> str:
        return self.name.partition(".")[0]


def read_blocks(*texts: str) -> list[Block]:
    """All blocks of the texts, with strings as they are meant."""
    return [block for text in texts for block in _blocks(hcl2.loads(text))]


def read_terraform() -> list[Block]:
    return read_blocks(*(p.read_text(encoding="utf-8") for p in sorted(TERRAFORM.glob("*.tf"))))


def resources(blocks: list[Block], type_: str) -> Iterator[Block]:
    return (block for block in blocks if block.kind == "resource" and block.type == type_)


CLOSED_BY: Final[Mapping[str, Mapping[tuple[str, ...], bool]]] = {
    "google_sql_database_instance": {("settings", "ip_configuration", "ipv4_enabled"): False},
    "google_container_cluster": {
        ("private_cluster_config", "enable_private_nodes"): True,
        ("private_cluster_config", "enable_private_endpoint"): True,
        (
            "control_plane_endpoints_config",
            "dns_endpoint_config",
            "allow_external_traffic",
        ): False,
    },
    "google_container_node_pool": {("network_config", "enable_private_nodes"): True},
}
"""What each type has to say so that it gets no public address."""


def public_addresses(blocks: list[Block]) -> Iterator[str]:
    for type_, wanted in CLOSED_BY.items():
        for block in resources(blocks, type_):
            if any(at(block.body, *path) is not value for path, value in wanted.items()):
                yield block.name
    for type_ in ("google_compute_address", "google_compute_global_address"):
        for block in resources(blocks, type_):
            if block.body.get("address_type") != "INTERNAL" and block.name not in PUBLIC_BY_REASON:
                yield block.name
    for block in resources(blocks, "google_compute_instance"):
        if at(block.body, "network_interface", "access_config") is not None:
            yield block.name


def open_ingress(blocks: list[Block]) -> Iterator[str]:
    """Ways in from anywhere, and into the cluster's API from beyond the one list."""
    for block in resources(blocks, "google_compute_firewall"):
        lets_in = block.body.get("direction", "INGRESS") == "INGRESS" and not block.body.get("deny")
        if lets_in and ANYWHERE & set(_strings(block.body.get("source_ranges", ()))):
            yield block.name
    for block in resources(blocks, "google_container_cluster"):
        networks = at(block.body, "master_authorized_networks_config") or {}
        listed = at(networks, "dynamic", "cidr_blocks", "for_each")
        if networks.get("cidr_blocks") or listed != "${var.authorised_ips}":
            yield block.name


def wide_roles(blocks: list[Block]) -> Iterator[str]:
    """Basic roles, roles of whole services at the project, and members that are everybody."""
    for block in blocks:
        for text in _strings(block.body):
            if re.fullmatch(r"roles/(owner|editor|viewer|browser)", text):
                yield f"{block.name} {text}"
            if text in {"allUsers", "allAuthenticatedUsers"}:
                yield f"{block.name} {text}"
            if re.fullmatch(r"roles/[a-zA-Z.]*admin", text, re.IGNORECASE):
                yield f"{block.name} {text}"
        if block.kind == "locals" or block.type == "google_project_iam_member":
            for text in _strings(block.body):
                if re.match(r"roles/(storage|secretmanager|cloudkms|bigquery)\.", text):
                    yield f"{block.name} {text}"


ENCRYPTED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "google_artifact_registry_repository": ("kms_key_name",),
    "google_container_cluster": ("database_encryption", "key_name"),
    "google_container_node_pool": ("node_config", "boot_disk_kms_key"),
    "google_logging_project_bucket_config": ("cmek_settings", "kms_key_name"),
    "google_sql_database_instance": ("encryption_key_name",),
    "google_storage_bucket": ("encryption", "default_kms_key_name"),
}
"""Where each type of resource that keeps data names its key."""


def unencrypted(blocks: list[Block]) -> Iterator[str]:
    """What keeps data without a key of ours, and keys that are not rotated or can be lost."""
    for type_, path in ENCRYPTED_BY.items():
        for block in resources(blocks, type_):
            if not str(at(block.body, *path) or "").startswith("${google_kms_crypto_key."):
                yield block.name
    for block in resources(blocks, "google_kms_crypto_key"):
        kept = at(block.body, "lifecycle", "prevent_destroy")
        if not block.body.get("rotation_period") or kept is not True:
            yield block.name


def careless_buckets(blocks: list[Block]) -> Iterator[str]:
    """Buckets that could be public, or that keep what was deleted."""
    for block in resources(blocks, "google_storage_bucket"):
        body = block.body
        if body.get("uniform_bucket_level_access") is not True:
            yield f"{block.name} has rights by object"
        if body.get("public_access_prevention") != "enforced":
            yield f"{block.name} could be public"
        if at(body, "versioning", "enabled") is not False:
            yield f"{block.name} keeps versions"
        if at(body, "soft_delete_policy", "retention_duration_seconds") != 0:
            yield f"{block.name} keeps what was deleted"
        if "lifecycle_rule" not in body:
            yield f"{block.name} keeps what nobody deletes"


_SENSITIVE: Final = re.compile(r"(.*_)?(password|secret|token|private_key|credentials)(_data)?")
"""Names of what would rest in the state; write-only arguments end otherwise, in ``_wo``."""


def secrets_in_state(blocks: list[Block]) -> Iterator[str]:
    """Whatever would put a secret into a file of ours or into the state."""
    for block in blocks:
        if block.kind == "ephemeral":
            continue
        if block.type in {"google_service_account_key", "google_secret_manager_secret_version"}:
            yield block.name
        for key in _attributes(block.body) if block.kind == "resource" else ():
            if _SENSITIVE.fullmatch(key):
                yield f"{block.name} {key}"
        if any("PRIVATE KEY" in text for text in _strings(block.body)):
            yield f"{block.name} holds a private key"


def undescribed(blocks: list[Block]) -> Iterator[str]:
    for block in blocks:
        if block.kind in {"variable", "output"} and not block.body.get("description"):
            yield block.name
        if block.kind == "variable" and "type" not in block.body:
            yield block.name


def at(body: Any, *path: str) -> Any:
    """What stands there, into the first of repeated blocks; ``None`` where there is nothing."""
    for step in path:
        if isinstance(body, list):
            body = next((one for one in body if step in one), None)
        if not isinstance(body, Mapping) or step not in body:
            return None
        body = body[step]
    return body[0] if isinstance(body, list) and body and isinstance(body[0], Mapping) else body


def _blocks(parsed: Body) -> Iterator[Block]:
    for kind, entries in parsed.items():
        for entry in entries if isinstance(entries, list) else ():
            body = _plain(entry)
            if kind in {"resource", "data", "ephemeral"}:
                for type_, named in body.items():
                    for name, inner in named.items():
                        yield Block(kind=kind, name=f"{type_}.{name}", body=inner)
            elif kind in {"variable", "output", "provider"}:
                for name, inner in body.items():
                    yield Block(kind=kind, name=name, body=inner)
            else:
                yield Block(kind=kind, name=kind, body=body)


def _plain(value: Any) -> Any:
    """Without the parser's quotes and notes."""
    match value:
        case Mapping():
            return {
                _unquoted(key): _plain(one)
                for key, one in value.items()
                if not key.startswith("__")
            }
        case list():
            return [_plain(one) for one in value]
        case str():
            return _unquoted(value)
        case _:
            return value


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _attributes(value: Any) -> Iterator[str]:
    """Names of all values in it."""
    match value:
        case Mapping():
            for key, one in value.items():
                if not isinstance(one, Mapping | list):
                    yield key
                yield from _attributes(one)
        case list():
            for one in value:
                yield from _attributes(one)
        case _:
            pass


def _strings(value: Any) -> Iterator[str]:
    """All texts in it, quoted ones within expressions too."""
    match value:
        case str():
            yield value
            yield from re.findall(r'"([^"]*)"', value)
        case Mapping():
            for one in value.values():
                yield from _strings(one)
        case list() | tuple():
            for one in value:
                yield from _strings(one)
        case _:
            pass
