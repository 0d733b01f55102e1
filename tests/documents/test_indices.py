from dataclasses import replace

import pytest
from elasticsearch import Elasticsearch

from coworker_pipelines.documents import names
from coworker_pipelines.documents.indices import (
    ShardBudget,
    create_activities_index,
    create_documents_index,
    delete_connection_indices,
    delete_stream_index,
    shard_budget,
    stream_statistics,
)
from coworker_pipelines.documents.mapping import DOCUMENT_PROPERTIES, KEYWORD
from coworker_pipelines.documents.removal import delete_matching
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.segments.manifest import WriteMode
from tests.documents.place import STREAM, Place, Source, block, blocks, sources


def found(admin: Elasticsearch, place: Place) -> list[str]:
    return sorted(admin.indices.get(index=names.connection_pattern(place.scope)))


def test_making_an_index_again_changes_nothing(admin: Elasticsearch, place: Place) -> None:
    index = names.documents_index(place.scope, STREAM)
    before = admin.indices.get(index=index)[index]
    create_documents_index(admin, place.scope, STREAM, replicas=0)
    assert admin.indices.get(index=index)[index] == before
    assert before["aliases"] == {place.alias: {"is_write_index": True}}


def test_an_index_that_lost_its_alias_gets_it_back(admin: Elasticsearch, place: Place) -> None:
    index = names.documents_index(place.scope, STREAM)
    admin.indices.delete_alias(index=index, name=place.alias)
    create_documents_index(admin, place.scope, STREAM, replicas=0)
    assert admin.indices.get(index=index)[index]["aliases"] == {
        place.alias: {"is_write_index": True}
    }


def test_no_payload_makes_a_field(admin: Elasticsearch, place: Place) -> None:
    documents = [Source(key="a", payload={f"field{number}": number for number in range(2_000)})]
    list(place.writer().write([block(documents, WriteMode.VERSIONED)], WriteMode.VERSIONED))
    index = names.documents_index(place.scope, STREAM)
    mappings = admin.indices.get_mapping(index=index)[index]["mappings"]
    assert set(mappings["properties"]) == set(DOCUMENT_PROPERTIES)


def test_deleting_a_stream_leaves_the_others(admin: Elasticsearch, place: Place) -> None:
    create_documents_index(admin, place.scope, "Ärger/x", replicas=0)
    create_activities_index(admin, place.scope, {"id": KEYWORD}, replicas=0)
    delete_stream_index(admin, place.scope, STREAM)
    delete_stream_index(admin, place.scope, STREAM)
    assert found(admin, place) == sorted(
        [names.documents_index(place.scope, "Ärger/x"), names.activities_index(place.scope)]
    )


def test_deleting_a_connection_takes_every_epoch(admin: Elasticsearch, place: Place) -> None:
    create_documents_index(admin, replace(place.scope, epoch=2), STREAM, replicas=0)
    create_activities_index(admin, place.scope, {"id": KEYWORD}, replicas=0)
    delete_connection_indices(admin, place.scope)
    assert found(admin, place) == []


def test_an_index_beyond_the_budget_is_refused_in_a_sentence() -> None:
    ShardBudget(used=998, room=1_000).refuse_over(2)
    with pytest.raises(RefusedError, match="998 of its 1000 shards in use"):
        ShardBudget(used=998, room=1_000).refuse_over(3)


def test_the_budget_is_the_clusters_own(admin: Elasticsearch, place: Place) -> None:
    assert place.scope.epoch == 1  # an index exists
    budget = shard_budget(admin)
    assert 0 < budget.used < budget.room


def test_statistics_tell_documents_and_bytes(admin: Elasticsearch, place: Place) -> None:
    list(place.writer().write([block(sources(9), WriteMode.CREATED)], WriteMode.CREATED))
    place.writer().refresh()
    statistics = stream_statistics(admin, place.scope, STREAM)
    assert statistics.documents == 9
    assert statistics.stored_bytes > 0


def test_only_what_matches_is_removed(place: Place) -> None:
    documents = sources(6_000, sync="y1") + sources(10, start=6_000, sync="y2")
    list(place.writer().write(blocks(documents, WriteMode.VERSIONED), WriteMode.VERSIONED))
    query = {"term": {"sync": "y1"}}
    assert delete_matching(place.client, place.writer(), place.alias, query) == 6_000
    assert place.reader.count(STREAM) == place.reader.count(STREAM, sync="y2") == 10
    assert delete_matching(place.client, place.writer(), place.alias, query) == 0
