"""What a node writes into a Pod's status, in the words of a real one."""

import datetime as dt
from typing import Any, Final

from kubernetes import client

from coworker_pipelines.services.ports import LOOPBACK

_KILLED: Final = 137


def unschedulable() -> dict[str, Any]:
    message = "0/1 nodes are available: 1 Insufficient cpu."
    return {
        "phase": "Pending",
        "conditions": [_condition("PodScheduled", "Unschedulable", message)],
    }


def waiting(pod: Any) -> dict[str, Any]:
    return {
        "phase": "Pending",
        "startTime": _now(),
        "containerStatuses": [_container(pod, {"waiting": {"reason": "ContainerCreating"}})],
    }


def running(pod: Any) -> dict[str, Any]:
    return {
        "phase": "Running",
        "podIP": LOOPBACK,
        "podIPs": [{"ip": LOOPBACK}],
        "startTime": _now(),
        "conditions": [
            _condition("PodScheduled", status="True"),
            _condition("Ready", status="True"),
        ],
        "containerStatuses": [
            _container(pod, {"running": {"startedAt": _now()}}) | {"ready": True, "started": True}
        ],
    }


def ended(pod: Any, code: int, message: str = "") -> dict[str, Any]:
    """``OOMKilled`` is what a node says of a kill that nobody asked it for."""
    reasons = {0: "Completed", _KILLED: "OOMKilled"}
    terminated = {
        "exitCode": code,
        "reason": reasons.get(code, "Error"),
        "message": message,
        "startedAt": _now(),
        "finishedAt": _now(),
    }
    return {
        "phase": "Failed" if code else "Succeeded",
        "conditions": [_condition("Ready", "PodFailed" if code else "PodCompleted")],
        "containerStatuses": [_container(pod, {"terminated": terminated})],
    }


def evicted(pod: Any) -> dict[str, Any]:
    message = "The node was low on resource: memory."
    disrupted = _condition("DisruptionTarget", "TerminationByKubelet", message, status="True")
    status = ended(pod, _KILLED)
    return {
        **status,
        "phase": "Failed",
        "reason": "Evicted",
        "message": message,
        "conditions": [*status["conditions"], disrupted],
    }


def failed_mount(pod: Any, message: str, node: str) -> client.CoreV1Event:
    now = dt.datetime.now(dt.UTC)
    return client.CoreV1Event(
        metadata=client.V1ObjectMeta(generate_name=f"{pod.metadata.name}."),
        involved_object=client.V1ObjectReference(
            kind="Pod",
            name=pod.metadata.name,
            namespace=pod.metadata.namespace,
            uid=pod.metadata.uid,
        ),
        reason="FailedMount",
        message=message,
        type="Warning",
        source=client.V1EventSource(component="kubelet", host=node),
        first_timestamp=now,
        last_timestamp=now,
        count=1,
    )


def _container(pod: Any, state: dict[str, Any]) -> dict[str, Any]:
    spec = pod.spec.containers[0]
    return {
        "name": spec.name,
        "image": spec.image,
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": state,
    }


def _condition(
    name: str, reason: str = "", message: str = "", *, status: str = "False"
) -> dict[str, str]:
    return {
        "type": name,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": _now(),
    }


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
