"""Run by dlt's own interpreter: a file of JSON lines, through dlt, into an index."""

import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import dlt  # type: ignore[import-not-found]  # it lives in an environment of its own
import orjson
from elasticsearch import Elasticsearch
from elasticsearch.helpers import bulk

PAGE = 1_000


def main(source: Path, index: str) -> None:
    with Elasticsearch(
        os.environ["RIVAL_URL"],
        basic_auth=(os.environ["RIVAL_USER"], os.environ["RIVAL_PASSWORD"]),
    ) as client:

        def write(items: list[dict[str, Any]], _table: dict[str, Any]) -> None:
            actions = ({"_index": index, "_id": item["id"], "_source": item} for item in items)
            bulk(client, actions, chunk_size=PAGE)

        destination = dlt.destination(write, batch_size=PAGE, name="elasticsearch")
        pipeline = dlt.pipeline(
            "measured", destination=destination, pipelines_dir=os.environ["RIVAL_FOLDER"]
        )
        records = dlt.resource(lambda: _pages(source), name="measured")
        pipeline.run(records).raise_on_failed_jobs()


def _pages(source: Path) -> Iterator[list[dict[str, Any]]]:
    with source.open("rb") as lines:
        while page := [orjson.loads(line) for line in islice(lines, PAGE)]:
            yield page


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
