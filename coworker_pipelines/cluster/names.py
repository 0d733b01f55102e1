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
DISPATCHER: Final = "dispatcher"
RUN_ACCOUNT: Final = "run"

TENANT_LABEL: Final = "coworker.io/tenant"
CONNECTION_LABEL: Final = "coworker.io/connection"
DESTINATION_LABEL: Final = "coworker.io/destination"
PART_LABEL: Final = "coworker.io/part"
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "coworker"

GRANT: Final = "grant"
DESTINATION: Final = "destination"
RUN_PARTS: Final = ("source", "access", "token")
"""What a run's pod mounts of its own connection."""

_REFERENCE = re.compile(
    r"(?P<part>source|access|token|grant)/(?P<tenant>\w+)/(?P<connection>\w+)"
    r"(/(?P<grant>[a-z0-9]{16}))?"
)
_DESTINATION = re.compile(r"destination/(?P<tenant>\w+)/(?P<destination>\w+)")
_NAMESPACE = re.compile(r"cw-(?P<tenant>[a-z0-9]+)(-oauth|-egress)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretName:
    """One Secret of one connection, or of one destination.

    Of grants a connection may have several, each with an id.
    """

    part: str
    tenant: str
    connection: str | None = None
    grant: str | None = None
    destination: str | None = None

    @property
    def place(self) -> Place:
        namespace = _NAMESPACES.get(self.part, namespace_of)
        owner = self.connection or self.destination
        return Place(
            resource="secrets",
            namespace=namespace(self.tenant),
            name="-".join(filter(None, (owner, self.part, self.grant))),
        )

    @property
    def labels(self) -> dict[str, str]:
        owners = {CONNECTION_LABEL: self.connection, DESTINATION_LABEL: self.destination}
        return {
            **tenant_labels(self.tenant),
            **{label: owner for label, owner in owners.items() if owner is not None},
            PART_LABEL: self.part,
        }


def secret_name(reference: str) -> SecretName:
    """The Secret that a reference of the secret store stands for.

    Raises:
        DefectError: it is no reference to a connection's or a destination's secret.
    """
    if found := _DESTINATION.fullmatch(reference):
        return _of_destination(found["tenant"], found["destination"])
    match = _REFERENCE.fullmatch(reference)
    if (
        match is None
        or not is_id(match["tenant"], IdPrefix.TENANT)
        or not is_id(match["connection"], IdPrefix.CONNECTION)
        or (match["grant"] and match["part"] != GRANT)
    ):
        raise DefectError("A cluster was asked for a secret that no connection has.")
    return SecretName(**match.groupdict())


def _of_destination(tenant: str, destination: str) -> SecretName:
    if not is_id(tenant, IdPrefix.TENANT) or not is_id(destination, IdPrefix.DESTINATION):
        raise DefectError("A cluster was asked for a secret that no destination has.")
    return SecretName(part=DESTINATION, tenant=tenant, destination=destination)


def namespace_of(tenant: str) -> str:
    """Where a tenant's runs are, and the Secrets that they mount."""
    assert is_id(tenant, IdPrefix.TENANT)
    return f"cw-{tenant}"


def oauth_namespace_of(tenant: str) -> str:
    """Where a tenant's OAuth grants are; no pod runs there."""
    return f"{namespace_of(tenant)}-oauth"


def egress_namespace_of(tenant: str) -> str:
    """Where the secrets of a tenant's destinations are; no pod runs there."""
    return f"{namespace_of(tenant)}-egress"


def tenant_namespaces(tenant: str) -> tuple[str, str, str]:
    """All that a tenant has: of runs, of grants, of destinations."""
    return namespace_of(tenant), oauth_namespace_of(tenant), egress_namespace_of(tenant)


_NAMESPACES: Final = {GRANT: oauth_namespace_of, DESTINATION: egress_namespace_of}
"""Of the parts that do not lie where a tenant's runs are."""


def tenant_of(namespace: str) -> str | None:
    """Whose namespace it is; none, if no tenant's."""
    match = _NAMESPACE.fullmatch(namespace)
    tenant = "" if match is None else match["tenant"]
    return tenant if is_id(tenant, IdPrefix.TENANT) else None


def tenant_labels(tenant: str) -> dict[str, str]:
    return {TENANT_LABEL: tenant, MANAGED_BY_LABEL: MANAGED_BY}
