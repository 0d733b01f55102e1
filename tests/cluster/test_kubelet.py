"""The node of the tests behaves like a real one where the tests of the cluster rely on it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.cluster.kubelet import Fate, Kubelet

SLEEP = "import time; time.sleep(60)"
MOUNT = "/var/run/coworker-kubelet-test"
LOOK = f"""
import os, stat
for folder, _, names in os.walk({MOUNT!r}, followlinks=True):
    for name in names:
        path = os.path.join(folder, name)
        if "/.." not in path:
            print(path, oct(stat.S_IMODE(os.stat(path).st_mode)), open(path).read())
print("variable", os.environ["GIVEN"], "HOME" in os.environ)
try:
    open({MOUNT!r} + "/new", "w")
except OSError as error:
    print(error.strerror)
"""
WATCH = f"""
import time
seen = None
while seen != "two":
    now = open({MOUNT!r} + "/password").read()
    if now != seen:
        print(now, flush=True)
    seen = now
    time.sleep(0.05)
"""


def _pod(
    core: client.CoreV1Api, namespace: str, program: str, volume: dict[str, Any] | None = None
) -> str:
    container: dict[str, Any] = {
        "name": "main",
        "image": "none",
        "command": ["python", "-c", program],
        "env": [{"name": "GIVEN", "value": "yes"}],
    }
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "containers": [container],
    }
    if volume is not None:
        spec["volumes"] = [{"name": "values", **volume}]
        container["volumeMounts"] = [{"name": "values", "mountPath": MOUNT, "readOnly": True}]
    body = {"metadata": {"generateName": "pod-"}, "spec": spec}
    return str(core.create_namespaced_pod(namespace, body).metadata.name)


def _secret(core: client.CoreV1Api, namespace: str, name: str, **values: str) -> None:
    body = {"metadata": {"name": name}, "stringData": values}
    try:
        core.create_namespaced_secret(namespace, body)
    except ApiException:
        core.replace_namespaced_secret(name, namespace, body)


def _until(condition: Callable[[], Any]) -> Any:
    for _ in range(150):
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come true within 15 s")


def _status(core: client.CoreV1Api, namespace: str, name: str, phase: str) -> Any:
    def status() -> Any:
        found = core.read_namespaced_pod_status(name, namespace).status
        return found if found.phase == phase else None

    return _until(status)


def test_a_pod_sees_what_it_asks_for_and_nothing_else(
    admin: client.CoreV1Api, kubelet: Kubelet, namespace: str
) -> None:
    _secret(admin, namespace, "one", password="1", other="not asked for")
    _secret(admin, namespace, "two", key="2")
    projected = {
        "defaultMode": 0o400,
        "sources": [
            {"secret": {"name": "one", "items": [{"key": "password", "path": "source/password"}]}},
            {"secret": {"name": "two", "items": [{"key": "key", "path": "access/key"}]}},
            {"secret": {"name": "three", "optional": True}},
        ],
    }
    name = _pod(admin, namespace, LOOK, {"projected": projected})
    _status(admin, namespace, name, "Succeeded")
    assert sorted(kubelet.log(namespace, name).splitlines()) == [
        f"{MOUNT}/access/key 0o400 2",
        f"{MOUNT}/source/password 0o400 1",
        "Read-only file system",
        "variable yes False",
    ]
    assert list(Path(MOUNT).iterdir()) == []


def test_a_user_reads_a_closed_file_through_the_pods_group_alone(
    admin: client.CoreV1Api, kubelet: Kubelet, namespace: str
) -> None:
    kubelet.honours_users = True
    _secret(admin, namespace, "one", password="1")
    command = f"id -u; stat -L -c '%a %u %g' {MOUNT}/password; cat {MOUNT}/password"
    told = {}
    for name, context in (("grouped", {"fsGroup": 4242}), ("alone", {})):
        container = {
            "name": "main",
            "image": "none",
            "command": ["sh", "-c", command],
            "volumeMounts": [{"name": "values", "mountPath": MOUNT, "readOnly": True}],
        }
        volume = {"name": "values", "secret": {"secretName": "one", "defaultMode": 0o400}}
        spec = {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsUser": 4241, "runAsGroup": 4241, **context},
            "containers": [container],
            "volumes": [volume],
        }
        admin.create_namespaced_pod(namespace, {"metadata": {"name": name}, "spec": spec})
        _status(admin, namespace, name, "Succeeded" if context else "Failed")
        told[name] = kubelet.log(namespace, name).splitlines()
    assert told["grouped"] == ["4241", "440 0 4242", "1"]
    assert told["alone"][:2] == ["4241", "400 0 0"]
    assert "Permission denied" in told["alone"][2]


def test_a_changed_secret_reaches_a_pod_that_runs(
    admin: client.CoreV1Api, kubelet: Kubelet, namespace: str
) -> None:
    _secret(admin, namespace, "one", password="one")
    name = _pod(admin, namespace, WATCH, {"secret": {"secretName": "one"}})
    _until(lambda: kubelet.is_running(namespace, name) and "one" in kubelet.log(namespace, name))
    _secret(admin, namespace, "one", password="two")
    _status(admin, namespace, name, "Succeeded")
    assert kubelet.log(namespace, name) == "one\ntwo\n"


def test_a_missing_secret_keeps_a_pod_waiting_and_an_event_says_why(
    admin: client.CoreV1Api, kubelet: Kubelet, namespace: str
) -> None:
    name = _pod(admin, namespace, LOOK, {"secret": {"secretName": "late"}})
    events = _until(lambda: admin.list_namespaced_event(namespace).items)
    assert [(event.reason, event.message) for event in events] == [
        ("FailedMount", 'MountVolume.SetUp failed for volume "values" : secret "late" not found')
    ]
    waiting = _status(admin, namespace, name, "Pending").container_statuses[0].state.waiting
    assert waiting.reason == "ContainerCreating"
    _secret(admin, namespace, "late", password="1")
    _status(admin, namespace, name, "Succeeded")
    assert "password" in kubelet.log(namespace, name)


def test_an_end_is_told_with_its_code(
    admin: client.CoreV1Api, kubelet: Kubelet, namespace: str
) -> None:
    name = _pod(admin, namespace, "print('so long'); raise SystemExit(3)")
    status = _status(admin, namespace, name, "Failed")
    terminated = status.container_statuses[0].state.terminated
    assert (terminated.exit_code, terminated.reason) == (3, "Error")
    assert kubelet.log(namespace, name) == "so long\n"


def test_a_pod_can_be_killed_evicted_or_left_without_a_node(
    admin: client.CoreV1Api, kubelet: Kubelet, namespace: str
) -> None:
    killed, evicted = (_pod(admin, namespace, SLEEP) for _ in range(2))
    for name in (killed, evicted):
        _status(admin, namespace, name, "Running")
    kubelet.kill(namespace, killed)
    kubelet.evict(namespace, evicted)
    status = _status(admin, namespace, killed, "Failed")
    assert status.container_statuses[0].state.terminated.exit_code == 137
    assert _status(admin, namespace, evicted, "Failed").reason == "Evicted"
    kubelet.decide = lambda _: Fate.NEVER_SCHEDULE
    name = _pod(admin, namespace, SLEEP)
    status = _until(lambda: admin.read_namespaced_pod(name, namespace).status.conditions)
    assert [condition.reason for condition in status] == ["Unschedulable"]


def test_a_deleted_pod_is_asked_to_end_and_then_killed(
    admin: client.CoreV1Api, kubelet: Kubelet, namespace: str
) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True))\n"
    name = _pod(admin, namespace, f"{deaf}print('up', flush=True)\nwhile True: signal.pause()")
    _until(lambda: kubelet.is_running(namespace, name) and "up" in kubelet.log(namespace, name))
    admin.delete_namespaced_pod(name, namespace, grace_period_seconds=1)
    _until(lambda: not admin.list_namespaced_pod(namespace).items)
    assert kubelet.log(namespace, name) == "up\nasked\n"
