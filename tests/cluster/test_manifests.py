"""What is deployed, as a real API server takes it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.cluster.conftest import DEPLOY, Kubectl
from tests.cluster.control_plane import ControlPlane
from tests.cluster.deployment import (
    NAMESPACE,
    create,
    kubectl_as,
    namespace_of,
    succeeded,
)
from tests.cluster.programs import Programs

__all__ = ["kubectl_as"]

DIGEST: Final = f"sha256:{'a' * 64}"
VALUES: Final = {
    "PROJECT": "a-project",
    "REGION": "europe-west3",
    "BUCKET": "a-project-segments",
    "DOMAIN": "example.org",
    "HOST": "dagster.example.org",
    "IMAGES": "registry.example.org/a-project",
    "DIGEST": DIGEST,
    "ELASTICSEARCH_DIGEST": DIGEST,
}
BUILT_IN: Final = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apps",
        "batch",
        "networking.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    }
)
"""Groups of kinds that an API server knows by itself."""
OVERLAYS: Final = ("overlays/local", "overlays/gcp", "addons/elasticsearch")
"""The user interface has only kinds that are others'."""


@pytest.fixture
def values(tmp_path: Path) -> Path:
    path = tmp_path / "values.json"
    path.write_text(json.dumps(VALUES), encoding="utf-8")
    return path


@pytest.mark.usefixtures("kubectl_as")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_accepted_without_a_warning(
    programs: Programs, kubectl: Kubectl, values: Path, overlay: str
) -> None:
    manifests = _rendered(programs, overlay, values)
    namespaces = yaml.safe_dump_all([m for m in manifests if m["kind"] == "Namespace"])
    succeeded(kubectl("apply", "-f", "-", text=namespaces))
    text = yaml.safe_dump_all([m for m in manifests if _is_built_in(m)])
    done = kubectl("apply", "--dry-run=server", "-f", "-", text=text)
    succeeded(done)
    assert "Warning" not in done.stderr


@pytest.mark.parametrize("overlay", ("overlays/gcp", "addons/elasticsearch"))
def test_what_google_runs_is_named_by_its_digest(
    programs: Programs, values: Path, overlay: str
) -> None:
    images = _images(_rendered(programs, overlay, values))
    assert images
    assert all(image.endswith(f"@{DIGEST}") for image in images)


def test_runs_are_made_of_the_image_that_the_daemon_is_made_of(
    programs: Programs, values: Path
) -> None:
    manifests = _rendered(programs, "overlays/gcp", values)
    (runs,) = (m for m in manifests if m["metadata"]["name"] == "run-image")
    daemon = {image for m in manifests if m["kind"] == "Deployment" for image in _images([m])}
    assert daemon == {runs["data"]["image"]}


@pytest.mark.usefixtures("kubectl_as")
def test_the_pods_are_admitted_where_security_is_enforced(
    programs: Programs, kubectl: Kubectl, values: Path
) -> None:
    manifests = _rendered(programs, "overlays/local", values)
    pods = [pod for m in manifests if (pod := _pod(m)) is not None]
    assert len(pods) == 5
    for pod in pods:
        succeeded(create(kubectl, pod, "--dry-run=server"))
    pods[0]["spec"]["containers"][0]["securityContext"]["capabilities"] = {"add": ["NET_RAW"]}
    assert "violates PodSecurity" in create(kubectl, pods[0], "--dry-run=server").stderr


@pytest.mark.usefixtures("kubectl_as")
def test_the_audit_log_tells_of_a_secret_without_its_value(
    control_plane: ControlPlane, kubectl: Kubectl
) -> None:
    name, planted = "planted-for-the-audit", "hunter2-planted-for-the-audit"
    made = f"--from-literal=password={planted}"
    succeeded(kubectl("create", "secret", "generic", name, made, "-n", NAMESPACE))
    succeeded(kubectl("get", "secret", name, "-n", NAMESPACE, "-o", "yaml"))
    succeeded(kubectl("delete", "secret", name, "-n", NAMESPACE))
    succeeded(create(kubectl, namespace_of("planted"), "--dry-run=server"))
    log = control_plane.audit_log.read_text(encoding="utf-8")
    assert name in log
    assert planted not in log
    # Of what gives no value away, the log says what was asked.
    assert '"requestObject":{"kind":"Namespace"' in log


def _rendered(programs: Programs, overlay: str, values: Path) -> list[Any]:
    done = subprocess.run(
        [
            *(sys.executable, DEPLOY / "render.py", overlay),
            *("--values", values, "--kubectl", programs.kubectl),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    succeeded(done)
    return list(yaml.safe_load_all(done.stdout))


def _is_built_in(manifest: Any) -> bool:
    return str(manifest["apiVersion"]).rpartition("/")[0] in BUILT_IN


def _images(manifests: list[Any]) -> list[str]:
    found = []
    for manifest in manifests:
        spec = manifest.get("spec", {})
        if isinstance(spec.get("image"), str):
            found.append(spec["image"])
        if (pod := _pod(manifest)) is not None:
            containers = [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
            found += [container["image"] for container in containers]
    return found


def _pod(manifest: Any) -> Any:
    """The pod that a workload of ours makes."""
    spec = manifest.get("spec", {})
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    if manifest["kind"] not in {"Deployment", "StatefulSet", "CronJob"}:
        return None
    name = {"name": manifest["metadata"]["name"], "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": name, "spec": spec["template"]["spec"]}
