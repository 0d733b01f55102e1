"""The pod of a run, field by field."""

import json
from typing import Any

import pytest
from dagster import DagsterRun
from dagster._core.storage.tags import PARTITION_NAME_TAG

from coworker_pipelines.defs.placement import Placement, placement_of
from coworker_pipelines.defs.run_jobs import Deployment, Resources, run_job
from tests.defs.test_placement import ACME, BY_HANDLE, JANUARY, OTHER

RUN = "7b0f1c2e-0000-4000-8000-000000000000"
DEPLOYMENT = Deployment(
    image="coworker:1",
    image_pull_policy="IfNotPresent",
    seconds_max=3_600,
    kept_seconds=60,
    environment={"COWORKER_ELASTICSEARCH_URL": "https://search", "COWORKER_STATE": "/elsewhere"},
)
RESOURCES = Resources(cpu="250m", cpu_max="1", memory="512Mi", disk="1Gi")


def _place(job: str = "sync_git", **tags: str) -> Placement:
    return placement_of(DagsterRun(job_name=job, tags=tags), BY_HANDLE.__getitem__)


@pytest.fixture
def job() -> dict[str, Any]:
    place = _place(**{PARTITION_NAME_TAG: JANUARY})
    return run_job(place, DEPLOYMENT, RESOURCES, run_id=RUN, order="{}")


@pytest.fixture
def pod(job: dict[str, Any]) -> dict[str, Any]:
    spec = job["spec"]["template"]["spec"]
    assert isinstance(spec, dict)
    return spec


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    assert isinstance(only, dict)
    return only


def test_a_job_is_tried_once_and_ends_and_goes(job: dict[str, Any]) -> None:
    spec = job["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["activeDeadlineSeconds"] == 3_600
    assert spec["ttlSecondsAfterFinished"] == 60
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_a_job_says_whose_it_is(job: dict[str, Any]) -> None:
    assert job["metadata"]["namespace"] == f"cw-{ACME.tenant}"
    for labels in (job["metadata"]["labels"], job["spec"]["template"]["metadata"]["labels"]):
        assert labels["coworker.io/tenant"] == ACME.tenant
        assert labels["coworker.io/connection"] == ACME.connection
        assert labels["dagster/run-id"] == RUN


def test_a_pod_has_no_way_to_the_cluster_or_its_node(
    pod: dict[str, Any], container: dict[str, Any]
) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert not any(pod[name] for name in ("hostNetwork", "hostPID", "hostIPC"))
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] != 0
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_secrets_are_files_of_one_connection_and_never_environment(
    pod: dict[str, Any], container: dict[str, Any]
) -> None:
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert {volumes[name]["secret"]["secretName"] for name in ("source", "access", "token")} == {
        f"{ACME.connection}-{part}" for part in ("source", "access", "token")
    }
    assert all(
        volumes[name]["secret"]["defaultMode"] == 0o400 for name in ("source", "access", "token")
    )
    assert [name for name, has in volumes.items() if has.get("secret", {}).get("optional")] == [
        "token"
    ]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts.keys() == volumes.keys()
    assert mounts["source"]["mountPath"] == "/var/run/coworker/source"
    assert all(mounts[name]["readOnly"] for name in ("source", "access", "token"))
    assert "envFrom" not in container
    assert all(entry.keys() == {"name", "value"} for entry in container["env"])
    assert OTHER.connection not in json.dumps(pod)


def test_only_scratch_can_be_written_and_is_bounded(
    pod: dict[str, Any], container: dict[str, Any]
) -> None:
    writable = [mount for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert [mount["mountPath"] for mount in writable] == ["/var/lib/coworker"]
    (scratch,) = (volume for volume in pod["volumes"] if "emptyDir" in volume)
    assert scratch["emptyDir"] == {"sizeLimit": "1Gi"}
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert {environment[name] for name in ("HOME", "TMPDIR")} == {"/var/lib/coworker"}
    # What the pod can give weighs more than what the deployment says.
    assert environment["COWORKER_STATE"] == "/var/lib/coworker"


def test_a_pod_asks_for_what_it_needs_and_gets_no_more(container: dict[str, Any]) -> None:
    assert container["resources"]["requests"] == {
        "cpu": "250m",
        "memory": "512Mi",
        "ephemeral-storage": "1Gi",
    }
    assert container["resources"]["limits"] == {
        "cpu": "1",
        "memory": "512Mi",
        "ephemeral-storage": "1Gi",
    }


def test_the_entry_reads_the_mount_and_its_log_is_not_quoted(container: dict[str, Any]) -> None:
    assert container["command"] == ["python", "-m", "coworker_pipelines.defs.running"]
    assert container["args"] == ["{}"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert environment["COWORKER_MOUNT"] == "/var/run/coworker"
    assert (
        environment["COWORKER_DAGSTER_DATABASE_URL_FILE"]
        == "/var/run/coworker/access/dagster_database_url"
    )
    assert container["terminationMessagePolicy"] == "File"


def test_a_job_without_a_partition_gets_its_components_secret_alone() -> None:
    job = run_job(_place("rotate_keys"), DEPLOYMENT, RESOURCES, run_id=RUN, order="{}")
    pod = job["spec"]["template"]["spec"]
    secrets = [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]
    assert secrets == ["control-plane"]
    assert pod["automountServiceAccountToken"] is True
    assert "coworker.io/tenant" not in job["metadata"]["labels"]
