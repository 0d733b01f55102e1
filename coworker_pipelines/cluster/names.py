"""What things of ours are called in a cluster. Names are put together nowhere else."""

import re
from dataclasses import dataclass
from typing import Final

from coworker_pipelines.cluster.places import Place
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.ids import IdPrefix, is_id

OWN_NAMESPACE: Final = "coworker"
CONTROL_PLANE: Final = "control-plane"
DAEMON: Final = "daemon"
OAUTH_REFRESHER: Final = "oauth-refresher"
PRIVACY_WORKER: Final = "privacy-worker"
RUN_ACCOUNT: Final = "run"

TENANT_LABEL: Final = "coworker.io/tenant"
CONNECTION_LABEL: Final = "coworker.io/connection"
PART_LABEL: Final = "coworker.io/part"
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "coworker"

GRANT: Final = "grant"
RUN_PARTS: Final = ("source", "access", "token")
"""What a run's pod mounts of its own connection."""

_REFERENCE = re.compile(
    r"(?P<part>source|access|token|grant)/(?P<tenant>\w+)/(?P<connection>\w+)"
    r"(/(?P<grant>[a-z0-9]{16}))?"
)
_NAMESPACE = re.compile(r"cw-(?P<tenant>[a-z0-9]+)(-oauth)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretName:
    """One Secret of one connection; of grants it may have several, each with an id."""

    part: str
    tenant: str
    connection: str
    grant: str | None = None

    @property
    def place(self) -> Place:
        namespace = namespace_of if self.part != GRANT else oauth_namespace_of
        return Place(
            resource="secrets",
            namespace=namespace(self.tenant),
            name="-".join(filter(None, (self.connection, self.part, self.grant))),
        )

    @property
    def labels(self) -> dict[str, str]:
        return {
            **tenant_labels(self.tenant),
            CONNECTION_LABEL: self.connection,
            PART_LABEL: self.part,
        }


def secret_name(reference: str) -> SecretName:
    """The Secret that a reference of the secret store stands for.

    Raises:
        DefectError: it is no reference to a connection's secret.
    """
    match = _REFERENCE.fullmatch(reference)
    if (
        match is None
        or not is_id(match["tenant"], IdPrefix.TENANT)
        or not is_id(match["connection"], IdPrefix.CONNECTION)
        or (match["grant"] and match["part"] != GRANT)
    ):
        raise DefectError("A cluster was asked for a secret that no connection has.")
    return SecretName(**match.groupdict())


def namespace_of(tenant: str) -> str:
    """Where a tenant's runs are, and the Secrets that they mount."""
    assert is_id(tenant, IdPrefix.TENANT)
    return f"cw-{tenant}"


def oauth_namespace_of(tenant: str) -> str:
    """Where a tenant's OAuth grants are; no pod runs there."""
    return f"{namespace_of(tenant)}-oauth"


def tenant_of(namespace: str) -> str | None:
    """Whose namespace it is; none, if no tenant's."""
    match = _NAMESPACE.fullmatch(namespace)
    tenant = "" if match is None else match["tenant"]
    return tenant if is_id(tenant, IdPrefix.TENANT) else None


def tenant_labels(tenant: str) -> dict[str, str]:
    return {TENANT_LABEL: tenant, MANAGED_BY_LABEL: MANAGED_BY}
