"""Secrets in the cluster, from the side that can put them there and cannot look at them.

Decided: one Secret for each writer and connection, replaced whole. A patch would do with less,
and answers with the whole object; who may only create, update and delete never sees a value that
somebody else wrote. A Secret's owner stands in its labels: an owner reference could not be the
tenant's Namespace, because objects in a namespace may only be owned by others in it.
"""

import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final, assert_never

from coworker_pipelines.cluster.client import Answer, Cluster, Conflict, Done, Missing
from coworker_pipelines.cluster.limits import TenantLimits
from coworker_pipelines.cluster.names import DESTINATION, GRANT, SecretName, secret_name
from coworker_pipelines.cluster.places import Verb
from coworker_pipelines.cluster.tenants import (
    make_tenant_namespaces,
    remaining_namespaces,
    remove_tenant_namespaces,
)
from coworker_pipelines.cluster.verdicts import NoNamespaceError
from coworker_pipelines.kernel.errors import DefectError, RefusedError, RetryLaterError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.store import (
    SecretHouse,
    SecretReader,
    SecretWriter,
    checked_reference,
    checked_values,
    missing,
)

CLOSE_TIMEOUT_S: Final = 180.0
"""Pods in a namespace have their time of grace before it goes."""
_POLL_S: Final = 0.2
_ATTEMPTS: Final = 3
"""Between a creation and a replacement somebody may delete the Secret, and the other way round."""


class KubernetesSecretStore(SecretWriter):
    """A Secret for each reference, in the namespace of its tenant; it never reads."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def put(self, reference: str, values: Mapping[str, Secret]) -> None:
        """After this the reference's Secret holds these values and no others.

        Raises:
            TenantActionError: the values are too large, or the tenant has no namespace here.
            RefusedError: we lack the right; the sentence says which, and where.
            RetryLaterError: the cluster does not answer; whether it was written is not known, and
                writing again is right in either case.
        """
        name = secret_name(checked_reference(reference))
        manifest = _manifest(name, checked_values(values))
        for _ in range(_ATTEMPTS):
            if isinstance(self._ask(Verb.CREATE, name, manifest), Done):
                return
            # Without a resource version in it, an update replaces whatever is there.
            if isinstance(self._ask(Verb.UPDATE, name, manifest), Done):
                return
        raise RetryLaterError(f"Somebody else changed {name.place.where} at the same time.")

    def delete(self, reference: str) -> None:
        """After this there is no such Secret, whether there was one or not.

        Raises:
            RefusedError, RetryLaterError: as for ``put``.
        """
        name = secret_name(checked_reference(reference))
        try:
            answer = self._ask(Verb.DELETE, name, None)
        except NoNamespaceError:
            return
        if isinstance(answer, Conflict):
            raise RetryLaterError(f"Somebody else changed {name.place.where} at the same time.")

    def _ask(self, verb: Verb, name: SecretName, manifest: dict[str, Any] | None) -> Answer:
        return self._cluster.ask(verb, name.place, manifest)


class KubernetesGrantStore(KubernetesSecretStore, SecretReader):
    """What the refresher of OAuth tokens works with: it alone reads grants, and makes none.

    A grant that was taken away meanwhile is not put back: its update finds nothing.
    """

    def get(self, reference: str) -> dict[str, Secret]:
        """A grant's values.

        Raises:
            TenantActionError: there is no such grant.
            RefusedError: it is no grant, or we lack the right to read one.
        """
        name = secret_name(checked_reference(reference))
        if name.part != GRANT:
            raise RefusedError("Of a connection's secrets, its grants alone can be read back.")
        return _values(self._ask(Verb.GET, name, None), reference)

    def put(self, reference: str, values: Mapping[str, Secret]) -> None:
        """After this the grant, which was there, or the token holds these values and no others.

        Raises:
            TenantActionError: the grant was taken away, or the values are too large.
            RefusedError, RetryLaterError: as for every secret.
        """
        name = secret_name(checked_reference(reference))
        if name.part != GRANT:
            super().put(reference, values)
            return
        manifest = _manifest(name, checked_values(values))
        if not isinstance(self._ask(Verb.UPDATE, name, manifest), Done):
            raise missing(reference)


class KubernetesDestinationReader(SecretReader):
    """What the dispatcher works with: it reads the secrets of destinations, and writes none."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def get(self, reference: str) -> dict[str, Secret]:
        """A destination's values.

        Raises:
            TenantActionError: there is no such destination.
            RefusedError: it is none, or we lack the right to read one.
        """
        name = secret_name(checked_reference(reference))
        if name.part != DESTINATION:
            raise RefusedError("The dispatcher reads the secrets of destinations alone.")
        return _values(self._cluster.ask(Verb.GET, name.place, None), reference)


class KubernetesSecretHouse(SecretHouse):
    """Three namespaces for each tenant, made and closed by the control plane."""

    def __init__(self, cluster: Cluster, limits: TenantLimits) -> None:
        self._cluster = cluster
        self._limits = limits

    def open(self, tenant: str) -> None:
        """After this the tenant's secrets can be put; once more changes nothing.

        Raises:
            RefusedError: we lack a right; the sentence says which.
        """
        make_tenant_namespaces(self._cluster, tenant, self._limits)

    def close(self, tenant: str) -> None:
        """After this the tenant has no namespace, and nothing that was in one is left.

        Raises:
            RetryLaterError: the cluster is still at it; what is left goes without our doing.
        """
        remove_tenant_namespaces(self._cluster, tenant)
        deadline = time.monotonic() + CLOSE_TIMEOUT_S
        while left := remaining_namespaces(self._cluster, tenant):
            if time.monotonic() >= deadline:
                raise RetryLaterError(f"The cluster is still deleting {' and '.join(left)}.")
            time.sleep(_POLL_S)


def _values(answer: Answer, reference: str) -> dict[str, Secret]:
    match answer:
        case Done(body=body):
            return {
                key: Secret(b64decode(value).decode())
                for key, value in (body.get("data") or {}).items()
            }
        case Missing():
            raise missing(reference)
        case Conflict():
            raise DefectError("Reading changes nothing, so nothing can be in its way.")
        case unknown:
            assert_never(unknown)


def _manifest(name: SecretName, values: Mapping[str, Secret]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": f"coworker.io/{name.part}",
        "immutable": False,
        "metadata": {
            "name": name.place.name,
            "namespace": name.place.namespace,
            "labels": name.labels,
        },
        "data": {
            key: b64encode(value.get_secret_value().encode()).decode()
            for key, value in values.items()
        },
    }
