"""The door to the API: what it says when it stays shut."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
import yaml

from coworker_pipelines.cluster.client import (
    Cluster,
    ClusterAddress,
    Conflict,
    Done,
    Missing,
    open_cluster,
)
from coworker_pipelines.cluster.names import DAEMON, OWN_NAMESPACE
from coworker_pipelines.cluster.places import Place, Verb, namespace_place
from coworker_pipelines.cluster.rights import (
    Account,
    Right,
    account_may,
    control_plane_limits,
    control_plane_rights,
    excess_rights,
    missing_rights,
    own_user,
)
from coworker_pipelines.kernel.errors import (
    CoworkerError,
    DefectError,
    RefusedError,
    RetryLaterError,
    TenantActionError,
)
from coworker_pipelines.services.ports import LOOPBACK
from tests.cluster.certificates import write_certificates
from tests.cluster.control_plane import ControlPlane

SECRETS = Place(resource="secrets", namespace="somewhere", name="one")


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TenantActionError, match=r"no kubeconfig .*/config: correct COWORKER_"):
        open_cluster(ClusterAddress(kubeconfig=tmp_path / "config"))


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump({"clusters": [], "contexts": [], "users": []}))
    with pytest.raises(TenantActionError, match="has no context production"):
        open_cluster(ClusterAddress(kubeconfig=path, context="production"))
    with pytest.raises(TenantActionError, match="has no current context"):
        open_cluster(ClusterAddress(kubeconfig=path))


def test_outside_of_a_cluster_a_kubeconfig_is_asked_for() -> None:
    with pytest.raises(TenantActionError, match="COWORKER_KUBECONFIG"):
        open_cluster(ClusterAddress())


def _kubeconfig(path: Path, server: str, *, token: str = "", certificate: str = "") -> Path:
    entry = {"server": server, **({"certificate-authority": certificate} if certificate else {})}
    content = {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "clusters": [{"name": "one", "cluster": entry}],
        "users": [{"name": "one", "user": {"token": token or "nobody"}}],
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_cluster_that_does_not_answer_is_told(tmp_path: Path) -> None:
    address = ClusterAddress(kubeconfig=_kubeconfig(tmp_path / "config", f"http://{LOOPBACK}:9"))
    with (
        open_cluster(address) as cluster,
        pytest.raises(RetryLaterError, match=f"does not answer at http://{LOOPBACK}:9"),
    ):
        cluster.ask(Verb.GET, SECRETS)


def test_a_certificate_of_another_authority_is_refused(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    write_certificates(tmp_path)
    kubeconfig = _kubeconfig(
        tmp_path / "config", control_plane.server, certificate=str(tmp_path / "ca.crt")
    )
    with (
        open_cluster(ClusterAddress(kubeconfig=kubeconfig)) as cluster,
        pytest.raises(RefusedError, match=r"certificate .* is not trusted"),
    ):
        cluster.ask(Verb.GET, SECRETS)


def test_an_unknown_token_is_told(control_plane: ControlPlane, tmp_path: Path) -> None:
    kubeconfig = _kubeconfig(
        tmp_path / "config",
        control_plane.server,
        token="made-up-token",
        certificate=str(control_plane.certificate),
    )
    with (
        open_cluster(ClusterAddress(kubeconfig=kubeconfig)) as cluster,
        pytest.raises(RefusedError, match="does not know who asks") as refused,
    ):
        cluster.ask(Verb.GET, SECRETS)
    assert "made-up-token" not in str(refused.value)


def test_what_a_caller_reckons_with_is_an_answer(control_plane: ControlPlane) -> None:
    with open_cluster(ClusterAddress(kubeconfig=control_plane.kubeconfig)) as cluster:
        place = Place(resource="configmaps", namespace="default", name="answers")
        body: dict[str, Any] = {"metadata": {"name": "answers"}, "data": {"one": "1"}}
        assert cluster.ask(Verb.GET, place) == Missing()
        assert cluster.ask(Verb.DELETE, place) == Missing()
        assert isinstance(cluster.ask(Verb.CREATE, place, body), Done)
        assert cluster.ask(Verb.CREATE, place, body) == Conflict()
        cluster.apply(
            place, {"apiVersion": "v1", "kind": "ConfigMap", **body, "data": {"two": "2"}}
        )
        found = cluster.ask(Verb.GET, place)
        assert isinstance(found, Done)
        assert found.body["data"]["two"] == "2"
        listed = cluster.ask(Verb.LIST, Place(resource="configmaps", namespace="default"))
        assert isinstance(listed, Done)
        assert "answers" in {item["metadata"]["name"] for item in listed.body["items"]}
        assert isinstance(cluster.ask(Verb.DELETE, place), Done)
        with pytest.raises(DefectError, match=r"malformed: metadata\.name"):
            cluster.ask(Verb.CREATE, place, {"metadata": {"name": "Not A Name"}})


def test_rights_are_asked_of_the_cluster_itself(
    cluster: Cluster, control_plane: ControlPlane, control_plane_account: Account, tenant: str
) -> None:
    namespace = f"cw-{tenant}"
    assert own_user(cluster) == control_plane_account.user
    assert missing_rights(cluster, control_plane_rights(namespace)) == []
    assert excess_rights(cluster, control_plane_limits(namespace)) == []
    assert excess_rights(cluster, control_plane_limits()) == []
    elsewhere = control_plane_rights("kube-system")
    assert missing_rights(cluster, elsewhere) == list(elsewhere)
    right = Right(verb="create", resource="secrets", namespace=namespace)
    daemon = control_plane.kubeconfig_of(Account(namespace=OWN_NAMESPACE, name=DAEMON))
    with (
        open_cluster(ClusterAddress(kubeconfig=daemon)) as asking,
        pytest.raises(RefusedError, match=r"daemon .* may not create subjectaccessreviews"),
    ):
        account_may(asking, control_plane_account, right)
    with open_cluster(ClusterAddress(kubeconfig=control_plane.kubeconfig)) as admin:
        assert account_may(admin, control_plane_account, right)
        run = Account(namespace=namespace, name="run")
        assert not account_may(admin, run, right)
        assert excess_rights(admin, control_plane_limits()) == list(control_plane_limits())


@contextmanager
def _answering(status: int, content: bytes, **headers: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer((LOOPBACK, 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "verdict", "sentence"),
    (
        (429, {"details": {"retryAfterSeconds": 7}}, RetryLaterError, "too much to do"),
        (500, {}, RetryLaterError, "failed .status 500."),
        (503, b"<html>a proxy speaks</html>", RetryLaterError, "failed .status 503."),
        (413, {}, RefusedError, "too large"),
        (405, {}, DefectError, "does not understand get of namespaces"),
        (
            403,
            {"message": "admission webhook said no"},
            RefusedError,
            "rule of the cluster forbids get of namespaces: admission webhook said no",
        ),
    ),
)
def test_every_refusal_has_a_verdict(
    tmp_path: Path,
    status: int,
    body: dict[str, Any] | bytes,
    verdict: type[CoworkerError],
    sentence: str,
) -> None:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    with _answering(status, content) as server:
        address = ClusterAddress(kubeconfig=_kubeconfig(tmp_path / "config", server))
        with open_cluster(address) as cluster, pytest.raises(verdict, match=sentence) as raised:
            cluster.ask(Verb.GET, namespace_place("one"))
    if isinstance(raised.value, RetryLaterError) and status == 429:
        assert raised.value.retry_after_s == 7
