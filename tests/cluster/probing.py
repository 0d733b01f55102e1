"""What the probe tells from a pod that is a run's in all but its command."""

import json
from typing import Any

from kubernetes import client

from coworker_pipelines.cluster.names import namespace_of
from coworker_pipelines.documents import names
from coworker_pipelines.kernel.scope import Scope
from tests.cluster import probe
from tests.cluster.deployed import RUN_S, Deployed
from tests.defs.servers import ROOT, wait_until


def probed(world: Deployed, handle: str, run_id: str, foreign: Scope) -> Any:
    """It tries what is its own and what is ``foreign``."""
    own = world.scope(handle)
    namespace = namespace_of(own.tenant)
    template = world.plane.admin.sanitize_for_serialization(world.job(run_id))["spec"]
    spec = template["template"]["spec"]
    (container,) = spec["containers"]
    container["command"] = ["python", str(ROOT / "tests" / "cluster" / "probe.py")]
    asked = {
        "tenant": foreign.tenant,
        "elasticsearch": world.environment["COWORKER_ELASTICSEARCH_URL"],
        "aliases": {
            "own": names.documents_alias(own, "orders"),
            "foreign": names.documents_alias(foreign, "orders"),
        },
    }
    container["args"] = []
    container["env"].append({"name": probe.FOREIGN, "value": json.dumps(asked)})
    core = client.CoreV1Api(world.plane.admin)
    core.create_namespaced_pod(namespace, {"metadata": {"name": "probe"}, "spec": spec})
    wait_until(
        lambda: (
            core.read_namespaced_pod("probe", namespace).status.phase in {"Succeeded", "Failed"}
        ),
        RUN_S,
    )
    log = world.kubelet.log(namespace, "probe")
    assert core.read_namespaced_pod("probe", namespace).status.phase == "Succeeded", log
    return json.loads(log.splitlines()[-1])
