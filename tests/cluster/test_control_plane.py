import base64
import time

from kubernetes import client

from coworker_pipelines.cluster.rights import Account
from tests.cluster.conftest import Kubectl
from tests.cluster.control_plane import ControlPlane

PLANTED = "hunter2-planted-in-etcd"


def test_a_secret_is_encrypted_where_it_rests(
    control_plane: ControlPlane, admin: client.CoreV1Api, namespace: str
) -> None:
    metadata = client.V1ObjectMeta(name="planted")
    secret = client.V1Secret(metadata=metadata, string_data={"password": PLANTED})
    admin.create_namespaced_secret(namespace, secret)
    config = client.V1ConfigMap(metadata=metadata, data={"text": f"{PLANTED}-openly"})
    admin.create_namespaced_config_map(namespace, config)
    held = b"".join(p.read_bytes() for p in control_plane.etcd_files.rglob("*") if p.is_file())
    assert f"{PLANTED}-openly".encode() in held
    encoded = base64.b64encode(PLANTED.encode())
    assert held.replace(f"{PLANTED}-openly".encode(), b"").count(PLANTED.encode()) == 0
    assert encoded not in held


def test_a_service_account_has_a_real_token_and_no_rights(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    account = Account(namespace=namespace, name="default")
    with control_plane.api(control_plane.token(account)) as api:
        review = client.AuthenticationV1Api(api).create_self_subject_review({})
    assert review.status.user_info.username == account.user
    asked = kubectl("auth", "can-i", "get", "secrets", f"--as={account.user}", "-n", namespace)
    assert asked.stdout.strip() == "no"


def test_a_job_gets_its_pod(admin: client.CoreV1Api, kubectl: Kubectl, namespace: str) -> None:
    made = kubectl("create", "job", "one", "--image=none", "-n", namespace, "--", "true")
    assert made.returncode == 0, made.stderr
    for _ in range(100):
        if pods := admin.list_namespaced_pod(namespace).items:
            break
        time.sleep(0.1)
    assert [pod.metadata.labels["batch.kubernetes.io/job-name"] for pod in pods] == ["one"]
