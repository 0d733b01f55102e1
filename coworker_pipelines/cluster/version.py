"""Which version the cluster is of."""

from dataclasses import dataclass

from coworker_pipelines.cluster.client import Cluster, Done
from coworker_pipelines.cluster.places import Place, Verb
from coworker_pipelines.kernel.errors import DefectError


@dataclass(frozen=True, slots=True, kw_only=True)
class _VersionPlace(Place):
    """It is told outside of all groups."""

    resource: str = "version"

    def path(self, verb: Verb) -> str:
        assert verb is Verb.GET
        return "/version"


def server_version(cluster: Cluster) -> str:
    """As in ``v1.33.1``. Everybody may ask this."""
    answer = cluster.ask(Verb.GET, _VersionPlace())
    if not isinstance(answer, Done):
        raise DefectError("The cluster tells no version.")
    return str(answer.body["gitVersion"])
