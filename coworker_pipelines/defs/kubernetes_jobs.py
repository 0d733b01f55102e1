"""The Jobs of runs. Loaded with the launcher alone: the cluster's client costs a second."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self

from kubernetes.client import ApiClient, BatchV1Api, CoreV1Api
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from coworker_pipelines.cluster.client import ClusterAddress, open_api
from coworker_pipelines.cluster.places import Place, Verb
from coworker_pipelines.cluster.verdicts import lacks_namespace, no_namespace, verdict
from coworker_pipelines.defs.run_health import Seen
from coworker_pipelines.defs.run_jobs import Manifest
from coworker_pipelines.kernel.errors import RetryLaterError

REQUEST_S: Final = 10
PODS_MAX: Final = 10
"""A Job of ours makes one; more are there only where one was lost and made again."""
EVENTS_MAX: Final = 50


class RunJobs(ABC):
    """The Jobs of runs, by namespace and name.

    Raises (from every call): ``RetryLaterError`` where the cluster does not answer,
    ``RefusedError`` where it says that we may not.
    """

    @abstractmethod
    def create(self, job: Manifest) -> None:
        """There is such a Job; one of its name may have been there before."""

    @abstractmethod
    def look(self, namespace: str, name: str) -> Seen:
        """The Job as it stands, and what there is to know of its pods."""

    @abstractmethod
    def delete(self, namespace: str, name: str) -> bool:
        """There is no such Job, and its pods are told to end; whether there was one."""


class KubernetesJobs(RunJobs):
    """In the real cluster, asked as who ``api`` makes us."""

    def __init__(self, api: ApiClient) -> None:
        self._batch = BatchV1Api(api)
        self._core = CoreV1Api(api)

    @classmethod
    def open(cls, kubeconfig: Path | None) -> Self:
        """With the rights of the pod's service account, or of a configuration's user.

        Raises:
            TenantActionError: there is neither.
        """
        return cls(open_api(ClusterAddress(kubeconfig=kubeconfig)))

    def create(self, job: Manifest) -> None:
        place = _job(job["metadata"]["namespace"], job["metadata"]["name"])
        _asked(
            Verb.CREATE,
            place,
            lambda: self._batch.create_namespaced_job(place.namespace, job, **_CALL),
            also=HTTPStatus.CONFLICT,
        )

    def look(self, namespace: str, name: str) -> Seen:
        status, job = _asked(
            Verb.GET,
            _job(namespace, name),
            lambda: self._batch.read_namespaced_job(name, namespace, **_CALL),
            also=HTTPStatus.NOT_FOUND,
        )
        if status == HTTPStatus.NOT_FOUND:
            return Seen(job=None)
        pods = self._pods(namespace, name)
        names = [name, *(pod["metadata"]["name"] for pod in pods)]
        events = [event for one in names for event in self._events(namespace, one)]
        return Seen(job=job, pods=pods, events=events)

    def delete(self, namespace: str, name: str) -> bool:
        status, _ = _asked(
            Verb.DELETE,
            _job(namespace, name),
            lambda: self._batch.delete_namespaced_job(
                name, namespace, propagation_policy="Background", **_CALL
            ),
            also=HTTPStatus.NOT_FOUND,
        )
        return status != HTTPStatus.NOT_FOUND

    def _pods(self, namespace: str, job: str) -> list[Any]:
        selector = f"batch.kubernetes.io/job-name={job}"
        _, answer = _asked(
            Verb.LIST,
            Place(resource="pods", namespace=namespace),
            lambda: self._core.list_namespaced_pod(
                namespace, label_selector=selector, limit=PODS_MAX, **_CALL
            ),
        )
        return list(answer["items"])

    def _events(self, namespace: str, name: str) -> list[Any]:
        selector = f"involvedObject.name={name}"
        _, answer = _asked(
            Verb.LIST,
            Place(resource="events", namespace=namespace),
            lambda: self._core.list_namespaced_event(
                namespace, field_selector=selector, limit=EVENTS_MAX, **_CALL
            ),
        )
        return list(answer["items"])


_CALL: Final[dict[str, Any]] = {"_request_timeout": REQUEST_S, "_preload_content": False}
"""The client's own objects cost more than the calls: what comes back is read as it is."""


def _job(namespace: str, name: str) -> Place:
    return Place(resource="jobs", group="batch", namespace=namespace, name=name)


def _asked(
    verb: Verb, place: Place, call: Callable[[], Any], *, also: HTTPStatus = HTTPStatus.OK
) -> tuple[int, Any]:
    """The answer's status, one of success or ``also``, and what it holds."""
    try:
        response = call()
    except ApiException as error:
        status, answer = int(error.status or 0), _parsed(error.body)
    except HTTPError as error:
        raise RetryLaterError("The cluster's API does not answer.") from error
    else:
        return int(response.status), _parsed(response.data)
    if place.namespace and status == HTTPStatus.NOT_FOUND and lacks_namespace(place, answer):
        raise no_namespace(place.namespace)
    if status != also:
        raise verdict(verb, place, status=status, body=answer)
    return status, answer


def _parsed(content: Any) -> Any:
    """Whatever stands before the API may answer with a page instead of an object."""
    try:
        return json.loads(content or b"{}")
    except ValueError:
        return {}
