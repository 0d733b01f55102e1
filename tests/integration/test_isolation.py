"""Two tenants whose slugs are prefixes of each other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import ApiError, AuthorizationException, Elasticsearch

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.kernel.scope import Scope
from tests.integration.shop import ORDERS, Shop
from tests.integration.world import World

Call = Callable[[Elasticsearch, str], Any]

READS: dict[str, Call] = {
    "get": lambda client, index: client.get(index=index, id="1"),
    "mget": lambda client, index: client.mget(index=index, ids=["1"]),
    "exists_source": lambda client, index: client.get_source(index=index, id="1"),
    "search": lambda client, index: client.search(index=index),
    "msearch": lambda client, index: client.msearch(searches=[{"index": index}, {}]),
    "count": lambda client, index: client.count(index=index),
    "open_point_in_time": lambda client, index: client.open_point_in_time(
        index=index, keep_alive="1m"
    ),
    "field_caps": lambda client, index: client.field_caps(index=index, fields="*"),
    "termvectors": lambda client, index: client.termvectors(index=index, id="1"),
    "explain": lambda client, index: client.explain(index=index, id="1", query={"match_all": {}}),
    "get_mapping": lambda client, index: client.indices.get_mapping(index=index),
    "get_settings": lambda client, index: client.indices.get_settings(index=index),
    "get_index": lambda client, index: client.indices.get(index=index),
    "stats": lambda client, index: client.indices.stats(index=index),
}
WRITES: dict[str, Call] = {
    "index": lambda client, index: client.index(index=index, id="x", document={"key": "x"}),
    "create": lambda client, index: client.create(index=index, id="y", document={"key": "y"}),
    "update": lambda client, index: client.update(index=index, id="1", doc={"key": "z"}),
    "delete": lambda client, index: client.delete(index=index, id="1"),
    "bulk": lambda client, index: client.bulk(
        operations=[{"index": {"_index": index, "_id": "x"}}, {"key": "x"}]
    ),
    "refresh": lambda client, index: client.indices.refresh(index=index),
    "flush": lambda client, index: client.indices.flush(index=index),
    "forcemerge": lambda client, index: client.indices.forcemerge(index=index),
    "close": lambda client, index: client.indices.close(index=index),
    "delete_index": lambda client, index: client.indices.delete(index=index),
    "put_mapping": lambda client, index: client.indices.put_mapping(
        index=index, properties={"x": {"type": "keyword"}}
    ),
    "put_settings": lambda client, index: client.indices.put_settings(
        index=index, settings={"refresh_interval": "1s"}
    ),
    "put_alias": lambda client, index: client.indices.put_alias(index=index, name=f"{index}.mine"),
    "delete_alias": lambda client, index: client.indices.delete_alias(
        index=index, name=index.replace(".e1", ".alias.e1")
    ),
}
PATTERNS = ("*", "cw.*", "_all", "cw.*.documents.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """``client`` holds acme's key; the other is acme-corp's."""

    client: Elasticsearch
    own: Scope
    other: Scope


@pytest.fixture
def neighbours(world: World, tmp_path: Path) -> Iterator[Neighbours]:
    world.add_tenant("acme-corp")
    shop = Shop(tmp_path / "shop.sqlite", orders=50, products=5)
    handles = [world.add_connection(shop.form, tenant=slug) for slug in ("acme", "acme-corp")]
    for handle in handles:
        world.sync(handle, run=handle)
    with world.opened() as platform:
        with platform.database.control() as session:
            own, other = (find_connection(session, handle).scope for handle in handles)
        address = platform.own_address(handles[0])
    with open_client(address) as client:
        yield Neighbours(client=client, own=own, other=other)
    for handle in handles:
        world.remove(handle)


def test_every_read_and_write_of_the_others_is_refused(neighbours: Neighbours) -> None:
    index = names.documents_index(neighbours.other, ORDERS)
    alias = names.documents_alias(neighbours.other, ORDERS)
    activities = names.activities_index(neighbours.other)
    for target in (index, alias, activities):
        for name, call in (READS | WRITES).items():
            assert _is_refused(call, neighbours.client, target), f"{name} on {target}"


def test_its_own_documents_can_be_read_and_written(neighbours: Neighbours) -> None:
    alias = names.documents_alias(neighbours.own, ORDERS)
    for name in ("get", "mget", "search", "count", "open_point_in_time", "refresh"):
        (READS | WRITES)[name](neighbours.client, alias)
    assert neighbours.client.count(index=alias)["count"] == 50


def test_its_own_index_can_be_neither_made_nor_changed_nor_deleted(neighbours: Neighbours) -> None:
    index = names.documents_index(neighbours.own, ORDERS)
    for name in ("close", "delete_index", "put_settings", "put_alias", "delete_alias"):
        assert _is_refused(WRITES[name], neighbours.client, index), name
    late = names.documents_index(neighbours.own, "late")
    with pytest.raises(AuthorizationException):
        neighbours.client.indices.create(index=late)


def test_a_search_over_everything_finds_its_own_alone(neighbours: Neighbours) -> None:
    own = f"cw.{neighbours.own.tenant}.{neighbours.own.connection}."
    for pattern in PATTERNS:
        hits = neighbours.client.search(index=pattern, size=1_000)["hits"]["hits"]
        assert hits
        assert all(hit["_index"].startswith(own) for hit in hits), pattern


def _is_refused(call: Call, client: Elasticsearch, target: str) -> bool:
    """By 403 for the whole request, or for each of its items."""
    try:
        answer = call(client, target)
    except ApiError as error:
        return error.status_code == 403
    body = answer.body
    items = body.get("items") or body.get("docs") or body.get("responses") or []
    statuses = [next(iter(item.values())) if "items" in body else item for item in items]
    return bool(statuses) and all(
        status.get("status") == 403 or status.get("error", {}).get("type") == "security_exception"
        for status in statuses
    )
