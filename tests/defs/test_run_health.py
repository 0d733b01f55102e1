"""What Kubernetes says of a Job, and the sentence that a person reads."""

from typing import Any

import pytest

from coworker_pipelines.defs.run_health import (
    CONFIGURATION_STATUS,
    MESSAGE_MAX,
    Outcome,
    Seen,
    finding,
)


def job(*conditions: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {"status": {"conditions": list(conditions), **status}}


def condition(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": "True", **more}


def pod(state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    containers = [] if state is None else [{"name": "run", "state": state}]
    return {
        "metadata": {"name": "run-pod", "creationTimestamp": "2026-03-20T12:00:00Z"},
        "status": {"containerStatuses": containers, **status},
    }


def ended(code: int, **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, **more}}


def event(reason: str, message: str, at: str = "2026-03-20T12:00:00Z") -> dict[str, Any]:
    return {"reason": reason, "message": message, "metadata": {"creationTimestamp": at}}


FAILED = job(condition("Failed", reason="BackoffLimitExceeded", message="Job has reached ..."))
OPEN = job(active=1)

DEATHS = (
    (Seen(job=None), "its Job is gone"),
    (Seen(job=FAILED), "its pod was deleted"),
    (Seen(job=job(condition("Failed", reason="DeadlineExceeded"))), "longer than a run may"),
    (Seen(job=FAILED, pods=[pod(ended(137, reason="OOMKilled"))]), "more memory than it may have"),
    (Seen(job=FAILED, pods=[pod(ended(137, reason="Error"))]), "was killed by signal 9"),
    (Seen(job=FAILED, pods=[pod(ended(1))]), "ended with status 1 without a word"),
    (
        Seen(
            job=FAILED,
            pods=[pod(reason="Evicted", message="The node was low on resource: memory. ")],
        ),
        "the node evicted its pod: The node was low on resource: memory.",
    ),
    (
        Seen(
            job=FAILED,
            pods=[
                pod(
                    ended(143),
                    conditions=[condition("DisruptionTarget", reason="PreemptionByScheduler")],
                )
            ],
        ),
        "make room for one of a higher priority (PreemptionByScheduler)",
    ),
    (Seen(job=FAILED, pods=[pod(reason="NodeLost")]), "went away (NodeLost)"),
    (Seen(job=OPEN, pods=[pod(ended(137), phase="Failed")]), "was killed by signal 9"),
    (Seen(job=FAILED, pods=[pod(phase="Failed")]), "its pod failed: Job has reached"),
)


@pytest.mark.parametrize(("seen", "told"), DEATHS)
def test_a_death_has_its_reason_and_is_worth_another_try(seen: Seen, told: str) -> None:
    found = finding(seen)
    assert found.outcome is Outcome.FAILED
    assert told in found.sentence
    assert found.sentence.endswith(".")
    assert not found.hopeless


def test_a_run_that_could_not_begin_says_why_in_its_own_words_and_is_not_tried_again() -> None:
    state = ended(CONFIGURATION_STATUS, message="This run has no secrets.\n")
    found = finding(Seen(job=FAILED, pods=[pod(state)]))
    assert found.hopeless
    assert "This run has no secrets." in found.sentence


WAITS = (
    (Seen(job=OPEN), "has no pod yet"),
    (
        Seen(
            job=OPEN,
            events=[
                event("FailedCreate", "exceeded quota: runs", "2026-03-20T12:00:02Z"),
                event("FailedCreate", 'serviceaccount "run" not found'),
            ],
        ),
        "makes no pod for it: exceeded quota: runs.",
    ),
    (
        Seen(
            job=OPEN,
            pods=[
                pod(
                    conditions=[
                        {
                            "type": "PodScheduled",
                            "status": "False",
                            "message": "0/3 nodes are available: 3 Insufficient memory.",
                        }
                    ]
                )
            ],
        ),
        "never scheduled: 0/3 nodes are available: 3 Insufficient memory.",
    ),
    (
        Seen(
            job=OPEN, pods=[pod({"waiting": {"reason": "ImagePullBackOff", "message": "denied"}})]
        ),
        "its image cannot be had (ImagePullBackOff): denied.",
    ),
    (
        Seen(
            job=OPEN,
            pods=[pod({"waiting": {"reason": "CreateContainerConfigError", "message": "no"}})],
        ),
        "cannot be made (CreateContainerConfigError): no.",
    ),
    (
        Seen(
            job=OPEN,
            pods=[pod({"waiting": {"reason": "ContainerCreating"}})],
            events=[event("FailedMount", 'secret "c1-source" not found')],
        ),
        'cannot be mounted: secret "c1-source" not found.',
    ),
    (Seen(job=OPEN, pods=[pod(phase="Pending")]), "has not started yet"),
)


@pytest.mark.parametrize(("seen", "told"), WAITS)
def test_what_keeps_a_pod_from_its_start_is_told(seen: Seen, told: str) -> None:
    found = finding(seen)
    assert found.outcome is Outcome.WAITING
    assert told in found.sentence


def test_a_run_goes_on_and_ends_well() -> None:
    running = pod({"running": {"startedAt": "2026-03-20T12:00:00Z"}}, phase="Running")
    assert finding(Seen(job=OPEN, pods=[running])).outcome is Outcome.RUNNING
    # An event of an earlier moment does not count against a pod that runs.
    late = [event("FailedMount", "timed out")]
    assert finding(Seen(job=OPEN, pods=[running], events=late)).outcome is Outcome.RUNNING
    done = job(condition("Complete"), succeeded=1)
    assert finding(Seen(job=done, pods=[pod(ended(0))])).outcome is Outcome.SUCCEEDED


def test_a_foreign_message_is_one_line_and_short() -> None:
    told = "a\nb " * MESSAGE_MAX
    found = finding(Seen(job=OPEN, events=[event("FailedCreate", told)]))
    assert "\n" not in found.sentence
    assert len(found.sentence) < MESSAGE_MAX + 100
