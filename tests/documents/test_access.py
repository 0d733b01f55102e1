"""One connection's key against everything of another's, under names as alike as they can be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from elastic_transport import ApiResponse
from elasticsearch import ApiError, AuthenticationException, AuthorizationException, Elasticsearch

from coworker_pipelines.documents import names
from coworker_pipelines.documents.access import mint_key, revoke_keys
from coworker_pipelines.documents.client import open_client
from coworker_pipelines.documents.endpoint import Endpoint
from coworker_pipelines.documents.writer import DocumentsWriter
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.segments.manifest import WriteMode
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.documents.place import STREAM, Place, block, made_place, sources

MARK = "only-the-victim-has-this"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    thief: Place
    victim: Place

    @property
    def index(self) -> str:
        return names.documents_index(self.victim.scope, STREAM)


@pytest.fixture(
    scope="module", params=("another tenant", "another connection"), ids=lambda text: text[8:]
)
def pair(
    request: pytest.FixtureRequest,
    admin: Elasticsearch,
    elasticsearch_address: ElasticsearchAddress,
) -> Iterator[Pair]:
    """Ids that differ in their last character alone."""
    tenant, connection = new_id(IdPrefix.TENANT)[:-1], new_id(IdPrefix.CONNECTION)[:-1]
    other = "1" if request.param == "another tenant" else "0"
    thief = Scope(tenant=tenant + "0", connection=connection + "0", epoch=1)
    victim = Scope(
        tenant=tenant + other, connection=connection + ("1" if other == "0" else "0"), epoch=1
    )
    with (
        made_place(admin, elasticsearch_address, thief) as of_thief,
        made_place(admin, elasticsearch_address, victim) as of_victim,
    ):
        documents = sources(3, subject_keys=(MARK,))
        list(of_victim.writer().write([block(documents, WriteMode.CREATED)], WriteMode.CREATED))
        of_victim.writer().refresh()
        yield Pair(thief=of_thief, victim=of_victim)


Attack = Callable[[Elasticsearch, str], ApiResponse[Any]]
KEY = "k00000000"
BULK = {"index": {"_id": "stolen"}}

ATTACKS: dict[str, Attack] = {
    "get": lambda es, index: es.get(index=index, id=KEY),
    "source": lambda es, index: es.get_source(index=index, id=KEY),
    "exists": lambda es, index: es.perform_request("GET", f"/{index}/_doc/{KEY}"),
    "search": lambda es, index: es.search(index=index),
    "scroll": lambda es, index: es.search(index=index, scroll="1m"),
    "count": lambda es, index: es.count(index=index),
    "open point in time": lambda es, index: es.open_point_in_time(index=index, keep_alive="1m"),
    "explain": lambda es, index: es.explain(index=index, id=KEY, query={"match_all": {}}),
    "term vectors": lambda es, index: es.termvectors(index=index, id=KEY),
    "terms enum": lambda es, index: es.terms_enum(index=index, field="key"),
    "field capabilities": lambda es, index: es.field_caps(index=index, fields="*"),
    "validate": lambda es, index: es.indices.validate_query(index=index),
    "index": lambda es, index: es.index(index=index, id="stolen", document={}),
    "create": lambda es, index: es.create(index=index, id="stolen", document={}),
    "update": lambda es, index: es.update(index=index, id=KEY, doc={"sync": "stolen"}),
    "delete": lambda es, index: es.delete(index=index, id=KEY),
    "refresh": lambda es, index: es.indices.refresh(index=index),
    "flush": lambda es, index: es.indices.flush(index=index),
    "force merge": lambda es, index: es.indices.forcemerge(index=index),
    "clear cache": lambda es, index: es.indices.clear_cache(index=index),
    "mapping": lambda es, index: es.indices.get_mapping(index=index),
    "put mapping": lambda es, index: es.indices.put_mapping(index=index, properties={}),
    "settings": lambda es, index: es.indices.get_settings(index=index),
    "put settings": lambda es, index: es.indices.put_settings(
        index=index, settings={"refresh_interval": "1s"}
    ),
    "get index": lambda es, index: es.indices.get(index=index),
    "delete index": lambda es, index: es.indices.delete(index=index),
    "close": lambda es, index: es.indices.close(index=index),
    "aliases": lambda es, index: es.indices.get_alias(index=index),
    "put alias": lambda es, index: es.indices.put_alias(index=index, name="stolen"),
    "statistics": lambda es, index: es.indices.stats(index=index),
    "segments": lambda es, index: es.indices.segments(index=index),
    "recovery": lambda es, index: es.indices.recovery(index=index),
    "shard stores": lambda es, index: es.indices.shard_stores(index=index),
    "clone": lambda es, index: es.indices.clone(index=index, target=index + ".stolen"),
}

LOOKS: dict[str, Attack] = {
    "search everything": lambda es, _: es.search(size=100),
    "search a wildcard": lambda es, _: es.search(index="cw.*", size=100),
    "search its own alias and a wildcard": lambda es, index: es.search(
        index=f"{index[:-30]}*", size=100
    ),
    "aggregate": lambda es, _: es.search(
        index="*", aggregations={"all": {"terms": {"field": "subject_keys"}}}
    ),
    "point in time over all": lambda es, _: es.search(
        pit={"id": es.open_point_in_time(index="*", keep_alive="1m")["id"]}
    ),
    "mget": lambda es, index: es.mget(docs=[{"_index": index, "_id": KEY}]),
    "msearch": lambda es, index: es.msearch(searches=[{"index": index}, {}]),
    "cat indices": lambda es, _: es.cat.indices(format="json"),
    "cat aliases": lambda es, _: es.cat.aliases(format="json"),
    "cat shards": lambda es, _: es.cat.shards(format="json"),
    "cat count": lambda es, _: es.cat.count(index="cw.*", format="json"),
    "all aliases": lambda es, _: es.indices.get_alias(),
    "all mappings": lambda es, _: es.indices.get_mapping(index="*"),
    "all indices": lambda es, _: es.indices.get(index="*"),
    "all statistics": lambda es, _: es.indices.stats(),
    "search shards": lambda es, index: es.search_shards(index=index),
    "resolve": lambda es, _: es.indices.resolve_index(name="*"),
    "cluster state": lambda es, _: es.cluster.state(),
    "field capabilities of all": lambda es, _: es.field_caps(fields="*"),
    "other keys": lambda es, _: es.security.get_api_key(),
    "tasks": lambda es, _: es.perform_request("GET", "/_tasks?detailed=true"),
    "bulk": lambda es, index: es.bulk(index=index, operations=[BULK, {}]),
    "bulk item": lambda es, index: es.bulk(
        operations=[{"index": {"_index": index, "_id": "stolen"}}, {}]
    ),
    "bulk update": lambda es, index: es.bulk(
        operations=[{"update": {"_index": index, "_id": KEY}}, {"doc": {"sync": "stolen"}}]
    ),
    "bulk delete": lambda es, index: es.bulk(
        operations=[{"delete": {"_index": index, "_id": KEY}}]
    ),
    "refresh everything": lambda es, _: es.indices.refresh(index="*"),
}


@pytest.fixture(autouse=True)
def untouched(pair: Pair) -> Iterator[None]:
    """Whatever is tried, the victim's documents, settings and names stay as they were."""
    yield
    victim = pair.victim
    ids = [entry.key for entry in sources(3)]
    stored = victim.client.mget(index=pair.index, ids=[*ids, "stolen"])["docs"]
    assert [entry.get("_version") for entry in stored] == [1, 1, 1, None]
    found = victim.client.indices.get(index=pair.index)[pair.index]
    assert list(found["aliases"]) == [victim.alias]
    assert found["settings"]["index"]["refresh_interval"] == "30s"


@pytest.mark.parametrize("by", ("index", "alias"))
@pytest.mark.parametrize("name", ATTACKS)
def test_anothers_key_is_refused(pair: Pair, name: str, by: str) -> None:
    target = pair.index if by == "index" else pair.victim.alias
    with pytest.raises(ApiError) as refused:
        ATTACKS[name](pair.thief.client, target)
    assert refused.value.status_code == 403


@pytest.mark.parametrize("name", LOOKS)
def test_anothers_key_sees_and_changes_nothing(pair: Pair, name: str) -> None:
    answer = _answer(LOOKS[name], pair)
    text = orjson.dumps(answer).decode()
    assert MARK not in text
    # A refusal quotes the name that was asked for; nothing else may.
    assert pair.index not in text or "security_exception" in text


def _answer(look: Attack, pair: Pair) -> object:
    """What came back; nothing where it was refused."""
    try:
        return look(pair.thief.client, pair.index).body
    except AuthorizationException:
        return None


def test_a_view_that_its_owner_opened_is_of_no_use_to_another(pair: Pair) -> None:
    view = pair.victim.client.open_point_in_time(index=pair.index, keep_alive="1m")["id"]
    for thief, expected in ((pair.victim.client, 3), (pair.thief.client, 0)):
        try:
            hits = thief.search(pit={"id": view})["hits"]["hits"]
        except ApiError:
            hits = []
        assert len(hits) == expected


def test_our_own_writer_is_refused_on_anothers_alias(pair: Pair) -> None:
    writer = DocumentsWriter(pair.thief.endpoint, pair.victim.alias)
    for mode in WriteMode:
        with pytest.raises(RefusedError, match=r"refuses"):
            list(writer.write([block(sources(1), mode)], mode))


def test_a_key_makes_and_removes_no_index_of_its_own(pair: Pair) -> None:
    own = names.documents_index(pair.thief.scope, STREAM)
    client = pair.thief.client
    more = names.documents_index(pair.thief.scope, "more")
    attempts: tuple[Callable[[], object], ...] = (
        lambda: client.indices.create(index=more),
        lambda: client.index(index=more, document={}),
        lambda: client.indices.delete(index=own),
        lambda: client.indices.close(index=own),
        lambda: client.indices.put_alias(index=own, name=more),
        lambda: client.security.create_api_key(name="more"),
        lambda: client.cluster.put_settings(persistent={}),
    )
    for attempt in attempts:
        with pytest.raises(ApiError):
            attempt()


def test_a_rotation_leaves_no_run_without_a_key(
    admin: Elasticsearch, pair: Pair, elasticsearch_address: ElasticsearchAddress
) -> None:
    scope = Scope(tenant=new_id(IdPrefix.TENANT), connection=new_id(IdPrefix.CONNECTION), epoch=1)
    with made_place(admin, elasticsearch_address, scope) as place:
        newer = mint_key(admin, scope).value
        place.writer().refresh()
        revoke_keys(admin, scope, but=newer)
        with pytest.raises(RefusedError, match="revoked"):
            place.writer().refresh()
        address = ElasticsearchAddress(url=place.address.url, api_key=newer)
        endpoint = Endpoint(address)
        DocumentsWriter(endpoint, place.alias).refresh()
        endpoint.close()
        revoke_keys(admin, scope)
        with open_client(address) as client, pytest.raises(AuthenticationException):
            client.count(index=place.alias)
    assert pair.victim.reader.count(STREAM) == 3


def test_a_control_plane_with_a_key_alone_is_told_to_bring_a_user(
    admin: Elasticsearch, elasticsearch_address: ElasticsearchAddress
) -> None:
    key = Secret(admin.security.create_api_key(name="control")["encoded"])
    address = ElasticsearchAddress(url=elasticsearch_address.url, api_key=key)
    scope = Scope(tenant=new_id(IdPrefix.TENANT), connection=new_id(IdPrefix.CONNECTION), epoch=1)
    with open_client(address) as client, pytest.raises(RefusedError, match="a user"):
        mint_key(client, scope)
