"""The rules that our manifests are held to, as functions that name what breaks them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

KUBERNETES: Final = Path(__file__).parents[2] / "deploy" / "kubernetes"
COMPONENT: Final = "coworker.io/component"
SPEAKS_TO_THE_API: Final = frozenset({"control-plane", "daemon"})
"""Whose standing pods have a token; the refresher's are runs."""

Manifest = Mapping[str, Any]


def read_manifests(folder: Path) -> Iterator[Manifest]:
    """All objects in the folder's files, but for those that kustomize or Dagster read."""
    for path in sorted(folder.rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if document and "apiVersion" in document and document["kind"] != "Kustomization":
                yield document


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = (m for m in manifests if m["kind"] == kind and m["metadata"]["name"] == name)
    return found


def pod_template(manifest: Manifest) -> Manifest | None:
    """The pod that a workload makes."""
    match manifest["kind"]:
        case "Deployment" | "StatefulSet" | "Job":
            template: Manifest = manifest["spec"]["template"]
        case "CronJob":
            template = manifest["spec"]["jobTemplate"]["spec"]["template"]
        case _:
            return None
    return template


def pod_faults(manifest: Manifest) -> Iterator[str]:
    """What a workload's pod is not allowed to be, or lacks."""
    template = pod_template(manifest)
    assert template is not None
    spec, component = template["spec"], template["metadata"]["labels"][COMPONENT]
    if spec.get("automountServiceAccountToken") is not (component in SPEAKS_TO_THE_API):
        yield "has a token of the API that it does not need, or lacks one"
    if spec.get("serviceAccountName") != component:
        yield "works as another's service account"
    if spec.get("enableServiceLinks") is not False:
        yield "gets the addresses of all services by its environment"
    if any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
        yield "shares something of its node"
    yield from _identity_faults(spec.get("securityContext", {}))
    yield from _volume_faults(spec.get("volumes", ()), component)
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        yield from container_faults(container)


def container_faults(container: Manifest) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        yield "may gain privileges"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "may change its own programs"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"
    for side in ("requests", "limits"):
        missing = {"cpu", "memory", "ephemeral-storage"} - set(
            container.get("resources", {}).get(side, ())
        )
        if missing:
            yield f"has no {side} of {', '.join(sorted(missing))}"
    if any("secretRef" in source for source in container.get("envFrom", ())):
        yield "gets a Secret by its environment"
    for variable in container.get("env", ()):
        if "secretKeyRef" in variable.get("valueFrom", {}):
            yield "gets a Secret by its environment"
    if container.get("ports") and not container.get("readinessProbe"):
        yield "listens and is not asked whether it answers"


def _identity_faults(security: Manifest) -> Iterator[str]:
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield "may be root"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "may make any system call"


def _volume_faults(volumes: list[Manifest], component: str) -> Iterator[str]:
    for volume in volumes:
        if "secret" in volume and volume["secret"]["secretName"] != component:
            yield "mounts another's Secret"
        if "secret" in volume and volume["secret"].get("defaultMode") != 0o400:
            yield "mounts a Secret that others may read"
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield "may fill its node's disk"
        if not {"secret", "emptyDir", "configMap"} & set(volume):
            yield "mounts something else than a Secret, a ConfigMap or scratch"


def egress(manifests: list[Manifest], component: str) -> frozenset[tuple[str, int]]:
    """Policy and port of everything that a component's pods may speak to."""
    labels = {COMPONENT: component, "app.kubernetes.io/component": component}
    return frozenset(
        (policy["metadata"]["name"], port["port"])
        for policy in manifests
        if policy["kind"] == "NetworkPolicy" and _selects(policy["spec"]["podSelector"], labels)
        for rule in policy["spec"].get("egress", ())
        for port in rule["ports"]
    )


def _selects(selector: Manifest, labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", ())
    )
