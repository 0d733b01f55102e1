"""Secrets in the cluster, from the side of the refresher of OAuth tokens.

It alone reads grants, and neither makes nor deletes any: the control plane does. What it writes
are the grants that are there, and the access tokens that runs mount, which it cannot read.
"""

from base64 import b64decode
from collections.abc import Mapping
from typing import NoReturn

from coworker_pipelines.cluster.client import Cluster, Done
from coworker_pipelines.cluster.names import GRANT, secret_name
from coworker_pipelines.cluster.places import Verb
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.kubernetes import KubernetesSecretStore, secret_manifest
from coworker_pipelines.secrets.store import (
    SecretReader,
    SecretWriter,
    checked_reference,
    checked_values,
    missing,
)


class KubernetesGrantStore(SecretWriter, SecretReader):
    """Errors are those of ``KubernetesSecretStore``."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._tokens = KubernetesSecretStore(cluster)

    def get(self, reference: str) -> dict[str, Secret]:
        name = secret_name(checked_reference(reference))
        answer = self._cluster.ask(Verb.GET, name.place)
        if not isinstance(answer, Done):
            raise missing(reference)
        data = answer.body.get("data") or {}
        return {key: Secret(b64decode(value).decode()) for key, value in data.items()}

    def put(self, reference: str, values: Mapping[str, Secret]) -> None:
        name = secret_name(checked_reference(reference))
        if name.part != GRANT:
            self._tokens.put(reference, values)
            return
        # Without a resource version in it, an update replaces whatever is there.
        manifest = secret_manifest(name, checked_values(values))
        if not isinstance(self._cluster.ask(Verb.UPDATE, name.place, manifest), Done):
            raise missing(reference)

    def delete(self, reference: str) -> NoReturn:
        """No right of ours: the control plane deletes."""
        raise DefectError(f"The refresher was told to delete {checked_reference(reference)}.")
