"""A real node is well; each fault is planted into one that says what it is told to."""

from dataclasses import replace
from secrets import token_hex
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from coworker_pipelines.doctor.check import Outcome, Verdict
from coworker_pipelines.doctor.elasticsearch import CLUSTER_RIGHTS, elasticsearch_checks
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.documents.indices import SHARDS_PER_NODE_DEFAULT
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.doctor.asking import FAILED, NOT_APPLICABLE, OK, WARNING, answer
from tests.fakes.elasticsearch_answers import answering

NAMES = (
    "connects",
    "is spoken to over TLS",
    "refuses who does not say who he is",
    "license is active",
    "makes no index by itself",
    "control plane has its privileges",
    "has room for more shards",
)
PRIVILEGES, SUPERUSER = "control plane has its privileges", "control plane is no superuser"
SNAPSHOTS, SHARDS = "has a repository for snapshots", "has room for more shards"


def _asked(
    address: ElasticsearchAddress, name: str, *, is_local: bool = False, connections: int = 0
) -> Outcome:
    with open_client(address) as client:
        checks = elasticsearch_checks(
            lambda: client, lambda: address, lambda: connections, is_local=is_local
        )
        return answer(checks, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_node_as_we_start_it_is_well(
    elasticsearch_address: ElasticsearchAddress, name: str
) -> None:
    assert _asked(elasticsearch_address, name).verdict is OK


@pytest.mark.parametrize("name", (*NAMES, SUPERUSER, SNAPSHOTS))
def test_a_node_that_does_not_answer_fails_every_check(name: str) -> None:
    address = ElasticsearchAddress(url="http://127.0.0.1:1", user="ann", password=Secret("made-up"))
    found = _asked(address, name)
    if name == "is spoken to over TLS":
        assert found.verdict is OK
        return
    assert found.verdict is FAILED
    assert "could not be made" in found.seen


@pytest.mark.parametrize(
    ("url", "verdict"),
    (
        ("http://es.example.org:9200", FAILED),
        ("https://es.example.org:9200", OK),
        ("http://localhost:9200", OK),
        ("http://127.0.0.1.example.org:9200", FAILED),
    ),
)
def test_a_cluster_elsewhere_is_spoken_to_over_tls(url: str, verdict: Verdict) -> None:
    assert _asked(ElasticsearchAddress(url=url), "is spoken to over TLS").verdict is verdict


def _cluster(used: int, room: int) -> dict[str, Any]:
    return {
        "/_cluster/health": {
            "number_of_data_nodes": 1,
            "active_shards": used,
            "initializing_shards": 0,
            "unassigned_shards": 0,
        },
        "/_cluster/settings": {"persistent": {"cluster.max_shards_per_node": str(room)}},
        "/_cat/shards/cw.*": [],
    }


FAULTS: dict[str, tuple[dict[str, Any], Verdict, str]] = {
    "connects": (
        {"/_cluster/health": {"status": "red", "number_of_nodes": 3}},
        FAILED,
        "red, 3 nodes",
    ),
    "refuses who does not say who he is": (
        {"/_cluster/health": {"status": "green"}},
        FAILED,
        "it is answered",
    ),
    "license is active": (
        {"/_license": {"license": {"status": "expired", "type": "platinum"}}},
        FAILED,
        "platinum, expired",
    ),
    "makes no index by itself": (
        {"/_cluster/settings": {"persistent": {"action.auto_create_index": "true"}}},
        FAILED,
        "action.auto_create_index: true",
    ),
    SHARDS: (_cluster(850, 1_000), WARNING, "850 of 1,000; about 37 more"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(name: str) -> None:
    answers, verdict, seen = FAULTS[name]
    with answering(answers) as address:
        found = _asked(address, name)
    assert found.verdict is verdict
    assert seen in found.seen


def test_a_setting_that_is_nowhere_is_the_servers_own_default() -> None:
    with answering({"/_cluster/settings": {}}) as address:
        assert _asked(address, "makes no index by itself").verdict is FAILED


@pytest.mark.parametrize(("used", "verdict"), ((998, FAILED), (1_000, FAILED), (100, OK)))
def test_a_cluster_without_room_for_one_more_has_failed(used: int, verdict: Verdict) -> None:
    with answering(_cluster(used, 1_000)) as address:
        assert _asked(address, SHARDS).verdict is verdict


def test_the_room_for_shards_is_what_the_node_says(
    admin: Elasticsearch, elasticsearch_address: ElasticsearchAddress
) -> None:
    every = admin.cluster.get_settings(include_defaults=True, flat_settings=True)
    limit = int(every["defaults"]["cluster.max_shards_per_node"])
    assert limit != SHARDS_PER_NODE_DEFAULT, "The node's own limit has to differ from the default."
    assert f" of {limit:,};" in _asked(elasticsearch_address, SHARDS).seen


def test_what_a_connection_takes_is_learned_from_those_that_there_are() -> None:
    answers = _cluster(20, 1_000) | {"/_cat/shards/cw.*": [{"index": "cw.x"}] * 20}
    with answering(answers) as address:
        assert "about 98 more" in _asked(address, SHARDS, connections=2).seen


def test_a_user_who_lacks_a_right_is_found(
    admin: Elasticsearch, elasticsearch_address: ElasticsearchAddress
) -> None:
    name = f"weak-{token_hex(6)}"
    admin.security.put_role(
        name=name,
        cluster=["monitor", "monitor_snapshot", "manage_api_key"],
        indices=[{"names": ["cw.*"], "privileges": ["read"]}],
    )
    admin.security.put_user(username=name, password="made-up-long", roles=[name])
    address = replace(elasticsearch_address, user=name, password=Secret("made-up-long"))
    try:
        lacking = _asked(address, PRIVILEGES)
        plain = _asked(address, SUPERUSER)
        admin.security.put_role(
            name=name,
            cluster=list(CLUSTER_RIGHTS),
            indices=[{"names": ["cw.*"], "privileges": ["all"]}],
        )
        enough = _asked(address, PRIVILEGES)
    finally:
        admin.security.delete_user(username=name)
        admin.security.delete_role(name=name)
    assert lacking.verdict is FAILED
    assert lacking.seen == "missing: manage_index_templates, all on cw.*"
    assert (enough.verdict, plain.verdict) == (OK, OK)


def test_a_superuser_is_found_and_excused_on_its_own_machine_alone(
    elasticsearch_address: ElasticsearchAddress,
) -> None:
    assert _asked(elasticsearch_address, SUPERUSER).verdict is FAILED
    assert _asked(elasticsearch_address, SUPERUSER, is_local=True).verdict is NOT_APPLICABLE


def test_a_cluster_without_a_repository_is_warned_of() -> None:
    for answers, is_local, verdict in (
        ({}, False, WARNING),
        ({}, True, NOT_APPLICABLE),
        ({"nightly": {"type": "gcs"}}, False, OK),
    ):
        with answering({"/_snapshot": answers}) as address:
            assert _asked(address, SNAPSHOTS, is_local=is_local).verdict is verdict
