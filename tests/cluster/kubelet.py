"""The one node of the tests: it runs what Pods ask for as processes of this machine.

It takes Pods from the real API server and says through their status what became of them. What
it does not do: images, read-only root file systems, networks, several containers.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.cluster import pod_status
from tests.cluster.container import (
    Container,
    MountPoints,
    container_environment,
    start_container,
    user_of,
)
from tests.cluster.volumes import MountError, Volumes

NODE: Final = "node-of-the-tests"
_POLL_S: Final = 0.2
_VOLUMES_EVERY: Final = 5
"""Ticks between two looks at what is mounted; a real kubelet takes a minute or two."""
_GONE: Final = frozenset({404, 409})
_STOP_TIMEOUT_S: Final = 30.0


class Fate(StrEnum):
    """What becomes of a Pod that is new."""

    RUN = "run"
    NEVER_SCHEDULE = "never_schedule"


@dataclass(slots=True, kw_only=True)
class _Running:
    pod: Any
    container: Container
    volumes: Volumes
    ticks: int = 0
    killed_at: float | None = None


class Kubelet:
    """Looks after all Pods of a cluster while it is started.

    ``decide`` may be set by a test: it is asked once about each Pod, before that has a node. With
    ``honours_users`` a Pod's processes are its user's; without, they are ours, because the
    interpreter of the tests may be in a place that nobody else can enter.
    """

    def __init__(self, api: client.ApiClient, folder: Path) -> None:
        self.decide: Callable[[Any], Fate] = lambda _: Fate.RUN
        self.honours_users = False
        self._api = api
        self._core = client.CoreV1Api(api)
        self._folder = folder
        self._points = MountPoints()
        self._running: dict[str, _Running] = {}
        self._left: set[str] = set()
        self._told: dict[str, str] = {}
        self._logs: dict[tuple[str, str], Path] = {}
        self._lock = threading.Lock()

    def kill(self, namespace: str, name: str) -> None:
        """The container is killed, as one that took too much memory is: exit code 137."""
        with self._lock:
            self._find(namespace, name).container.end()

    def evict(self, namespace: str, name: str) -> None:
        """The Pod is put out of the node: failed, with the reason that a real one gives."""
        with self._lock:
            running = self._find(namespace, name)
            running.container.end()
            del self._running[running.pod.metadata.uid]
            self._say(running.pod, pod_status.evicted(running.pod))

    def log(self, namespace: str, name: str) -> str:
        """What the container wrote until now."""
        return self._logs[namespace, name].read_text(encoding="utf-8", errors="replace")

    def mounted(self, namespace: str, name: str, volume: str) -> dict[str, str]:
        """The files that a running Pod finds in one of its volumes."""
        with self._lock:
            return self._find(namespace, name).volumes.mounted(volume)

    def is_running(self, namespace: str, name: str) -> bool:
        with self._lock:
            return any(_is(running.pod, namespace, name) for running in self._running.values())

    def tick(self) -> None:
        """Every Pod is looked at once."""
        with self._lock:
            pods = self._core.list_pod_for_all_namespaces(
                field_selector="status.phase!=Succeeded,status.phase!=Failed"
            ).items
            for pod in pods:
                try:
                    self._look_at(pod)
                except ApiException as error:
                    if not _is_going(error):
                        raise
            gone = self._running.keys() - {pod.metadata.uid for pod in pods}
            for uid in gone:
                self._running.pop(uid).container.end()

    def end(self) -> None:
        """No process and no mount point of it is left."""
        with self._lock:
            while self._running:
                self._running.popitem()[1].container.end()
            self._points.remove()

    def _find(self, namespace: str, name: str) -> _Running:
        return next(r for r in self._running.values() if _is(r.pod, namespace, name))

    def _look_at(self, pod: Any) -> None:
        running = self._running.get(pod.metadata.uid)
        if running is not None:
            self._follow(running, pod)
        elif pod.metadata.deletion_timestamp is not None:
            self._forget(pod)
        elif pod.spec.node_name or self._scheduled(pod):
            self._start(pod)

    def _scheduled(self, pod: Any) -> bool:
        uid = pod.metadata.uid
        if uid in self._left:
            return False
        if self.decide(pod) is Fate.NEVER_SCHEDULE:
            self._left.add(uid)
            self._say(pod, pod_status.unschedulable())
            return False
        metadata = client.V1ObjectMeta(name=pod.metadata.name)
        target = client.V1ObjectReference(api_version="v1", kind="Node", name=NODE)
        self._core.create_namespaced_pod_binding(
            pod.metadata.name,
            pod.metadata.namespace,
            client.V1Binding(metadata=metadata, target=target),
            _preload_content=False,
        )
        return True

    def _start(self, pod: Any) -> None:
        spec, folder = pod.spec.containers[0], self._folder / pod.metadata.uid
        folder.mkdir(parents=True, exist_ok=True)
        volumes = Volumes(self._api, pod, folder / "volumes")
        try:
            folders = volumes.set_up()
        except MountError as error:
            self._wait_for_mount(pod, str(error))
            return
        container = start_container(
            spec,
            volumes=folders,
            points=self._points,
            environment=container_environment(self._api, pod, spec),
            log=folder / "log",
            user=user_of(pod, spec) if self.honours_users else (),
        )
        self._logs[pod.metadata.namespace, pod.metadata.name] = container.log
        self._running[pod.metadata.uid] = _Running(pod=pod, container=container, volumes=volumes)
        self._say(pod, pod_status.running(pod))

    def _wait_for_mount(self, pod: Any, message: str) -> None:
        """Like a real node: the Pod stays pending, an event says why, and it is tried again."""
        if self._told.get(pod.metadata.uid) != message:
            self._told[pod.metadata.uid] = message
            self._say(pod, pod_status.waiting(pod))
            event = pod_status.failed_mount(pod, message, NODE)
            self._core.create_namespaced_event(pod.metadata.namespace, event)

    def _follow(self, running: _Running, pod: Any) -> None:
        code = running.container.exit_code()
        if code is not None:
            del self._running[pod.metadata.uid]
            self._say(pod, pod_status.ended(pod, code, running.container.message))
            if pod.metadata.deletion_timestamp is not None:
                self._forget(pod)
            return
        if pod.metadata.deletion_timestamp is not None:
            self._terminate(running, pod)
            return
        running.ticks += 1
        if running.ticks % _VOLUMES_EVERY == 0:
            try:
                running.volumes.set_up()
            except MountError:
                return  # A Secret that was deleted stays mounted as it was last.

    def _terminate(self, running: _Running, pod: Any) -> None:
        """SIGTERM when the deletion is seen, SIGKILL when the time of grace is over."""
        if running.killed_at is None:
            running.killed_at = time.monotonic() + (pod.metadata.deletion_grace_period_seconds or 0)
            running.container.signal(signal.SIGTERM)
        elif time.monotonic() >= running.killed_at:
            running.container.end()

    def _forget(self, pod: Any) -> None:
        self._core.delete_namespaced_pod(
            pod.metadata.name,
            pod.metadata.namespace,
            body=client.V1DeleteOptions(
                grace_period_seconds=0, preconditions=client.V1Preconditions(uid=pod.metadata.uid)
            ),
        )

    def _say(self, pod: Any, status: dict[str, Any]) -> None:
        self._core.patch_namespaced_pod_status(
            pod.metadata.name, pod.metadata.namespace, {"status": status}
        )


@contextmanager
def running_kubelet(api: client.ApiClient, folder: Path) -> Iterator[Kubelet]:
    """A kubelet that looks after the cluster in a thread; its own failure fails the test."""
    kubelet, stopped = Kubelet(api, folder), threading.Event()
    failures: list[BaseException] = []

    def look() -> None:
        try:
            while not stopped.wait(_POLL_S):
                kubelet.tick()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            failures.append(error)

    thread = threading.Thread(target=look, name="kubelet", daemon=True)
    thread.start()
    try:
        yield kubelet
    finally:
        stopped.set()
        thread.join(_STOP_TIMEOUT_S)
        kubelet.end()
    if failures:
        raise failures[0]


def _is_going(error: ApiException) -> bool:
    """Whether the Pod was deleted since the list, or its namespace is: the next list tells."""
    return error.status in _GONE or "NamespaceTerminating" in str(error.body)


def _is(pod: Any, namespace: str, name: str) -> bool:
    return bool(pod.metadata.namespace == namespace and pod.metadata.name == name)
