"""A number in Elasticsearch, by which a cluster shows that it was put back to an earlier state.

Each deployment has an index of its own for it: several may share a cluster.
"""

from typing import Final

from elasticsearch import BadRequestError, ConflictError, Elasticsearch, NotFoundError

from coworker_pipelines.documents import names
from coworker_pipelines.documents.client import ask, translated

_ID: Final = "marker"
_MAPPINGS: Final = {"dynamic": False, "properties": {"number": {"type": "long"}}}


def read_marker(client: Elasticsearch, deployment: str) -> int:
    """The number; 0 where there is none."""

    def read() -> int:
        try:
            answer = client.get(index=names.instance_index(deployment), id=_ID)
        except NotFoundError:
            return 0
        return int(answer["_source"]["number"])

    return ask(read)


def raise_marker(client: Elasticsearch, deployment: str, number: int, *, replicas: int) -> None:
    """After this the number is this one, durably, or was higher before."""
    index = names.instance_index(deployment)
    with translated():
        _make_index(client, index, replicas)
        try:
            client.index(
                index=index,
                id=_ID,
                document={"number": number},
                version=number,
                version_type="external_gte",
                refresh=True,
            )
        except ConflictError:
            return


def _make_index(client: Elasticsearch, index: str, replicas: int) -> None:
    if client.indices.exists(index=index):
        return
    try:
        client.indices.create(
            index=index,
            settings={"number_of_shards": 1, "number_of_replicas": replicas},
            mappings=_MAPPINGS,
        )
    except BadRequestError as error:
        if error.error != "resource_already_exists_exception":
            raise
