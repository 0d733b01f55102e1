import base64
import time

from kubernetes import client

from coworker_pipelines.kernel.ids import IdPrefix, new_id
from tests.cluster.conftest import Kubectl
from tests.cluster.control_plane import ControlPlane, ServiceAccount

PLANTED = "hunter2-planted-in-etcd"


def _namespace(admin: client.CoreV1Api) -> str:
    name = f"cw-{new_id(IdPrefix.TENANT)}"
    admin.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name)))
    return name


def _until_there(admin: client.CoreV1Api, namespace: str) -> None:
    for _ in range(100):
        if admin.list_namespaced_service_account(namespace).items:
            return
        time.sleep(0.1)
    raise AssertionError(namespace)


def test_a_secret_is_encrypted_where_it_rests(
    control_plane: ControlPlane, admin: client.CoreV1Api
) -> None:
    namespace = _namespace(admin)
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
    control_plane: ControlPlane, admin: client.CoreV1Api, kubectl: Kubectl
) -> None:
    namespace = _namespace(admin)
    _until_there(admin, namespace)
    account = ServiceAccount(namespace=namespace, name="default")
    with control_plane.api(control_plane.token(account)) as api:
        review = client.AuthenticationV1Api(api).create_self_subject_review({})
    assert review.status.user_info.username == account.user
    asked = kubectl("auth", "can-i", "get", "secrets", f"--as={account.user}", "-n", namespace)
    assert asked.stdout.strip() == "no"


def test_a_job_gets_its_pod(
    control_plane: ControlPlane, admin: client.CoreV1Api, kubectl: Kubectl
) -> None:
    namespace = _namespace(admin)
    _until_there(admin, namespace)
    made = kubectl("create", "job", "one", "--image=none", "-n", namespace, "--", "true")
    assert made.returncode == 0, made.stderr
    for _ in range(100):
        if pods := admin.list_namespaced_pod(namespace).items:
            break
        time.sleep(0.1)
    assert [pod.metadata.labels["batch.kubernetes.io/job-name"] for pod in pods] == ["one"]
    assert control_plane.audit_log.read_text(encoding="utf-8").count("create") > 0
