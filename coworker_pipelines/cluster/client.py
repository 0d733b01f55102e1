"""The one door to the API: opened as who we are, its refusals turned into verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import orjson
import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

from coworker_pipelines.cluster.places import Place, Verb, namespace_place
from coworker_pipelines.cluster.verdicts import (
    NoNamespaceError,
    lacks_namespace,
    no_namespace,
    verdict,
)
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError, TenantActionError

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 30.0
FIELD_MANAGER: Final = "coworker"
_MISSING: Final = 404
_CONFLICT: Final = 409
_FORBIDDEN: Final = 403
_APPLY: Final = "application/apply-patch+yaml"
_METHODS: Final = {
    Verb.GET: "GET",
    Verb.LIST: "GET",
    Verb.CREATE: "POST",
    Verb.UPDATE: "PUT",
    Verb.PATCH: "PATCH",
    Verb.DELETE: "DELETE",
}

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAddress:
    """A kubeconfig and one of its contexts; without a file, the cluster that we run in."""

    kubeconfig: Path | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """There is no such object; its namespace is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """There is one of this name already, or it is in another state than was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """It was done; ``body`` is the object as the API has it now, or the list."""

    body: Manifest


Answer = Done | Missing | Conflict


class Cluster:
    """One cluster, asked as one identity. Nothing is retried: who calls knows what may be."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._api.rest_client.pool_manager.clear()
        self._api.close()

    @property
    def host(self) -> str:
        return str(self._api.configuration.host)

    def ask(self, verb: Verb, place: Place, body: Manifest | None = None) -> Answer:
        """What the API answers.

        Raises:
            NoNamespaceError: the namespace is not there.
            RefusedError: we may not, or we are not known; the sentence says who lacks what.
            RetryLaterError: the API does not answer, or has too much to do.
        """
        return self._answered(verb, place, body)

    def _answered(
        self, verb: Verb, place: Place, body: Manifest | None, *, query: str = ""
    ) -> Answer:
        status, answer = self._send(verb, place, body, query=query)
        if status < 300:  # noqa: PLR2004 - all of HTTP's ways to say yes
            return Done(body=answer)
        if place.namespace is not None and self._without_namespace(place, status, answer):
            raise no_namespace(place.namespace)
        if status == _MISSING and place.name is not None and verb is not Verb.CREATE:
            return Missing()
        if status == _CONFLICT:
            return Conflict()
        raise verdict(verb, place, status=status, body=answer)

    def would_delete(self, place: Place) -> bool:
        """Whether there is such an object, asked with no more than the right to delete it.

        Raises:
            RefusedError, RetryLaterError: as for ``ask``.
        """
        try:
            answer = self._answered(Verb.DELETE, place, None, query="?dryRun=All")
        except NoNamespaceError:
            return False
        return not isinstance(answer, Missing)

    def apply(self, place: Place, manifest: Manifest) -> None:
        """The object is there and is as the manifest says, whether it was there or not."""
        answer = self.ask(Verb.PATCH, place, manifest)
        if not isinstance(answer, Done):
            raise RetryLaterError(f"Somebody else changed {place.where} at the same time.")

    def _without_namespace(self, place: Place, status: int, answer: Manifest) -> bool:
        """Our rights in a namespace go with it, so that its absence looks like a lack of them."""
        assert place.namespace is not None
        if status == _FORBIDDEN:
            status, _ = self._send(Verb.GET, namespace_place(place.namespace), None)
            return status == _MISSING
        return status == _MISSING and lacks_namespace(place, answer)

    def _send(
        self, verb: Verb, place: Place, body: Manifest | None, *, query: str = ""
    ) -> tuple[int, Manifest]:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if verb is Verb.PATCH:
            headers["Content-Type"] = _APPLY
            query = f"?fieldManager={FIELD_MANAGER}&force=true"
        self._api.update_params_for_auth(headers, [], ["BearerToken"])
        try:
            response = self._api.rest_client.pool_manager.request(
                _METHODS[verb],
                f"{self.host}{place.path(verb)}{query}",
                body=None if body is None else orjson.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
                retries=False,
            )
        except urllib3.exceptions.SSLError as error:
            raise RefusedError(
                f"The certificate of the cluster's API at {self.host} is not trusted."
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise RetryLaterError(f"The cluster's API does not answer at {self.host}.") from error
        return response.status, _parsed(response.data)


def open_cluster(address: ClusterAddress) -> Cluster:
    """The cluster, asked as who the address makes us; the caller closes it.

    Raises:
        TenantActionError: there is no such kubeconfig or context, or we run in no cluster.
    """
    return Cluster(open_api(address))


def open_api(address: ClusterAddress) -> ApiClient:
    """The generated client itself, for libraries that want one.

    Raises:
        TenantActionError: there is no such kubeconfig or context, or we run in no cluster.
    """
    configuration = Configuration()
    try:
        if address.kubeconfig is None:
            load_incluster_config(configuration)
        else:
            load_kube_config(
                str(address.kubeconfig),
                context=address.context,
                client_configuration=configuration,
                persist_config=False,
            )
    except (ConfigException, OSError) as error:
        raise TenantActionError(_cannot_open(address)) from error
    return ApiClient(configuration)


def _cannot_open(address: ClusterAddress) -> str:
    if address.kubeconfig is None:
        return (
            "There is no cluster to ask: this process runs in no pod with a service account's "
            "token, and COWORKER_KUBECONFIG names no kubeconfig."
        )
    if not address.kubeconfig.is_file():
        return f"There is no kubeconfig {address.kubeconfig}: correct COWORKER_KUBECONFIG."
    context = "current context" if address.context is None else f"context {address.context}"
    return f"The kubeconfig {address.kubeconfig} has no {context} that can be used."


def _parsed(content: bytes) -> Manifest:
    """Whatever stands before the API may answer with a page instead of an object."""
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
