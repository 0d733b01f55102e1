"""What became of a run's pod, in one sentence that says why and what helps.

Decided: read from what Kubernetes says of the Job, its pods and their events; a pod's log is
never quoted, since it may hold a client's data.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

Object = Mapping[str, Any]

CONFIGURATION_STATUS: Final = 2
"""How the entry of a run ends where the run could not even begin: another try ends the same."""
TERMINATION_MESSAGE: Final = "/dev/termination-log"
"""Where it leaves the reason; Kubernetes puts that into the pod's status."""
MESSAGE_MAX: Final = 600


class Outcome(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``hopeless``: another try would end the same."""

    outcome: Outcome
    sentence: str
    hopeless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A Job, its pods and the events of both, as the API server gives them out."""

    job: Object | None
    pods: Sequence[Object] = ()
    events: Sequence[Object] = ()


def finding(seen: Seen) -> Finding:
    """How a run's Job stands."""
    if seen.job is None:
        return _failed("its Job is gone: somebody deleted it, or the tenant's namespace.")
    status = seen.job.get("status", {})
    pod = max(seen.pods, key=_made_at, default=None)
    if _is_true(status, "Complete") or _is_true(status, "SuccessCriteriaMet"):
        return Finding(outcome=Outcome.SUCCEEDED, sentence="The run's pod has ended well.")
    if (condition := _condition(status, "Failed")) or (
        condition := _condition(status, "FailureTarget")
    ):
        return _ended(condition, pod)
    if pod is None:
        return _without_pod(seen.events)
    if pod.get("status", {}).get("phase") == "Failed":
        return _ended({}, pod)
    if _has_started(pod):
        return Finding(outcome=Outcome.RUNNING, sentence="The run's pod is running.")
    return _waiting(pod, seen.events)


def _ended(condition: Object, pod: Object | None) -> Finding:
    if condition.get("reason") == "DeadlineExceeded":
        return _failed("it took longer than a run may, and Kubernetes ended it.")
    if pod is None:
        return _failed("its pod was deleted before it had ended.")
    for look in (_lost, _evicted, _disrupted, _terminated):
        if found := look(pod):
            return found
    return _failed(f"its pod failed: {_text(condition) or 'Kubernetes says no more'}.")


def _lost(pod: Object) -> Finding | None:
    reason = pod.get("status", {}).get("reason")
    if reason in {"NodeLost", "NodeShutdown", "Terminated", "Shutdown"}:
        return _failed(f"the node that it ran on went away ({reason}).")
    return None


def _evicted(pod: Object) -> Finding | None:
    status = pod.get("status", {})
    if status.get("reason") != "Evicted":
        return None
    return _failed(f"the node evicted its pod: {_text(status) or 'it ran short of something'}.")


def _disrupted(pod: Object) -> Finding | None:
    """The condition that Kubernetes sets before it ends a pod that did nothing wrong."""
    condition = _condition(pod.get("status", {}), "DisruptionTarget")
    if condition is None:
        return None
    reason = condition.get("reason", "")
    return _failed(
        f"{_DISRUPTIONS.get(reason, 'Kubernetes ended its pod')} ({reason or 'no reason given'})."
    )


_DISRUPTIONS: Final = {
    "PreemptionByScheduler": "its pod had to make room for one of a higher priority",
    "DeletionByTaintManager": "its pod was taken from a node that is not to be used",
    "EvictionByEvictionAPI": "its pod was evicted, as when a node is drained",
    "DeletionByPodGC": "the node that it ran on is gone",
    "TerminationByKubelet": "its node evicted it, or was shut down",
}


def _terminated(pod: Object) -> Finding | None:
    for state in _states(pod):
        ended = state.get("terminated")
        if ended is None or ended.get("exitCode") == 0:
            continue
        if ended.get("reason") == "OOMKilled":
            return _failed(
                "it needed more memory than it may have and was killed: give its kind more "
                "`memory` in the launcher's resources."
            )
        code = ended.get("exitCode")
        if code == CONFIGURATION_STATUS:
            told = _text(ended) or "its process could not begin, and left no reason"
            return _failed(told, hopeless=True)
        return _failed(f"its process {_died(code)} without a word to Dagster.")
    return None


def _died(code: int) -> str:
    signal = code - _SIGNALLED
    return f"was killed by signal {signal}" if signal > 0 else f"ended with status {code}"


_SIGNALLED: Final = 128
"""A shell's custom, which container runtimes follow."""


def _without_pod(events: Sequence[Object]) -> Finding:
    refused = _last(events, lambda event: event.get("reason") == "FailedCreate")
    if refused:
        return _waits(f"Kubernetes makes no pod for it: {refused}.")
    return _waits("it has no pod yet.")


def _waiting(pod: Object, events: Sequence[Object]) -> Finding:
    scheduled = _condition(pod.get("status", {}), "PodScheduled", status_is="False")
    if scheduled is not None:
        return _waits(
            f"its pod was never scheduled: {_text(scheduled) or 'no node takes it'}. It takes a "
            "node with room for what the launcher's resources ask."
        )
    for state in _states(pod):
        waiting = state.get("waiting", {})
        reason = waiting.get("reason", "")
        if reason in _IMAGE_REASONS:
            return _waits(
                f"its image cannot be had ({reason}): {_text(waiting) or 'no more is known'}. The "
                "launcher's `image` names it."
            )
        if reason in _CONTAINER_REASONS:
            return _waits(f"its container cannot be made ({reason}): {_text(waiting)}.")
    if unmounted := _last(events, lambda event: event.get("reason") == "FailedMount"):
        return _waits(
            f"a Secret cannot be mounted: {unmounted}. `coworker connections change` writes the "
            "source's anew, `coworker connections rotate-key` the one of our own stores."
        )
    return _waits("its pod has not started yet.")


_IMAGE_REASONS: Final = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
}
_CONTAINER_REASONS: Final = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
}


def _has_started(pod: Object) -> bool:
    return any("running" in state or "terminated" in state for state in _states(pod))


def _states(pod: Object) -> Iterator[Object]:
    for container in pod.get("status", {}).get("containerStatuses") or ():
        yield container.get("state", {})


def _is_true(status: Object, kind: str) -> bool:
    return _condition(status, kind) is not None


def _condition(status: Object, kind: str, *, status_is: str = "True") -> Object | None:
    for condition in status.get("conditions") or ():
        if condition.get("type") == kind and condition.get("status") == status_is:
            found: Object = condition
            return found
    return None


def _last(events: Sequence[Object], wanted: Callable[[Object], bool]) -> str:
    found = [event for event in events if wanted(event)]
    return _text(max(found, key=_made_at)) if found else ""


def _made_at(found: Object) -> str:
    return str(found.get("metadata", {}).get("creationTimestamp") or "")


def _text(of: Object) -> str:
    return " ".join(str(of.get("message") or "").split())[:MESSAGE_MAX].rstrip(".")


def _failed(why: str, *, hopeless: bool = False) -> Finding:
    return Finding(outcome=Outcome.FAILED, sentence=_sentence(why), hopeless=hopeless)


def _waits(why: str) -> Finding:
    return Finding(outcome=Outcome.WAITING, sentence=_sentence(why))


def _sentence(why: str) -> str:
    return f"The run did not finish: {why.rstrip('.')}."
