"""Whether Elasticsearch is reached, safe, and gives everybody just what he needs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from elastic_transport import ObjectApiResponse
from elasticsearch import Elasticsearch

from coworker_pipelines.doctor.check import Check, Outcome, Verdict, not_applicable, outcome
from coworker_pipelines.documents.client import open_client, translated
from coworker_pipelines.documents.indices import shard_budget
from coworker_pipelines.documents.patience import UnknownKeyError
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.ports import LOOPBACK

SUBJECT: Final = "elasticsearch"
REQUEST_S: Final = 10
SHARDS_TIGHT: Final = 0.8
SHARDS_OF_CONNECTION: Final = 4
"""Where there is none yet to learn from: three streams and the activities."""
CLUSTER_RIGHTS: Final = ("monitor", "monitor_snapshot", "manage_index_templates", "manage_api_key")
_OWN: Final = "cw.*"
_SAFE_HOSTS: Final = frozenset({LOOPBACK, "localhost", "::1"})
_AUTO_CREATE: Final = "action.auto_create_index"

Client = Callable[[], Elasticsearch]


def elasticsearch_checks(
    client: Client,
    address: Callable[[], ElasticsearchAddress],
    connections: Callable[[], int],
    *,
    is_local: bool,
) -> list[Check]:
    """``client`` has the control plane's rights; ``connections`` counts those that there are."""

    def hasty() -> Elasticsearch:
        return client().options(request_timeout=REQUEST_S)

    looks: Mapping[str, Callable[[], Outcome]] = {
        "connects": lambda: _health(hasty()),
        "is spoken to over TLS": lambda: _encrypted(address()),
        "refuses who does not say who he is": lambda: _closed(address()),
        "license is active": lambda: _license(hasty()),
        "makes no index by itself": lambda: _auto_create(hasty()),
        "control plane has its privileges": lambda: _privileges(hasty()),
        "control plane is no superuser": lambda: _superuser(hasty(), is_local=is_local),
        "has room for more shards": lambda: _shards(hasty(), connections()),
        "has a repository for snapshots": lambda: _snapshots(hasty(), is_local=is_local),
    }
    return [Check(subject=SUBJECT, name=name, look=look) for name, look in looks.items()]


def _health(client: Elasticsearch) -> Outcome:
    with translated():
        health = client.cluster.health(
            filter_path=["status", "number_of_nodes", "unassigned_primary_shards"]
        )
    return outcome(
        holds=health["status"] != "red",
        expected="the cluster answers, and every primary shard is there",
        seen=f"{health['status']}, {health['number_of_nodes']} nodes",
        advice="Look for the shards that are missing: GET _cluster/allocation/explain.",
    )


def _encrypted(address: ElasticsearchAddress) -> Outcome:
    parts = urlsplit(address.url)
    return outcome(
        holds=parts.scheme == "https" or parts.hostname in _SAFE_HOSTS,
        expected="https, or an address of this machine",
        seen=f"{parts.scheme} to {parts.hostname}",
        advice="Give COWORKER_ELASTICSEARCH_URL with https, and the authority's certificate in "
        "COWORKER_ELASTICSEARCH_CA_FILE.",
    )


def _closed(address: ElasticsearchAddress) -> Outcome:
    expected = "a request without a name is refused"
    stranger = replace(address, user=None, password=None, api_key=None)
    with open_client(stranger) as client:
        try:
            with translated():
                client.options(request_timeout=REQUEST_S).cluster.health()
        except UnknownKeyError:
            return outcome(holds=True, expected=expected, seen="it is refused", advice="")
    return outcome(
        holds=False,
        expected=expected,
        seen="it is answered",
        advice="Turn security on (xpack.security.enabled: true) and anonymous access off.",
    )


def _license(client: Elasticsearch) -> Outcome:
    with translated():
        found = client.license.get()["license"]
    return outcome(
        holds=found["status"] == "active",
        expected="active",
        seen=f"{found['type']}, {found['status']}",
        advice="Renew the license, or go back to the basic one: POST _license/start_basic.",
    )


def _auto_create(client: Elasticsearch) -> Outcome:
    with translated():
        settings = client.cluster.get_settings(
            include_defaults=True, flat_settings=True, filter_path="*.action*"
        )
    levels = (settings.get(level, {}) for level in ("transient", "persistent", "defaults"))
    value = next((level[_AUTO_CREATE] for level in levels if _AUTO_CREATE in level), "true")
    return outcome(
        holds=str(value).lower() == "false",
        expected=f"{_AUTO_CREATE}: false",
        seen=f"{_AUTO_CREATE}: {value}",
        advice=f"Set {_AUTO_CREATE} to false, so that a late writer finds nothing to write to.",
    )


def _privileges(client: Elasticsearch) -> Outcome:
    with translated():
        answer = client.security.has_privileges(
            cluster=list(CLUSTER_RIGHTS), index=[{"names": [_OWN], "privileges": ["all"]}]
        )
    missing = _held(answer, held=False)
    return outcome(
        holds=not missing,
        expected=f"{', '.join(CLUSTER_RIGHTS)} on the cluster and all on {_OWN}",
        seen=f"missing: {', '.join(missing)}" if missing else "all of them",
        advice=f"Give the role of the user {answer['username']} what is missing.",
    )


def _superuser(client: Elasticsearch, *, is_local: bool) -> Outcome:
    expected = "a role with what it needs, and no more"
    with translated():
        caller = client.security.authenticate()
    seen = f"{caller['username']}: {', '.join(caller['roles'])}"
    if is_local:
        return not_applicable(expected, f"{seen}, on this machine's own node")
    return outcome(
        holds="superuser" not in caller["roles"],
        expected=expected,
        seen=seen,
        advice="Make a role with the privileges that the check before this one names.",
    )


def _shards(client: Elasticsearch, connections: int) -> Outcome:
    with translated():
        budget = shard_budget(client)
        own = client.cat.shards(index=_OWN, format="json", h="index")
    of_one = max(1, round(len(own) / connections)) if connections and own else SHARDS_OF_CONNECTION
    left = max(0, budget.room - budget.used) // of_one
    is_tight = budget.used > SHARDS_TIGHT * budget.room
    return outcome(
        holds=not is_tight and left > 0,
        expected=f"at most {SHARDS_TIGHT:.0%} in use",
        seen=f"{budget.used:,} of {budget.room:,}; about {left:,} more connections fit",
        advice="Add a data node, raise cluster.max_shards_per_node, or take in fewer streams.",
        otherwise=Verdict.WARNING if left > 0 else Verdict.FAILED,
    )


def _snapshots(client: Elasticsearch, *, is_local: bool) -> Outcome:
    expected = "at least one repository"
    with translated():
        names = sorted(client.snapshot.get_repository().body)
    if is_local and not names:
        return not_applicable(expected, "none, for this machine's own node")
    return outcome(
        holds=bool(names),
        expected=expected,
        seen=", ".join(names) or "none",
        advice="Register one (PUT _snapshot/NAME), and a policy that fills it.",
        otherwise=Verdict.WARNING,
    )


def _held(answer: ObjectApiResponse[Any], *, held: bool) -> Sequence[str]:
    """Rights that the answer says are held, or are not."""
    cluster = [right for right, has in answer["cluster"].items() if has is held]
    indices = [
        f"{right} on {pattern}"
        for pattern, rights in answer["index"].items()
        for right, has in rights.items()
        if has is held
    ]
    return [*cluster, *indices]
