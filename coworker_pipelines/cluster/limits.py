"""How much of a cluster a tenant's runs take, and where they may go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """Where runs may go: a range of addresses or a namespace; without ports, to all of them."""

    cidr: str | None = None
    namespace: str | None = None
    ports: tuple[int, ...] = ()

    def rule(self) -> Mapping[str, Any]:
        assert (self.cidr is None) != (self.namespace is None)
        peer = (
            {"ipBlock": {"cidr": self.cidr}}
            if self.cidr is not None
            else {"namespaceSelector": named_namespace(self.namespace)}
        )
        ports = [{"protocol": "TCP", "port": port} for port in self.ports]
        return {"to": [peer], **({"ports": ports} if ports else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLimits:
    """How much of the cluster a tenant's runs take together, and where they may go.

    ``egress`` comes on top of names and public addresses: our database and Elasticsearch, and
    sources with private addresses.
    """

    pods: int = 20
    jobs: int = 200
    cpus: int = 10
    memory: str = "20Gi"
    secrets: int = 5_000
    egress: tuple[Egress, ...] = ()


def named_namespace(name: str | None) -> dict[str, Any]:
    """What selects the namespace of that name."""
    return {"matchLabels": {"kubernetes.io/metadata.name": name}}
