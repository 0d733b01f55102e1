"""The Kubernetes Job of a run: the whole object, drawn from a closed set of values.

Belongs here: what a run's pod may be, to the last field. Does not: where the values come from
(``placement`` for whose run it is, the launcher's configuration for the rest).

Decided: nothing of a run's tags, configuration, image or code location has a way in. A pod that
is composed of what people and code may add to it, as Dagster's own launcher does, is safe only
while every such door is known.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from coworker_pipelines.cluster.names import MANAGED_BY, MANAGED_BY_LABEL
from coworker_pipelines.defs.placement import MOUNT_PATH, Placement
from coworker_pipelines.defs.run_health import TERMINATION_MESSAGE

Manifest = dict[str, Any]

USER: Final = 10001
"""Of a run's process, and its group: neither owns anything in the image."""
SCRATCH: Final = "/var/lib/coworker"
GRACE_S: Final = 60
"""From the signal to the kill: long enough to tell Dagster how the run ended."""
SECRET_MODE: Final = 0o400
"""The kubelet adds reading for the pod's group alone (0440, root and ``USER``): files of a Secret
belong to root, and without that a process that is not root could not read them at all."""
_SCRATCH_VOLUME: Final = "scratch"
_ENTRY: Final = "coworker_pipelines.defs.running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """As Kubernetes writes quantities. Memory is asked for whole, so no neighbour can take it."""

    cpu: str
    cpu_max: str
    memory: str
    disk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What all runs of a deployment have in common.

    ``environment`` is no place for secrets: whoever may look at a pod reads it.
    """

    image: str
    image_pull_policy: str
    seconds_max: int
    kept_seconds: int
    environment: Mapping[str, str] = field(default_factory=dict)


def job_name(run_id: str) -> str:
    return f"run-{run_id}"


def run_job(
    placement: Placement, deployment: Deployment, resources: Resources, *, run_id: str, order: str
) -> Manifest:
    """The Job that carries out one run once; ``order`` is what Dagster tells the run's process."""
    labels = {
        "app.kubernetes.io/name": "coworker",
        "app.kubernetes.io/component": "run",
        MANAGED_BY_LABEL: MANAGED_BY,
        "dagster/run-id": run_id,
        **placement.labels,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job_name(run_id), "namespace": placement.namespace, "labels": labels},
        "spec": {
            # Dagster runs it again, under a run of its own: here it is tried once.
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": deployment.seconds_max,
            "ttlSecondsAfterFinished": deployment.kept_seconds,
            "template": {
                "metadata": {"labels": labels},
                "spec": _pod(placement, deployment, resources, order),
            },
        },
    }


def _pod(
    placement: Placement, deployment: Deployment, resources: Resources, order: str
) -> Manifest:
    return {
        "restartPolicy": "Never",
        "serviceAccountName": placement.service_account,
        "automountServiceAccountToken": placement.api_token,
        # Kubernetes would name every Service of the namespace in the environment.
        "enableServiceLinks": False,
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        "shareProcessNamespace": False,
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(placement, deployment, resources, order)],
        "volumes": list(_volumes(placement, resources)),
    }


def _container(
    placement: Placement, deployment: Deployment, resources: Resources, order: str
) -> Manifest:
    # What the pod is given weighs more than what the deployment says.
    environment = {
        **deployment.environment,
        **placement.environment,
        "COWORKER_STATE": SCRATCH,
        "DAGSTER_REDACT_USER_CODE_ERRORS": "1",
        "HOME": SCRATCH,
        "TMPDIR": SCRATCH,
    }
    return {
        "name": "run",
        "image": deployment.image,
        "imagePullPolicy": deployment.image_pull_policy,
        "command": ["python", "-m", _ENTRY],
        "args": [order],
        "workingDir": SCRATCH,
        "env": [{"name": name, "value": value} for name, value in sorted(environment.items())],
        "resources": {
            "requests": {
                "cpu": resources.cpu,
                "memory": resources.memory,
                "ephemeral-storage": resources.disk,
            },
            "limits": {
                "cpu": resources.cpu_max,
                "memory": resources.memory,
                "ephemeral-storage": resources.disk,
            },
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        # The entry's one sentence, and not the end of a log that may quote anything.
        "terminationMessagePath": TERMINATION_MESSAGE,
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            *(
                {
                    "name": secret.folder,
                    "mountPath": f"{MOUNT_PATH}/{secret.folder}",
                    "readOnly": True,
                }
                for secret in placement.secrets
            ),
            {"name": _SCRATCH_VOLUME, "mountPath": SCRATCH},
        ],
    }


def _volumes(placement: Placement, resources: Resources) -> Iterator[Manifest]:
    """Secrets lie in the node's memory; scratch on its disk, since it can be large."""
    for secret in placement.secrets:
        yield {
            "name": secret.folder,
            "secret": {
                "secretName": secret.name,
                "defaultMode": SECRET_MODE,
                "optional": secret.optional,
            },
        }
    yield {"name": _SCRATCH_VOLUME, "emptyDir": {"sizeLimit": resources.disk}}
