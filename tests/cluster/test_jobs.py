"""The Job of a run before the real API server: admitted as it is, and told of as it stands."""

import copy
import json
from typing import Any
from uuid import uuid4

import pytest
from dagster import DagsterRun
from dagster._core.storage.tags import PARTITION_NAME_TAG

from coworker_pipelines.cluster.names import DAEMON, OWN_NAMESPACE
from coworker_pipelines.cluster.rights import Account
from coworker_pipelines.connections.locating import Located
from coworker_pipelines.defs.kubernetes_jobs import KubernetesJobs, RunJobs
from coworker_pipelines.defs.placement import placement_of
from coworker_pipelines.defs.run_jobs import Deployment, Resources, run_job
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from tests.cluster.conftest import Kubectl
from tests.cluster.control_plane import ControlPlane
from tests.cluster.deployment import IMAGE
from tests.defs.run_jobs_contract import RunJobsContract

DEPLOYMENT = Deployment(
    image=IMAGE, image_pull_policy="IfNotPresent", seconds_max=600, kept_seconds=60
)
RESOURCES = Resources(cpu="250m", cpu_max="1", memory="512Mi", disk="1Gi")


@pytest.fixture
def manifest(tenant: str) -> dict[str, Any]:
    scope = Scope(tenant=tenant, connection=new_id(IdPrefix.CONNECTION), epoch=1)
    run = DagsterRun(job_name="sync_git", tags={PARTITION_NAME_TAG: "acme.code|2026-01-01"})
    place = placement_of(run, lambda _: Located(scope=scope, kind="git"))
    return run_job(place, DEPLOYMENT, RESOURCES, run_id=str(uuid4()), order="{}")


@pytest.fixture
def jobs(control_plane: ControlPlane, tenant: str) -> RunJobs:
    """With the rights that the daemon has in a tenant's namespace."""
    assert tenant
    daemon = Account(namespace=OWN_NAMESPACE, name=DAEMON)
    return KubernetesJobs.open(control_plane.kubeconfig_of(daemon))


class TestKubernetesJobs(RunJobsContract):
    """Against the real API server."""


def test_the_job_and_its_pod_are_accepted_as_they_are(
    kubectl: Kubectl, manifest: dict[str, Any]
) -> None:
    done = kubectl("apply", "--dry-run=server", "-f", "-", text=json.dumps(manifest))
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr  # Pod Security warns of a Job, and refuses its pod
    done = kubectl("apply", "--dry-run=server", "-f", "-", text=json.dumps(_pod(manifest)))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("part", "field", "value"),
    (
        ("container", "allowPrivilegeEscalation", True),
        ("container", "capabilities", {}),
        ("pod", "runAsNonRoot", False),
    ),
)
def test_a_pod_with_more_rights_is_not(
    kubectl: Kubectl, manifest: dict[str, Any], part: str, field: str, value: Any
) -> None:
    pod = _pod(manifest)
    container = pod["spec"]["containers"][0]
    if part == "container":
        container["securityContext"][field] = value
    else:
        container["securityContext"][field] = pod["spec"]["securityContext"][field] = value
    done = kubectl("apply", "--dry-run=server", "-f", "-", text=json.dumps(pod))
    assert "violates PodSecurity" in done.stderr


def test_who_may_not_make_jobs_is_told_which_permission_is_missing_and_where(
    control_plane: ControlPlane, manifest: dict[str, Any]
) -> None:
    namespace = manifest["metadata"]["namespace"]
    account = Account(namespace=namespace, name="run")
    jobs = KubernetesJobs.open(control_plane.kubeconfig_of(account))
    with pytest.raises(
        RefusedError,
        match=f"run of namespace {namespace} may not create jobs in namespace {namespace}",
    ):
        jobs.create(manifest)


def test_a_namespace_that_is_not_there_is_named(
    control_plane: ControlPlane, jobs: RunJobs, manifest: dict[str, Any]
) -> None:
    manifest["metadata"]["namespace"] = "cw-gone"
    # Our rights in a namespace go with it, so only who has them everywhere is told of its absence.
    admin = KubernetesJobs.open(control_plane.kubeconfig)
    with pytest.raises(TenantActionError, match="no namespace cw-gone"):
        admin.create(manifest)
    with pytest.raises(RefusedError, match="daemon of namespace coworker may not create jobs"):
        jobs.create(manifest)


def test_a_job_of_another_image_is_refused_by_what_we_deploy(
    jobs: RunJobs, manifest: dict[str, Any]
) -> None:
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "evil"
    with pytest.raises(RefusedError, match=r"forbids create of jobs.*coworker-runs"):
        jobs.create(manifest)


def _pod(job: dict[str, Any]) -> dict[str, Any]:
    template = copy.deepcopy(job["spec"]["template"])
    metadata = {**template["metadata"], **job["metadata"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
