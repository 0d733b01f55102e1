"""The node's own rules, short of starting it."""

import socket
from pathlib import Path

import pytest
import urllib3

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.services.account import server_account
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.docker import run_command
from coworker_pipelines.services.elasticsearch import ElasticsearchNode, password_hash
from coworker_pipelines.services.java import Jdk


def test_a_port_in_use_is_refused_by_name_before_anything_is_made(tmp_path: Path) -> None:
    node = ElasticsearchNode(folder=tmp_path / "node", password=Secret("planted"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TenantActionError, match=f"Port {port} is in use"):
            node.start(
                home=tmp_path,
                jdk=Jdk(home=tmp_path, version=21),
                account=server_account(),
                port=port,
                environment={},
                progress=lambda _: None,
            )
    assert not (tmp_path / "node").exists()


def test_a_hash_holds_no_password_and_differs_by_salt() -> None:
    first, second = (password_hash(Secret("planted"), salt=salt * 32) for salt in (b"a", b"b"))
    assert first.startswith("{PBKDF2}10000$")
    assert "planted" not in first
    assert first != second


def test_the_containers_command_holds_no_password() -> None:
    command = run_command("coworker-x", port=9200)
    assert "ELASTIC_PASSWORD" in command
    assert not any(word.startswith("ELASTIC_PASSWORD=") for word in command)
    assert "127.0.0.1:9200:9200" in command


def test_nobody_enters_without_a_password(elasticsearch_address: ElasticsearchAddress) -> None:
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request("GET", f"{elasticsearch_address.url}/_cluster/health", timeout=10)
    assert answer.status == 401


def test_an_index_is_not_made_by_writing_to_it(
    elasticsearch_address: ElasticsearchAddress,
) -> None:
    assert elasticsearch_address.password is not None
    password = elasticsearch_address.password.get_secret_value()
    headers = urllib3.make_headers(basic_auth=f"{elasticsearch_address.user}:{password}")
    with urllib3.PoolManager(headers=headers, retries=False) as pool:
        answer = pool.request(
            "PUT",
            f"{elasticsearch_address.url}/not-made/_doc/1",
            body=b"{}",
            headers={**headers, "content-type": "application/json"},
            timeout=10,
        )
    assert answer.status == 404
