"""A real control plane on loopback: etcd, the API server, the controllers. No node."""

import base64
import secrets
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from ssl import create_default_context
from typing import Final
from urllib.error import URLError

import yaml
from kubernetes import client

from coworker_pipelines.cluster.rights import Account
from coworker_pipelines.services.files import write_private
from coworker_pipelines.services.ports import LOOPBACK
from coworker_pipelines.services.waiting import await_value
from tests.cluster.certificates import write_certificates, write_signing_key
from tests.cluster.programs import Programs

_ENDING_WITH_US: Final = ("setpriv", "--pdeathsig", "KILL")
"""However the tests end, their servers do not outlive them."""
_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 10.0
_TOKEN_LIFE_S: Final = 3_600
_AUDIENCE: Final = "https://kubernetes.default.svc"
_CONTROLLERS: Final = (
    "cronjob-controller",
    "disruption-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "ttl-after-finished-controller",
)
_EVERYTHING_AS_METADATA: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


class ControlPlane:
    """Its address, its administrator, and ways to ask it as anybody. Files are in ``folder``."""

    def __init__(self, folder: Path, server: str, admin_token: str) -> None:
        self.folder = folder
        self.server = server
        self.admin_token = admin_token

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def etcd_files(self) -> Path:
        """Where the values of all objects rest."""
        return self.folder / "etcd"

    @property
    def audit_log(self) -> Path:
        return self.folder / "audit.log"

    @cached_property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.write_kubeconfig(self.folder / "admin.kubeconfig", self.admin_token)

    @cached_property
    def admin(self) -> client.ApiClient:
        return self.api(self.admin_token)

    def api(self, token: str) -> client.ApiClient:
        """A client that asks with this token; the caller closes it."""
        configuration = client.Configuration()
        configuration.host = self.server
        configuration.ssl_ca_cert = str(self.certificate)
        configuration.api_key = {"authorization": f"Bearer {token}"}
        return client.ApiClient(configuration)

    def token(self, account: Account) -> str:
        """A real, expiring token of a service account that exists, as a pod would be given."""
        request = client.AuthenticationV1TokenRequest(
            spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=_TOKEN_LIFE_S)
        )
        answer = client.CoreV1Api(self.admin).create_namespaced_service_account_token(
            account.name, account.namespace, request
        )
        return str(answer.status.token)

    def kubeconfig_of(self, account: Account) -> Path:
        """A kubeconfig that asks as a service account that exists."""
        path = self.folder / f"{account.namespace}.{account.name}.kubeconfig"
        return self.write_kubeconfig(path, self.token(account), namespace=account.namespace)

    def write_kubeconfig(self, path: Path, token: str, *, namespace: str = "default") -> Path:
        authority = base64.b64encode(self.certificate.read_bytes()).decode()
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [
                {
                    "name": "tests",
                    "cluster": {"server": self.server, "certificate-authority-data": authority},
                }
            ],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [
                {
                    "name": "tests",
                    "context": {"cluster": "tests", "user": "user", "namespace": namespace},
                }
            ],
        }
        write_private(path, yaml.safe_dump(content).encode())
        return path


@contextmanager
def running_control_plane(
    programs: Programs, folder: Path, *, audit_policy: Path | None = None
) -> Iterator[ControlPlane]:
    """A control plane that answers; all its processes have ended afterwards."""
    etcd_port, peer_port, api_port = _free_ports(3)
    admin_token, manager_token = secrets.token_hex(16), secrets.token_hex(16)
    plane = ControlPlane(folder, f"https://{LOOPBACK}:{api_port}", admin_token)
    _write_files(folder, admin_token, manager_token, audit_policy)
    manager = plane.write_kubeconfig(folder / "controller-manager.kubeconfig", manager_token)
    with ExitStack() as running:
        etcd = running.enter_context(
            _process(folder / "etcd.log", _etcd(programs, folder, etcd_port, peer_port))
        )
        _await_answer(f"http://{LOOPBACK}:{etcd_port}/health", plane, etcd, "etcd")
        apiserver = running.enter_context(
            _process(folder / "apiserver.log", _apiserver(programs, folder, etcd_port, api_port))
        )
        _await_answer(f"{plane.server}/readyz", plane, apiserver, "The API server")
        running.enter_context(
            _process(folder / "controllers.log", _controllers(programs, folder, manager))
        )
        yield plane


def _write_files(
    folder: Path, admin_token: str, manager_token: str, audit_policy: Path | None
) -> None:
    write_certificates(folder)
    write_signing_key(folder / "service-accounts.key")
    tokens = (
        f'{admin_token},admin,admin,"system:masters"\n'
        f'{manager_token},system:kube-controller-manager,manager,"system:masters"\n'
    )
    write_private(folder / "tokens.csv", tokens.encode())
    secretbox = {"keys": [{"name": "tests", "secret": base64.b64encode(_key()).decode()}]}
    encryption = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [
            {"resources": ["secrets"], "providers": [{"secretbox": secretbox}, {"identity": {}}]}
        ],
    }
    write_private(folder / "encryption.yaml", yaml.safe_dump(encryption).encode())
    policy = (
        yaml.safe_dump(_EVERYTHING_AS_METADATA)
        if audit_policy is None
        else audit_policy.read_text(encoding="utf-8")
    )
    (folder / "audit-policy.yaml").write_text(policy, encoding="utf-8")


def _key() -> bytes:
    return secrets.token_bytes(32)


def _etcd(programs: Programs, folder: Path, port: int, peer_port: int) -> Sequence[str | Path]:
    address, peer = f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{peer_port}"
    return [
        programs.etcd,
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={address}",
        f"--advertise-client-urls={address}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
    ]


def _apiserver(programs: Programs, folder: Path, etcd_port: int, port: int) -> Sequence[str | Path]:
    return [
        programs.apiserver,
        f"--etcd-servers=http://{LOOPBACK}:{etcd_port}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--tls-cert-file={folder / 'server.crt'}",
        f"--tls-private-key-file={folder / 'server.key'}",
        f"--cert-dir={folder / 'certificates'}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=true",
        f"--token-auth-file={folder / 'tokens.csv'}",
        f"--service-account-issuer={_AUDIENCE}",
        f"--service-account-key-file={folder / 'service-accounts.key'}",
        f"--service-account-signing-key-file={folder / 'service-accounts.key'}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--endpoint-reconciler-type=none",
        f"--encryption-provider-config={folder / 'encryption.yaml'}",
        f"--audit-policy-file={folder / 'audit-policy.yaml'}",
        f"--audit-log-path={folder / 'audit.log'}",
    ]


def _controllers(programs: Programs, folder: Path, kubeconfig: Path) -> Sequence[str | Path]:
    return [
        programs.controller_manager,
        f"--kubeconfig={kubeconfig}",
        f"--service-account-private-key-file={folder / 'service-accounts.key'}",
        f"--root-ca-file={folder / 'ca.crt'}",
        f"--controllers={','.join(_CONTROLLERS)}",
        f"--bind-address={LOOPBACK}",
        "--secure-port=0",
        "--leader-elect=false",
        "--concurrent-job-syncs=2",
    ]


@contextmanager
def _process(log: Path, command: Sequence[str | Path]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_ENDING_WITH_US, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_TIMEOUT_S)


def _await_answer(url: str, plane: ControlPlane, process: subprocess.Popen[bytes], of: str) -> None:
    context = create_default_context(cafile=plane.certificate)

    def answers() -> bool | None:
        try:
            with urllib.request.urlopen(url, timeout=1, context=context) as answer:  # noqa: S310
                return answer.status == 200 or None
        except (URLError, OSError):
            return None

    await_value(answers, of=of, is_alive=lambda: process.poll() is None, timeout_s=_START_TIMEOUT_S)


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; held together, so that no two are the same."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in probes]
